"""Fast work on binary maps of whole frames: opening with a disk, filling holes, labelling, and Otsu's threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.entropy import compiled, disk_half_widths, in_bands

_FAR = 65535


@compiled
def _distance_in_row(mask: NDArray[np.bool_], goal: bool, out: NDArray[np.uint16], first: int, last: int) -> None:
    """Write each pixel's distance, along its row, to the nearest pixel that equals ``goal`` (65535: none that near)."""
    width = mask.shape[1]
    for y in range(first, last):
        gone = 65535
        for x in range(width):
            gone = 0 if mask[y, x] == goal else min(gone + 1, 65535)
            out[y, x] = gone
        gone = 65535
        for x in range(width - 1, -1, -1):
            gone = 0 if mask[y, x] == goal else min(gone + 1, 65535)
            out[y, x] = min(out[y, x], gone)


@compiled
def _any_within_disk(
    distance: NDArray[np.uint16], half: NDArray[np.uint16], out: NDArray[np.bool_], first: int, last: int
) -> None:
    """Write whether a disk around each pixel meets a pixel at distance 0."""
    height, width = distance.shape
    radius = half.size // 2
    for y in range(first, last):
        hit = np.zeros(width, np.bool_)
        for row in range(max(y - radius, 0), min(y + radius, height - 1) + 1):
            reach = half[row - y + radius]
            for x in range(width):
                hit[x] |= distance[row, x] <= reach
        out[y] = hit


def _meets_disk(mask: NDArray[np.bool_], goal: bool, radius: int) -> NDArray[np.bool_]:
    half = disk_half_widths(radius).astype(np.uint16)
    distance = np.empty(mask.shape, np.uint16)
    met = np.empty(mask.shape, np.bool_)
    in_bands(lambda first, last: _distance_in_row(mask, goal, distance, first, last), mask.shape[0])
    in_bands(lambda first, last: _any_within_disk(distance, half, met, first, last), mask.shape[0])
    return met


