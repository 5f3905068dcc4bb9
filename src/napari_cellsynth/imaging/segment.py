"""Finding colonies in a frame by their texture, and comparing label images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.entropy import local_entropy
from napari_cellsynth.imaging.morphology import fill_holes, label_objects, open_with_disk, otsu_threshold
from napari_cellsynth.imaging.split import split_touching_objects

_LUMINANCE = (0.2125, 0.7154, 0.0721)
"""Weights of red, green and blue (ITU-R BT.709), as scikit-image's rgb2gray has them."""

_MOST_CHANNELS = 4


def to_gray(image: NDArray[Any], *, name: str = "The frame") -> NDArray[Any]:
    """Return the one plane in which objects are looked for.

    Parameters
    ----------
    image : ndarray, shape (Y, X), (C, Y, X) or (Y, X, 3 or 4)
        A frame. Three channels are taken as red, green and blue and give their luminance; of two or four channels the
        first one is taken. Channels may come last for colour (alpha is left out).
    name : str, optional
        How messages call the frame.

    Returns
    -------
    ndarray, shape (Y, X)
        In the frame's dtype.

    Raises
    ------
    UserError
        If it is a volume or a whole series rather than one frame.
    """
    if image.ndim == 2:
        return image
    if image.ndim == 3 and image.shape[0] > _MOST_CHANNELS and image.shape[2] in (3, 4):
        image = np.moveaxis(image, 2, 0)[:3]
    if image.ndim != 3 or not 1 <= image.shape[0] <= _MOST_CHANNELS:
        raise UserError(
            f"{name} has the shape {image.shape}, which is a volume or a series.",
            "Segment one flat frame at a time: (Y, X), or (C, Y, X) with up to four channels.",
        )
    if image.shape[0] != 3:
        return np.asarray(image[0])
    gray = np.tensordot(np.asarray(_LUMINANCE, np.float32), image, axes=1)
    return np.asarray(np.rint(gray) if image.dtype.kind in "iu" else gray).astype(image.dtype)


