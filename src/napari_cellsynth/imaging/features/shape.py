"""Size and outline of objects: area, perimeter, diameters, circularity, solidity, protrusions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_cellsynth.imaging.features.membrane import Membrane, nearest
from napari_cellsynth.imaging.features.objects import Columns, Objects

_DIRECTIONS = 64
_LEAST_PROTRUSION = 0.01


def shape(objects: Objects, membrane: Membrane) -> Columns:
    """Return figures of each object's outline; lengths in pixels.

    Parameters
    ----------
    objects, membrane : Objects, Membrane
        The objects and the distances from their membranes.

    Returns
    -------
    dict of str to ndarray
        ``area``: pixels. ``perimeter``: Crofton's formula in four directions. ``maximum_width``: twice the greatest
        distance from the membrane, the diameter of the largest circle inside (S4 section 3 takes the distance itself).
        ``diameter``: greatest distance between two points of the outline, the maximum Feret diameter (S4; its *length*
        is this in nanometres). ``minimum_caliper``: least distance between two parallel tangents.
        ``equivalent_diameter``: of the circle with this area, √(4 area / π). ``major_axis``, ``minor_axis``: of the
        ellipse with the same second moments, 4 √λ. ``aspect_ratio``: major / minor axis. ``circularity``: 4π area /
        perimeter². ``solidity``: area / area of the convex hull. ``convexity``: perimeter of the hull / perimeter.
        ``compactness``: (maximum width / equivalent diameter)². ``protrusions``, ``protruding_share``: see
        `protrusions`.
    """
    area, around = objects.area, perimeter(objects)
    support = _support(objects, membrane)
    caliper = support[:, :_DIRECTIONS] + support[:, _DIRECTIONS:]
    width = 2 * objects.greatest(membrane.depth) if len(objects) else area
    equivalent = np.sqrt(4 * area / np.pi)
    major, minor = _axes(objects)
    count, share = protrusions(objects, membrane)
    return {
        "area": area,
        "perimeter": around,
        "maximum_width": width,
        "diameter": caliper.max(axis=1),
        "minimum_caliper": caliper.min(axis=1),
        "equivalent_diameter": equivalent,
        "major_axis": major,
        "minor_axis": minor,
        "aspect_ratio": major / minor,
        "circularity": 4 * np.pi * area / around**2,
        "solidity": area / _hull_area(support),
        "convexity": support.sum(axis=1) * np.pi / _DIRECTIONS / around,
        "compactness": (width / equivalent) ** 2,
        "protrusions": count,
        "protruding_share": share,
    }


def perimeter(objects: Objects) -> NDArray[np.float64]:
    """Return the perimeters (n,), pixels, by Crofton's formula.

    P = π/2 · mean over four directions of (crossings of the outline × distance of the parallel lines of pixels), the
    same as ``skimage.measure.perimeter_crofton(mask, directions=4)``. The frame's border is outline.
    """
    around = np.pad(objects.place, 1, constant_values=-1)
    total = np.zeros(len(objects))
    for dy, dx, distance in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, np.sqrt(0.5)), (1, -1, np.sqrt(0.5))):
        for sign in (1, -1):
            neighbour = around[objects.y + 1 + sign * dy, objects.x + 1 + sign * dx]
            total += distance * objects.sum(neighbour != objects.of)
    return total * np.pi / 8


def protrusions(objects: Objects, membrane: Membrane) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many parts stick out of each object's body, and their share of its area; both (n,).

    The body is the object's opening with a disk of half its inscribed circle's radius, done with distance transforms
    so that every object has a disk of its own. What lies outside of the body and makes up at least 1 % of the object
    is a protrusion. (Our definition; the papers name the figure and give none.)
    """
    n = len(objects)
    if not n:
        return np.zeros(0), np.zeros(0)
    radius = objects.greatest(membrane.depth) / 2
    core = np.zeros(objects.place.shape, bool)
    core[objects.y, objects.x] = membrane.depth >= radius[objects.of]
    distance, row, column = nearest(~core, objects)
    at = (objects.y, objects.x)
    same = objects.place[row, column] == objects.of
    # The core begins at a pixel's middle, up to half a pixel deeper than the radius.
    outside = ~same | (distance > radius[objects.of] + 0.5)
    rest = np.zeros(objects.place.shape, np.int64)
    rest[at] = np.where(outside, objects.of + 1, 0)
    parts = label(rest, background=0, connectivity=2)[at][outside]
    size = np.bincount(parts, minlength=1)
    owner = np.zeros(len(size), np.int64)
    owner[parts] = objects.of[outside]
    counts = (size > 0) & (size >= _LEAST_PROTRUSION * objects.area[owner])
    counts[0] = False
    number = np.bincount(owner[counts], minlength=n).astype(np.float64)
    return number, np.bincount(owner[counts], weights=size[counts], minlength=n) / objects.area


def _support(objects: Objects, membrane: Membrane) -> NDArray[np.float64]:
    """Return h(θ) = max over the object of x cos θ + y sin θ for 128 directions over the whole turn, (n, 128).

    Measured from the centroid, over the corners of the pixels, so that it is exact for a rectangle along the axes.
    """
    order = np.flatnonzero(membrane.edge)
    order = order[np.argsort(objects.of[order], kind="stable")]
    of = objects.of[order]
    support = np.zeros((len(objects), 2 * _DIRECTIONS))
    if not len(objects):
        return support
    x = objects.x[order] - objects.mean(objects.x)[of]
    y = objects.y[order] - objects.mean(objects.y)[of]
    starts = np.searchsorted(of, np.arange(len(objects)))
    for number in range(_DIRECTIONS):
        angle = np.pi * number / _DIRECTIONS
        along = x * np.cos(angle) + y * np.sin(angle)
        corner = (abs(np.cos(angle)) + abs(np.sin(angle))) / 2
        support[:, number] = np.maximum.reduceat(along, starts) + corner
        support[:, number + _DIRECTIONS] = corner - np.minimum.reduceat(along, starts)
    return support


def _hull_area(support: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area of the polygon whose sides are the supporting lines: ½ Σ h_i · (length of side i).

    It lies around the convex hull, and is larger: by 0.02 % for a circle, by up to 1 % for a many-cornered shape.
    """
    step = np.pi / _DIRECTIONS
    sides = np.roll(support, 1, axis=1) + np.roll(support, -1, axis=1) - 2 * np.cos(step) * support
    return np.asarray((support * sides).sum(axis=1) / (2 * np.sin(step)))


def _axes(objects: Objects) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the axes of the ellipse with an object's second moments; a pixel is a square, with moments 1/12."""
    dx = objects.x - objects.mean(objects.x)[objects.of]
    dy = objects.y - objects.mean(objects.y)[objects.of]
    xx, yy, xy = (objects.mean(product) for product in (dx * dx, dy * dy, dx * dy))
    middle, spread = (xx + yy) / 2 + 1 / 12, np.hypot((xx - yy) / 2, xy)
    return 4 * np.sqrt(middle + spread), 4 * np.sqrt(np.maximum(middle - spread, 1 / 12))
