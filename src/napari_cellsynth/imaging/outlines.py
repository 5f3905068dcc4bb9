"""Outlines of masks along the edges of their pixels, and masks back from outlines, the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cellsynth.imaging.crop import Box

Ring = list[tuple[int, int]]
"""Corners (x, y), the first one again at the end."""

_SIDES = {(1, 0): (0, 0), (0, 1): (1, 0), (-1, 0): (1, 1), (0, -1): (0, 1)}
"""The way along each side of a pixel, and the corner (x, y) that it begins at: clockwise on the screen."""


def outlines(mask: NDArray[np.bool_], origin: tuple[int, int] = (0, 0)) -> list[list[Ring]]:
    """Return the polygons of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        One object, of any number of parts, with or without holes.
    origin : tuple of int
        (y, x) of its first pixel in the frame.

    Returns
    -------
    list of list of Ring
        A polygon for each part (pixels that touch by a side): its outer ring, then its holes. A pixel covers x to x + 1
        and y to y + 1; rings run along pixel edges, corners only where they turn, and never touch themselves. Outer
        rings have a positive area in the shoelace formula, holes a negative one.
    """
    parts, count = ndimage.label(mask)
    places = ndimage.find_objects(parts)
    polygons = []
    for number in range(1, count + 1):
        place = places[number - 1]
        y, x = origin[0] + place[0].start, origin[1] + place[1].start
        rings = [[(px + x, py + y) for px, py in ring] for ring in _rings(parts[place] == number)]
        polygons.append(sorted(rings, key=signed_area, reverse=True))  # one positive ring, the outer one
    return polygons


def signed_area(ring: Sequence[tuple[float, float]]) -> float:
    """Return a closed ring's area by the shoelace formula, px²; negative the other way round."""
    points = np.asarray(ring, np.float64)
    x, y = points[:, 0], points[:, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def filled(polygons: Sequence[Sequence[Any]], height: int, width: int) -> tuple[Box, NDArray[np.bool_]] | None:
    """Return the pixels whose centres lie in polygons.

    Parameters
    ----------
    polygons : sequence of polygons
        Each a sequence of rings (outer one and holes), each a sequence of points (x, y); by the even-odd rule.
    height, width : int
        Of the frame; what lies outside of it is left out.

    Returns
    -------
    (Box, ndarray of bool) or None
        The smallest box around the pixels and the mask within it; None where there is no pixel.
    """
    points = [point for polygon in polygons for ring in polygon for point in ring]
    if not points:
        return None
    low, high = np.floor(np.min(points, axis=0)), np.ceil(np.max(points, axis=0))
    x0, y0 = (int(v) for v in np.clip(low, 0, (width, height)))
    x1, y1 = (int(v) for v in np.clip(high, 0, (width, height)))
    if x1 <= x0 or y1 <= y0:
        return None
    mask = np.zeros((y1 - y0, x1 - x0), bool)
    for polygon in polygons:
        mask |= _even_odd(polygon, y0, x0, mask.shape)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    return Box(y0 + top, x0 + left, y0 + bottom, x0 + right), mask[top:bottom, left:right]


def _even_odd(polygon: Sequence[Any], y0: int, x0: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where the rings are crossed an odd number of times on the way from the left to a pixel's centre."""
    crossings = np.zeros((shape[0], shape[1] + 1), np.uint8)
    for ring in polygon:
        points = np.asarray(ring, np.float64)[:, :2] - (x0 + 0.5, y0 + 0.5)  # centres lie on whole numbers
        for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if ay == by:
                continue
            first, last = int(np.ceil(min(ay, by))), int(np.ceil(max(ay, by)))  # half open: each end counts once
            rows = np.arange(max(first, 0), min(last, shape[0]))
            if len(rows):
                x = ax + (rows - ay) * (bx - ax) / (by - ay)
                np.add.at(crossings, (rows, np.clip(np.ceil(x), 0, shape[1]).astype(int)), 1)
    return np.asarray(np.cumsum(crossings[:, :-1], axis=1, dtype=np.uint8) % 2 == 1)


def _rings(part: NDArray[np.bool_]) -> list[Ring]:
    """Return the closed rings around a part, which has its pixels on the right hand on the screen."""
    padded = np.pad(part, 1)
    ways: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (dx, dy), (cx, cy) in _SIDES.items():
        beyond = np.roll(padded, (dx, -dy), axis=(0, 1))  # above for the upper side, to the right for the right one, …
        for y, x in np.argwhere(padded & ~beyond).tolist():
            ways.setdefault((x - 1 + cx, y - 1 + cy), []).append((dx, dy))
    left = {(at, way) for at, options in ways.items() for way in options}
    rings = []
    while left:
        first = step = left.pop()
        ring: Ring = []
        while True:
            (x, y), (dx, dy) = step
            at = x + dx, y + dy
            # Where two pixels touch by a corner, the ring keeps to the gap between them, so that it never meets itself.
            way = ways[at][0] if len(ways[at]) == 1 else (dy, -dx)
            if way != (dx, dy):
                ring.append(at)
            step = at, way
            if step == first:
                break
            left.remove(step)
        rings.append([*ring, ring[0]])
    return rings
