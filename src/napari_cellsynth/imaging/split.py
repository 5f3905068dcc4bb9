"""Cutting objects that touch apart at their waists."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

_WAIST_DEPTH = 0.1
"""A waist is cut where it is a tenth narrower than the thinner of its two parts."""

_HALO_WEIGHT, _HALO_DEPTH = 0.6, 0.25
"""With cells' widths known: weight of the brightness beside the logarithm of the distance, and depth of a cut in both.

Chosen on two phase-contrast frames of T98G cells, where a range of either (0.3-0.6, 0.2-0.3) scores about the same.
"""


def split_touching_objects(
    labels: NDArray[np.int32],
    min_area: int,
    *,
    image: NDArray[Any] | None = None,
    cell_width_px: float | None = None,
) -> NDArray[np.int32]:
    """Cut objects that touch apart, by a watershed of the distance to their outline.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X)
        Objects, 0 is background.
    min_area : int
        A part that is smaller than this, pixels, stays with its neighbour.
    image : ndarray, shape (Y, X), optional
        The frame; needed with ``cell_width_px``.
    cell_width_px : float, optional
        Width of a typical single cell, pixels. With it the cut follows the bright halos between dark cells of phase
        contrast too, which parts confluent cells; without it only waists of the outline are cut, which suits colonies.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        The same pixels, numbered anew 1, 2, …

    Notes
    -----
    A watershed of the plain distance cuts at every dent of an outline. In the logarithm of the distance a waist is as
    deep as the ratio of the widths, whatever the object's size, so one depth does for small and large objects.
    """
    halo, depth = None, float(-np.log1p(-_WAIST_DEPTH))
    if cell_width_px is not None and image is not None:
        halo, depth = _HALO_WEIGHT * _brightness(image, labels > 0, cell_width_px), _HALO_DEPTH
    out = np.zeros_like(labels)
    used = 0
    for index, place in enumerate(ndimage.find_objects(labels)):
        if place is None:
            continue
        mask = np.pad(labels[place] == index + 1, 1)
        inner = np.zeros(mask.shape, np.float32) if halo is None else np.pad(halo[place], 1)
        parts = _parts(mask, inner, min_area, depth)[1:-1, 1:-1]
        out[place] = np.where(parts > 0, parts + used, out[place])
        used += int(parts.max())
    return out


def _brightness(image: NDArray[Any], mask: NDArray[np.bool_], width: float) -> NDArray[np.float32]:
    """Return how bright the frame is at the scale of a cell, in standard deviations within the objects."""
    pixels = np.asarray(image, np.float32)
    band = ndimage.gaussian_filter(pixels, width / 7) - ndimage.gaussian_filter(pixels, width * 5 / 7)
    spread = float(band[mask].std()) if mask.any() else 0.0
    return np.asarray(band / spread if spread > 0 else np.zeros_like(band))


def _parts(mask: NDArray[np.bool_], halo: NDArray[np.float32], min_area: int, depth: float) -> NDArray[Any]:
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.5)
    height = np.log(np.maximum(distance, 1.0)) - halo
    height[~mask] = height.min() - 1
    seeds, count = ndimage.label((h_maxima(height, depth) > 0) & mask, np.ones((3, 3)))
    parts = watershed(-height, seeds, mask=mask)
    areas = np.bincount(parts.ravel(), minlength=count + 1)
    areas[0] = min_area
    # The smallest parts go first, a few at a time: what they leave may make another one large enough.
    while count > 1 and areas.min() < min_area:
        small = np.flatnonzero(areas < min_area)
        small = small[np.argsort(areas[small])][: max(1, min(small.size // 2, count - 1))]
        seeds[np.isin(seeds, small)] = 0
        seeds, count = ndimage.label(seeds > 0, np.ones((3, 3)))
        parts = watershed(-height, seeds, mask=mask)
        areas = np.bincount(parts.ravel(), minlength=count + 1)
        areas[0] = min_area
    return np.asarray(parts)
