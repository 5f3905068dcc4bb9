"""Artificial patches: circles that are bent and filled by Perlin noise, and windows of simulated colonies."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.simulate import simulate_timelapse

Drawing = Literal["circle", "rings", "dense", "spread", "debris", "differentiated"]

_SIDE = 192
"""Side of the frame in which a colony is simulated, px."""


def perlin(size: int, cell: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return Perlin's gradient noise (Perlin 1985, with the quintic fade of his 2002 improvement).

    Parameters
    ----------
    size : int
        Side of the square, pixels.
    cell : float
        Distance of the lattice points, pixels: the size of the blobs.
    rng : Generator
        Where offset and gradients are drawn from.

    Returns
    -------
    ndarray of float32, shape (size, size)
        In about -0.7 … 0.7, 0 at the lattice points.
    """
    place = np.arange(size) / cell
    count = int(np.ceil(size / cell)) + 1
    angle = rng.uniform(0, 2 * np.pi, (count + 1, count + 1))
    slope = np.stack([np.sin(angle), np.cos(angle)])
    whole = place.astype(int)
    part = place - whole
    fade = part**3 * (part * (6 * part - 15) + 10)
    corners = []
    for down in (0, 1):
        for right in (0, 1):
            gradient = slope[:, whole[:, None] + down, whole[None] + right]
            corners.append(gradient[0] * (part[:, None] - down) + gradient[1] * (part[None] - right))
    upper = corners[0] + fade[None] * (corners[1] - corners[0])
    lower = corners[2] + fade[None] * (corners[3] - corners[2])
    return np.asarray(upper + fade[:, None] * (lower - upper), np.float32)


def drawn(kind: Drawing, n: int, size: int, *, channels: int = 1, seed: int = 0, first: int = 0) -> NDArray[np.float32]:
    """Draw artificial patches of a kind of object.

    Parameters
    ----------
    kind : {"circle", "rings", "dense", "spread", "debris", "differentiated"}
        A particle with one wall, or with several (S4, section 4.8.4: unilamellar and multilamellar liposomes); or a
        window of a colony as `simulate` makes them.
    n : int
        How many.
    size : int
        Side of the patches, pixels.
    channels : int
        All channels show the same.
    seed, first : int
        Patch ``i`` of the result is number ``first + i`` of the seed, whatever else is drawn.

    Returns
    -------
    ndarray of float32, shape (n, channels, size, size)
        In [-1, 1].

    Raises
    ------
    UserError
        If there is no such kind.

    Notes
    -----
    As S4 says of its own, histograms and patterns are not drawn from those of real images, and the shapes are not
    centred. S4 gives no numbers; those here are ours.
    """
    if kind not in get_args(Drawing):
        raise UserError(f"There is no drawing of {kind!r}.", f"Choose one of {', '.join(get_args(Drawing))}.")
    draw = _particle if kind in ("circle", "rings") else _colony
    patches = [draw(kind, size, np.random.default_rng([seed, first + number])) for number in range(n)]
    stacked = np.stack(patches)[:, None] if patches else np.zeros((0, 1, size, size), np.float32)
    return np.repeat(stacked, channels, axis=1)


def _particle(kind: str, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw one particle: its outline and its walls are bent by coarse noise, everything is grained by fine noise."""
    radius = rng.uniform(0.22, 0.36) * size
    cy, cx = (size - 1) / 2 + rng.uniform(-0.1, 0.1, 2) * size
    y, x = np.mgrid[:size, :size].astype(np.float32)
    bend = rng.uniform(0.05, 0.2) * radius
    distance = np.hypot(y - cy, x - cx) + bend * perlin(size, size / 3, rng)
    walls = 1 if kind == "circle" else int(rng.integers(2, 5))
    thickness = max(1.0, size / 40)
    image = 0.5 * perlin(size, size / 4, rng) + 0.4 * perlin(size, max(2.0, size / 24), rng)
    image += rng.uniform(0.1, 0.3) + rng.uniform(-0.3, 0.1) * (distance < radius)
    for wall in range(walls):
        at = radius * (1 - 0.8 * wall / walls)
        image -= rng.uniform(0.7, 1.0) * np.exp(-(((distance - at) / thickness) ** 2))
    image += rng.normal(0, 0.06, image.shape)
    return np.asarray(np.clip(image, -1, 1), np.float32)


def _colony(kind: str, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Simulate one colony and take a window about a random place in it."""
    frame, labels = _simulated(kind, int(rng.integers(2**31)), max(_SIDE, 2 * size))
    inside = np.argwhere(ndimage.binary_erosion(labels > 0, iterations=6, border_value=1))
    place = inside[rng.integers(len(inside))] if len(inside) else np.array(labels.shape) // 2
    y, x = np.clip(place - size // 2, 0, np.array(labels.shape) - size)
    # Background grey becomes 0, as the range of real crops is centred on it.
    unit = (frame[y : y + size, x : x + size].astype(np.float32) - 125) / 75
    return np.clip(unit, -1, 1)


def _simulated(kind: str, seed: int, side: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    film = simulate_timelapse(1, side, 1, seed, kinds=[kind.capitalize()])
    return film.images[0, 0], film.labels[0]
