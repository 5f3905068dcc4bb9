"""Objects corrected by hand: parted into n or along a drawn line, and label images from elsewhere made usable."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.draw import line as pixels_between
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from napari_cellsynth.errors import UserError

_EIGHT = np.ones((3, 3), bool)
_MOST_PARTS = 100
_COARSE_PX = 256
_STANDS_OUT = 0.05
"""A maximum counts as a part of its own where the way to the next one is narrower by this share of the widest place."""
_LARGEST_KEPT_NUMBER = 1_000_000
"""Numbers up to here stay as they are; tables by number would become too long for larger ones."""


def part_into(mask: NDArray[np.bool_], count: int) -> NDArray[np.int32]:
    """Part one object into a number of parts, by a watershed of the distance to its outline.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        The object.
    count : int
        How many parts, 2 to 100.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        Parts 1 … ``count`` from the largest on, together the object's pixels; 0 elsewhere.

    Raises
    ------
    UserError
        When the object has fewer pixels than parts are asked for, or the number is out of its range.

    Notes
    -----
    The seeds are the ``count`` maxima of the distance that stand out most (h-maxima). An outline with fewer waists than
    that has fewer maxima; then the seeds are the centres of ``count`` clusters of its pixels (k-means).
    """
    if not 2 <= count <= _MOST_PARTS:
        raise UserError(f"An object cannot be parted into {count}.", f"Choose 2 to {_MOST_PARTS} parts.")
    if int(mask.sum()) < count:
        raise UserError(f"An object of {int(mask.sum())} px cannot be parted into {count}.", "Choose fewer parts.")
    [place] = ndimage.find_objects(mask.astype(np.int8))
    inner = np.pad(mask[place], 1)
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(inner), 1.0) * inner
    seeds = _maxima(distance, inner, count)
    if seeds is None:
        seeds = _clusters(inner, count)
        # The clusters themselves part a shape without waists more evenly than its distance would.
        distance = ndimage.distance_transform_edt(seeds == 0) * -1.0
    parts = watershed(-distance, seeds, mask=inner)
    out = np.zeros(mask.shape, np.int32)
    out[place] = _largest_first(_adopted(parts, inner))[1:-1, 1:-1]
    return out


def part_along(labels: NDArray[np.integer[Any]], points: NDArray[Any]) -> dict[int, NDArray[np.int32]]:
    """Part the objects that a drawn line cuts through.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Objects, 0 is background.
    points : ndarray, shape (N, 2)
        The line's corners (y, x) in pixels; they may lie outside of the frame.

    Returns
    -------
    dict of int to ndarray of int32, shape (Y, X) each
        Of every object that falls apart: its number and its parts 1, 2, … from the largest on, together the object's
        pixels. Objects that the line enters without parting them are not in it.
    """
    cut = _drawn(points, labels.shape)
    found: dict[int, NDArray[np.int32]] = {}
    for number in np.unique(labels[cut]).tolist():
        if number == 0:
            continue
        mask = labels == number
        [place] = ndimage.find_objects(mask.astype(np.int8))
        inner = mask[place]
        _, before = ndimage.label(inner, _EIGHT)
        # Four neighbours: a diagonal line of single pixels parts what lies on its two sides.
        pieces, count = ndimage.label(inner & ~cut[place])
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
        # A freehand line leaves crumbs beside itself; they are no objects.
        kept = np.flatnonzero(sizes > max(4, 0.002 * sizes.sum(initial=0))) + 1
        if len(kept) <= before:
            continue
        table = np.zeros(count + 1, np.int32)
        table[kept] = np.arange(1, len(kept) + 1)
        parts = np.zeros(labels.shape, np.int32)
        parts[place] = _largest_first(_adopted(table[pieces], inner))
        found[int(number)] = parts
    return found


def as_instances(values: Any, shape: tuple[int, ...], *, name: str = "The label image") -> NDArray[np.int32]:
    """Return a label image of any origin as objects of a frame.

    Parameters
    ----------
    values : array_like, shape (Y, X)
        Any dtype; axes of length 1 are left out. True and false are taken apart into connected objects.
    shape : tuple of int
        Height and width of the frame, pixels.
    name : str, optional
        How messages call it.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        A copy; numbers above 1,000,000 are numbered anew, 1, 2, …

    Raises
    ------
    UserError
        When it has another size, negative numbers, broken numbers, or is no array of numbers.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise UserError(f"{name} holds {array.dtype}, not whole numbers.", "Give one number an object, 0 elsewhere.")
    array = array.reshape([length for length in array.shape if length != 1] if array.ndim > 2 else array.shape)
    if array.shape != tuple(shape):
        raise UserError(
            f"{name} is {' × '.join(map(str, array.shape))}, the frame {' × '.join(map(str, shape))} pixels.",
            "It must lie on the frame pixel by pixel.",
        )
    if array.dtype == np.bool_:
        return np.asarray(ndimage.label(array, _EIGHT)[0], np.int32)
    if array.size == 0:
        return np.zeros(shape, np.int32)
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.rint(array)).all()):
        raise UserError(f"{name} holds broken numbers.", "Give one whole number an object, 0 elsewhere.")
    if array.min() < 0:
        raise UserError(f"{name} holds negative numbers (down to {array.min():g}).", "0 is background, objects are 1…")
    if array.max() > _LARGEST_KEPT_NUMBER:
        numbers, anew = np.unique(array, return_inverse=True)
        # Where there is no background at all the smallest number is an object.
        return np.asarray(anew.reshape(shape) + int(numbers[0] != 0), np.int32)
    return array.astype(np.int32)


