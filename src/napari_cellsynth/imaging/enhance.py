"""Evening out the contrast of a frame before objects are looked for, and how far each way takes it from what it was."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError

Method = Literal["none", "he", "ahe", "clahe"]


def enhance(image: NDArray[Any], method: Method, *, name: str = "The frame") -> NDArray[Any]:
    """Equalise the histogram of a frame.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        uint8, uint16 or float; finite.
    method : {"none", "he", "ahe", "clahe"}
        Nothing; histogram equalisation of the whole frame; adaptive (in tiles of an eighth of the frame, contrast
        unlimited); the same with limited contrast (scikit-image's limit of 0.01).
    name : str, optional
        How messages call the frame.

    Returns
    -------
    ndarray, shape (Y, X)
        In the frame's dtype: integers fill the dtype's range, floats keep the frame's minimum … maximum. A constant
        frame is returned as it is.

    Raises
    ------
    UserError
        If there is no such method, or if the frame holds NaN or infinite pixels.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_cellsynth as cs
    >>> frame = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)  # uses 4096 of 65536 levels
    >>> int(cs.enhance(frame, "he").max())
    65535
    """
    if method not in get_args(Method):
        raise UserError(f"There is no enhancement {method!r}.", f"Choose one of {', '.join(get_args(Method))}.")
    if method == "none":
        return image
    if image.ndim != 2:
        raise ValueError(f"enhance takes a (Y, X) frame, not {image.shape}")
    _need_numbers(image, name)
    low, high = float(image.min()), float(image.max())
    if low == high:
        return image
    from skimage import exposure

    unit = (image.astype(np.float64) - low) / (high - low)
    if method == "he":
        even = exposure.equalize_hist(unit, nbins=65536 if image.dtype == np.uint16 else 256)
    else:
        # A limit of 1 clips nothing: plain adaptive equalisation.
        even = exposure.equalize_adapthist(unit, clip_limit=1.0 if method == "ahe" else 0.01)
    if image.dtype.kind == "f":
        return np.asarray(even * (high - low) + low).astype(image.dtype)
    limits = np.iinfo(image.dtype)
    return np.asarray(np.rint(even * (limits.max - limits.min) + limits.min)).astype(image.dtype)


class Effect(NamedTuple):
    """How far a method takes a frame from what it was (S1, Table 1): mean squared error, PSNR in dB, SSIM."""

    method: Method
    mse: float
    psnr: float
    ssim: float


def effects(image: NDArray[Any], *, name: str = "The frame") -> list[Effect]:
    """Compare every enhancement of a frame with the frame (S1, section 4.2, equations 5 to 7).

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        uint8, uint16 or float; finite; at least 7 x 7 pixels.
    name : str, optional
        How messages call the frame.

    Returns
    -------
    list of Effect
        Of HE, AHE and CLAHE, on the scale of 0 … 255 as in S1: frames deeper than 8 bit are stretched from their
        minimum … maximum first. SSIM is scikit-image's, over 7 x 7 windows. A frame that is not changed has an MSE
        of 0 and an infinite PSNR.

    Raises
    ------
    UserError
        If the frame is too small, or holds NaN or infinite pixels.
    """
    from skimage import metrics

    if image.ndim != 2 or min(image.shape) < 7:
        raise UserError(f"{name} is too small to compare enhancements on.", "Take one of 7 x 7 pixels and more.")
    _need_numbers(image, name)
    original, rows = _eight_bit(image), []
    for method in get_args(Method):
        if method == "none":
            continue
        even = _eight_bit(enhance(image, method, name=name))
        mse = float(metrics.mean_squared_error(original, even))
        psnr = 10 * np.log10(255**2 / mse) if mse else np.inf
        ssim = metrics.structural_similarity(original, even, data_range=255.0)
        rows.append(Effect(method, mse, float(psnr), float(ssim)))
    return rows


def _need_numbers(image: NDArray[Any], name: str) -> None:
    if not np.isfinite([image.min(), image.max()]).all():
        raise UserError(f"{name} holds pixels that are not numbers (NaN or infinite).", "Replace them first.")


def _eight_bit(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return a frame on the scale of 0 … 255."""
    values = image.astype(np.float64)
    if image.dtype == np.uint8:
        return values
    low, high = values.min(), values.max()
    return (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
