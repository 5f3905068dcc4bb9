"""Evening out the contrast of a frame before objects are looked for."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from skimage import exposure

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
    """
    if method not in get_args(Method):
        raise UserError(f"There is no enhancement {method!r}.", f"Choose one of {', '.join(get_args(Method))}.")
    if method == "none":
        return image
    if image.ndim != 2:
        raise ValueError(f"enhance takes a (Y, X) frame, not {image.shape}")
    low, high = float(image.min()), float(image.max())
    if not np.isfinite([low, high]).all():
        raise UserError(f"{name} holds pixels that are not numbers (NaN or infinite).", "Replace them first.")
    if low == high:
        return image
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