def open_with_disk(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Return the morphological opening of a binary map.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        The map; what lies outside of the frame does not erode it.
    radius : int
        The disk's radius, pixels (x² + y² <= radius²); 0 changes nothing.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        The same as ``skimage.morphology.opening(mask, disk(radius))``.

    Notes
    -----
    A disk meets a pixel of the background if, in one of its rows, the background is no farther than the row's half
    width; so each step takes one distance along the rows and 2 radius + 1 comparisons a pixel.
    """
    if radius == 0:
        return mask.copy()
    if radius >= _FAR:
        raise ValueError(f"the radius is under {_FAR} pixels, not {radius}")
    eroded = ~_meets_disk(np.ascontiguousarray(mask), False, radius)
    return _meets_disk(eroded, True, radius)


@compiled
def _runs(
    mask: NDArray[np.bool_], value: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return row, start, stop and root of every horizontal run of ``value``; runs that touch by a side share a root.

    A root is the index of its component's first run in raster order.
    """
    height, width = mask.shape
    count = 0
    for y in range(height):
        before = not value
        for x in range(width):
            count += mask[y, x] == value and before != value
            before = mask[y, x]
    row, start = np.empty(count, np.int32), np.empty(count, np.int32)
    stop, root = np.empty(count, np.int32), np.empty(count, np.int32)
    made, above = 0, 0
    for y in range(height):
        first = made
        x = 0
        while x < width:
            if mask[y, x] != value:
                x += 1
                continue
            start[made] = x
            while x < width and mask[y, x] == value:
                x += 1
            row[made], stop[made], root[made] = y, x, made
            made += 1
        upper, lower = above, first
        while upper < first and lower < made:
            if start[upper] < stop[lower] and start[lower] < stop[upper]:
                one, other = upper, lower
                while root[one] != one:
                    root[one] = root[root[one]]
                    one = root[one]
                while root[other] != other:
                    root[other] = root[root[other]]
                    other = root[other]
                root[max(one, other)] = min(one, other)
            if stop[upper] < stop[lower]:
                upper += 1
            else:
                lower += 1
        above = first
    for run in range(made):
        root[run] = root[root[run]]
    return row, start, stop, root


@compiled
def _fill(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    height, width = mask.shape
    row, start, stop, root = _runs(mask, False)
    outside = np.zeros(root.size, np.bool_)
    for run in range(root.size):
        if row[run] == 0 or row[run] == height - 1 or start[run] == 0 or stop[run] == width:
            outside[root[run]] = True
    filled = mask.copy()
    for run in range(root.size):
        if not outside[root[run]]:
            filled[row[run], start[run] : stop[run]] = True
    return filled


@compiled
def _label(mask: NDArray[np.bool_], min_area: int) -> NDArray[np.int32]:
    row, start, stop, root = _runs(mask, True)
    area = np.zeros(root.size, np.int64)
    for run in range(root.size):
        area[root[run]] += stop[run] - start[run]
    number = np.zeros(root.size, np.int32)
    labels = np.zeros(mask.shape, np.int32)
    used = 0
    for run in range(root.size):
        component = root[run]
        if area[component] < min_area:
            continue
        if number[component] == 0:
            used += 1
            number[component] = used
        labels[row[run], start[run] : stop[run]] = number[component]
    return labels


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill what the map encloses.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        The map.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        The same as ``scipy.ndimage.binary_fill_holes(mask)``: background that reaches the frame's border by sides
        stays.
    """
    filled: NDArray[np.bool_] = _fill(np.ascontiguousarray(mask))
    return filled


def label_objects(mask: NDArray[np.bool_], min_area: int) -> NDArray[np.int32]:
    """Label the connected regions of a map, and drop the small ones.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        The map; pixels that touch by a side are connected, as in ``skimage.morphology.remove_small_objects``.
    min_area : int
        Smallest region that is kept, pixels.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 is background; objects are 1, 2, … in the order of their first pixels.
    """
    labels: NDArray[np.int32] = _label(np.ascontiguousarray(mask), min_area)
    return labels


@compiled
def _extremes(values: NDArray[Any]) -> tuple[float, float]:
    low = high = values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    return low, high


@compiled
def histogram(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many values (N,) lie in each of the equal bins between edges, all lying in them."""
    bins = edges.size - 1
    counts = np.zeros(bins, np.int64)
    low, scale = edges[0], bins / (edges[bins] - edges[0])
    for value in values:
        place = min(int((value - low) * scale), bins - 1)
        # Rounding may put a value that lies on an edge one bin too far; numpy corrects it the same way.
        if value < edges[place]:
            place -= 1
        elif place < bins - 1 and value >= edges[place + 1]:
            place += 1
        counts[place] += 1
    return counts


def otsu_threshold(values: NDArray[np.float64]) -> float:
    """Return Otsu's threshold over a histogram of 256 bins; foreground is what lies above it.

    Parameters
    ----------
    values : ndarray of float64
        Any shape, finite, at least one value.

    Returns
    -------
    float
        The same as ``skimage.filters.threshold_otsu(values)``; of equal values, that value.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Syst. Man Cybern. 9 (1979) 62-66.
    """
    flat = np.ascontiguousarray(values).ravel()
    low, high = _extremes(flat)
    if low == high:
        return float(low)
    edges = np.linspace(low, high, 257)
    return otsu_of_counts(histogram(flat, edges), edges)


def otsu_of_counts(histogram: NDArray[np.int64], edges: NDArray[np.float64]) -> float:
    """Return Otsu's threshold of a histogram: N counts between N + 1 edges, the first and the last count not 0."""
    counts = histogram.astype(np.float64)
    centres = (edges[:-1] + edges[1:]) / 2
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    mean_below = np.cumsum(counts * centres) / below
    mean_above = (np.cumsum((counts * centres)[::-1]) / above[::-1])[::-1]
    between = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return float(centres[np.argmax(between)])