def to_eight_bits(
    image: NDArray[Any], *, name: str = "The frame", limits: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    """Return a frame in 8 bits.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Any real dtype. uint8 stays as it is; anything else is stretched from its minimum … maximum to 0 … 255 and cut
        to whole numbers, as ``skimage.exposure.rescale_intensity(image, out_range="uint8").astype("uint8")``. A
        constant frame becomes 0.
    name : str, optional
        How messages call the frame.
    limits : tuple of float, optional
        The minimum and maximum of the whole frame, where the image is a part of it.

    Returns
    -------
    ndarray of uint8, shape (Y, X)

    Raises
    ------
    UserError
        If the frame holds not-a-number or infinite pixels.
    """
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.bool_:
        return image.astype(np.uint8) * np.uint8(255)
    if image.dtype.kind not in "iuf":
        raise UserError(f"{name} has pixels of the kind {image.dtype}.", "Use 8-bit, 16-bit or float pixels.")
    low, high = limits or (float(image.min()), float(image.max()))
    if not np.isfinite([low, high]).all():
        raise UserError(
            f"{name} holds pixels that are not numbers (NaN or infinite).", "Replace them before segmenting."
        )
    if low == high:
        return np.zeros(image.shape, np.uint8)
    stretched = (image.astype(np.float64) - low) / (high - low)
    return (stretched * 255).astype(np.uint8)


def flatten_field(image: NDArray[Any], sigma: float, region: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Divide a frame by its own smooth background, against uneven light.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Finite intensities.
    sigma : float
        Width of the Gaussian that makes the background, pixels; several times the size of an object.
    region : ndarray of bool, shape (Y, X), optional
        The pixels that make the background, so that what is dark outside (a well's wall) does not reach in.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        About 1 where the frame is as bright as its surroundings; 1 outside of the region.
    """
    pixels = np.asarray(image, np.float32)
    if region is None:
        background = _smooth(pixels, sigma)
    else:
        weight = np.asarray(region, np.float32)
        within = np.maximum(_smooth(weight, sigma), 1e-6)
        background = np.asarray(_smooth(pixels * weight, sigma) / within, np.float32)
    floor = max(float(background.max()) * 1e-3, float(np.finfo(np.float32).tiny))
    flat = np.asarray(pixels / np.maximum(background, floor), np.float32)
    if region is not None:
        flat[~region] = 1
    return flat


def _smooth(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    height, width = image.shape
    # So wide a Gaussian needs no fine pixels: at an eighth of its width it is the same to the eye and far quicker.
    step = max(1.0, sigma / 8)
    size = (max(1, round(width / step)), max(1, round(height / step)))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    smooth = ndimage.gaussian_filter(small, sigma / step, mode="reflect")
    return np.asarray(Image.fromarray(smooth).resize((width, height), Image.Resampling.BICUBIC))


def segment_colonies(
    image: NDArray[Any],
    radius: int = 9,
    opening: int = 5,
    min_area: int = 500,
    *,
    flat_field_px: float | None = None,
    split_touching: bool = False,
    cell_width_px: float | None = None,
    region: NDArray[np.bool_] | None = None,
    name: str = "The frame",
) -> NDArray[np.int32]:
    """Find the colonies of one frame.

    Without options this is the stem-cell paper's pipeline: local entropy, Otsu's threshold, opening with a disk,
    filling of holes, removal of small objects, labelling (hESCnet paper, section on segmentation).

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        One frame of any real dtype; more than 8 bits are stretched to 8 from minimum … maximum (see `to_eight_bits`).
        (C, Y, X) and colour are taken as `to_gray` says.
    radius : int, optional
        Radius of the disk in which texture is measured, pixels, at least 1.
    opening : int, optional
        Radius of the opening's disk, pixels; 0 leaves the step out.
    min_area : int, optional
        Smallest object that is kept, pixels.
    flat_field_px : float, optional
        Width (sigma, pixels) of the background that the frame is divided by first; see `flatten_field`.
    split_touching : bool, optional
        Cut objects that touch apart; see `split_touching_objects`.
    cell_width_px : float, optional
        Width of a typical single cell, pixels; with ``split_touching`` it parts confluent cells along their halos.
    region : ndarray of bool, shape (Y, X), optional
        Where objects may lie; the threshold is learned from these pixels alone.
    name : str, optional
        How messages call the frame.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 is background, objects are 1, 2, …; all 0 for a constant frame.

    Raises
    ------
    UserError
        If the frame is a volume, holds NaN, or a setting is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_cellsynth as cs
    >>> frame = np.full((120, 160), 100, np.uint8)
    >>> frame[30:90, 40:110] += np.random.default_rng(0).integers(0, 99, (60, 70), np.uint8)
    >>> labels = cs.segment_colonies(frame, radius=3, min_area=50)
    >>> int(labels.max()), labels.dtype.name
    (1, 'int32')
    """
    check_settings(radius, opening, min_area, flat_field_px, cell_width_px)
    gray = to_gray(np.asarray(image), name=name)
    if gray.size == 0:
        raise UserError(f"{name} is empty.", "Check the image.")
    pixels = to_eight_bits(gray, name=name)
    if region is not None and region.shape != gray.shape:
        raise UserError(
            f"The region of interest is {region.shape}, the frame {gray.shape}.", "Draw the region on this image."
        )
    inside = None if region is None else region.astype(bool)
    if inside is not None and not inside.any():
        return np.zeros(gray.shape, np.int32)
    if flat_field_px is not None and pixels.min() < pixels.max():
        # Back at the frame's own brightness and depth: stretching 8 bits further would make texture of the noise.
        even = flatten_field(gray, flat_field_px, inside) * float(gray.mean())
        pixels = np.rint(even).clip(0, 255).astype(np.uint8) if gray.dtype == np.uint8 else to_eight_bits(even)
    texture = local_entropy(pixels, radius)
    mask = texture > otsu_threshold(texture if inside is None else texture[inside])
    if inside is not None:
        mask &= inside
    mask = fill_holes(open_with_disk(mask, opening))
    labels = label_objects(mask, min_area)
    if split_touching:
        return split_touching_objects(labels, min_area, image=gray, cell_width_px=cell_width_px)
    return labels


def check_settings(
    radius: int, opening: int, min_area: int, flat_field_px: float | None, cell_width_px: float | None
) -> None:
    """Raise a UserError where a setting of `segment_colonies` is out of its range."""
    if not 1 <= radius <= 255:
        raise UserError(f"The texture radius is {radius} px.", "Choose 1 to 255 px.")
    if not 0 <= opening <= 255:
        raise UserError(f"The opening radius is {opening} px.", "Choose 0 to 255 px.")
    if min_area < 0:
        raise UserError(f"The smallest object is {min_area} px.", "Choose 0 px or more.")
    if flat_field_px is not None and not (np.isfinite(flat_field_px) and flat_field_px > 0):
        raise UserError(f"The flat field is {flat_field_px} px wide.", "Choose more than 0 px.")
    if cell_width_px is not None and not (np.isfinite(cell_width_px) and cell_width_px >= 1):
        raise UserError(f"A cell is {cell_width_px} px wide.", "Choose 1 px or more.")


@dataclass(frozen=True)
class SegmentationScores:
    """How well predicted objects agree with true ones.

    Attributes
    ----------
    f1 : float
        2 matched / (predicted + true), where a pair is matched if its intersection over union is above one half (such
        pairs are one-to-one); 1 if there are no objects in either.
    mean_iou : float
        Mean over the true objects of the intersection over union with the predicted object that fits best; 1 if there
        are no objects in either, 0 if there are predicted ones only.
    matched, predicted, true : int
        Numbers of objects.
    """

    f1: float
    mean_iou: float
    matched: int
    predicted: int
    true: int


def segmentation_scores(predicted: NDArray[np.integer[Any]], truth: NDArray[np.integer[Any]]) -> SegmentationScores:
    """Compare two label images.

    Parameters
    ----------
    predicted, truth : ndarray of int, shape (Y, X)
        0 is background.

    Returns
    -------
    SegmentationScores
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"the label images differ in shape: {predicted.shape} and {truth.shape}")
    _, ours = np.unique(predicted, return_inverse=True)
    _, theirs = np.unique(truth, return_inverse=True)
    # Where a label image has no background at all, its first object must not be taken for it.
    ours = ours.ravel() + int(predicted.min() != 0)
    theirs = theirs.ravel() + int(truth.min() != 0)
    rows, columns = int(ours.max()) + 1, int(theirs.max()) + 1
    overlap = np.bincount(ours * columns + theirs, minlength=rows * columns).reshape(rows, columns)
    union = overlap.sum(axis=1)[1:, None] + overlap.sum(axis=0)[None, 1:] - overlap[1:, 1:]
    iou = overlap[1:, 1:] / union
    matched = int((iou > 0.5).sum())
    count, true = iou.shape
    if count == 0 and true == 0:
        return SegmentationScores(1.0, 1.0, 0, 0, 0)
    mean_iou = float(iou.max(axis=0).mean()) if count and true else 0.0
    return SegmentationScores(2 * matched / (count + true), mean_iou, matched, count, true)