def in_pieces(labels: NDArray[np.integer[Any]]) -> list[int]:
    """Return the numbers of the objects that lie in several unconnected pieces (corners connect)."""
    found = []
    for index, place in enumerate(ndimage.find_objects(labels)):
        if place is not None and ndimage.label(labels[place] == index + 1, _EIGHT)[1] > 1:
            found.append(index + 1)
    return found


def _maxima(distance: NDArray[Any], mask: NDArray[np.bool_], count: int) -> NDArray[np.int32] | None:
    """Return seeds 1 … count at the maxima that stand out most, or None where there are too few."""
    # Where the waists are shows on a coarse picture too, and finding them there is quick.
    step = max(1, max(mask.shape) // _COARSE_PX)
    coarse, inner = distance[::step, ::step], mask[::step, ::step]
    low, high = max(0.5, _STANDS_OUT * float(distance.max())), float(distance.max())
    seeds, found = ndimage.label((h_maxima(coarse, low) > 0) & inner, _EIGHT)
    if found < count:
        return None
    for _ in range(8):
        if found == count:
            break
        depth = (low + high) / 2
        fewer, left = ndimage.label((h_maxima(coarse, depth) > 0) & inner, _EIGHT)
        if left >= count:
            low, seeds, found = depth, fewer, left
        else:
            high = depth
    numbers = np.arange(1, found + 1)
    tops = ndimage.maximum_position(coarse, seeds, numbers)
    heights = np.array([coarse[top] for top in tops])
    out = np.zeros(mask.shape, np.int32)
    for number, which in enumerate(np.argsort(-heights, kind="stable")[:count], start=1):
        out[tops[which][0] * step, tops[which][1] * step] = number
    return out


def _clusters(mask: NDArray[np.bool_], count: int) -> NDArray[np.int32]:
    """Return seeds 1 … count: of each cluster of pixels the one nearest to its centre."""
    pixels = np.argwhere(mask)
    order = np.argsort(pixels @ _main_axis(pixels))
    centres = pixels[order[np.linspace(0, len(order) - 1, 2 * count + 1).astype(int)[1::2]]].astype(np.float64)
    for _ in range(20):  # Lloyd's rounds; a cluster that nothing is nearest to stays where it is
        nearest = cdist(pixels, centres, "sqeuclidean").argmin(axis=1)
        sizes = np.bincount(nearest, minlength=count)
        sums = [np.bincount(nearest, pixels[:, axis], count) for axis in (0, 1)]
        centres[sizes > 0] = np.stack(sums, axis=1)[sizes > 0] / sizes[sizes > 0, None]
    seeds = np.zeros(mask.shape, np.int32)
    for number, centre in enumerate(centres, start=1):
        free = pixels[seeds[tuple(pixels.T)] == 0]
        seeds[tuple(free[np.argmin(((free - centre) ** 2).sum(axis=1))])] = number
    return seeds


def _main_axis(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    centred = pixels - pixels.mean(axis=0)
    return np.asarray(np.linalg.eigh(centred.T @ centred)[1][:, -1])


def _adopted(parts: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give the object's pixels that belong to no part (the cut, crumbs) to the nearest part."""
    left = mask & (parts == 0)
    if left.any():
        rows, columns = ndimage.distance_transform_edt(parts == 0, return_distances=False, return_indices=True)
        parts = np.where(left, parts[rows, columns], parts)
    return np.asarray(parts, np.int32)


def _largest_first(parts: NDArray[np.int32]) -> NDArray[np.int32]:
    order = np.argsort(-np.bincount(parts.ravel())[1:], kind="stable") + 1
    table = np.zeros(len(order) + 1, np.int32)
    table[order] = np.arange(1, len(order) + 1)
    return table[parts]


def _drawn(points: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the pixels of a line that lie in the frame, connected so that nothing slips through between two."""
    cut = np.zeros(shape, bool)
    corners = np.rint(np.asarray(points, np.float64).reshape(-1, 2)).astype(np.int64)
    for (y0, x0), (y1, x1) in pairwise(corners):
        rows, columns = pixels_between(y0, x0, y1, x1)
        inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
        cut[rows[inside], columns[inside]] = True
    return cut
