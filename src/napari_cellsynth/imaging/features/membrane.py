"""Where an object's membrane runs and how far every pixel is from it, also where objects touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cellsynth.imaging.features.objects import Objects

REACH = 3.0
"""How far outside of a membrane its surroundings are looked at, pixels."""


@dataclass(frozen=True)
class Membrane:
    """Distances from the objects' membranes, which run half a pixel outside of their outermost pixels' centres.

    Attributes
    ----------
    edge : ndarray of bool, shape (P,)
        Whether an object pixel has a side in common with another object, the background or the frame's border.
    depth : ndarray of float, shape (P,)
        Distance of every object pixel from its membrane, pixels, 0.5 or more.
    near_y, near_x, near_of : ndarray of int, shape (Q,)
        The background pixels within `REACH` of an object, and that object.
    near : ndarray of float, shape (Q,)
        Their distances from its membrane, pixels.
    """

    edge: NDArray[np.bool_]
    depth: NDArray[np.float64]
    near_y: NDArray[np.int64]
    near_x: NDArray[np.int64]
    near_of: NDArray[np.int64]
    near: NDArray[np.float64]


def membrane(objects: Objects) -> Membrane:
    """Measure distances from the membranes of all objects at once (Euclidean distance transforms)."""
    place = objects.place
    around = np.pad(place, 1, constant_values=-2)
    middle = slice(1, -1)
    inner = place >= 0
    for neighbour in (around[:-2, middle], around[2:, middle], around[middle, :-2], around[middle, 2:]):
        inner &= neighbour == place
    edge = ~inner[objects.y, objects.x]
    # An inner pixel lies half a pixel deeper than the edge pixel that is nearest to it.
    inside = nearest(inner, objects)[0] if edge.any() else np.zeros(len(objects.of))
    return Membrane(edge, inside + 0.5, *_surroundings(objects, edge))


def nearest(
    outside: NDArray[np.bool_], objects: Objects
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
    """Return how far each object pixel (P,) is from the nearest pixel that is not ``outside`` (Y, X), and its place.

    Only where there are objects: the distances of a whole frame take as long again as finding the nearest pixels.
    """
    rows, columns = ndimage.distance_transform_edt(outside, return_distances=False, return_indices=True)
    y, x = rows[objects.y, objects.x], columns[objects.y, objects.x]
    return np.hypot(objects.y - y, objects.x - x), y, x


def _surroundings(
    objects: Objects, edge: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return row, column, nearest object and distance of the background pixels that are near an object.

    Every edge pixel writes its distance to the pixels around it, the farthest first, so that the nearest stays: much
    less work than the distances of the whole frame.
    """
    pad = int(REACH) + 1
    place = np.pad(objects.place, pad, constant_values=-2)
    flat, width = place.ravel(), place.shape[1]
    at, of = (objects.y[edge] + pad) * width + objects.x[edge] + pad, objects.of[edge]
    distance, owner = np.full(place.size, np.inf), np.full(place.size, -1, np.int64)
    dy, dx = np.mgrid[-pad : pad + 1, -pad : pad + 1].reshape(2, -1)
    apart = np.hypot(dy, dx)
    for number in np.argsort(-apart, kind="stable"):
        if 0 < apart[number] <= REACH + 0.5:
            target = at + dy[number] * width + dx[number]
            empty = flat[target] == -1
            distance[target[empty]] = apart[number] - 0.5
            owner[target[empty]] = of[empty]
    near = np.flatnonzero(owner >= 0)
    return near // width - pad, near % width - pad, owner[near], distance[near]
