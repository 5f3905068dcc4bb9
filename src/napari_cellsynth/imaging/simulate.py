"""Simulated phase-contrast time-lapses of stem-cell colonies, with a known truth for every pixel and colony."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of

CLASS_NAMES = ("Dense", "Spread", "Debris", "Differentiated")

_GAP = 30
"""Bare pixels between two colonies at the end, at the least."""

_HALO_PX = 7.0
_BACKGROUND, _GAIN, _NOISE = 125.0, 62.0, 1.6
_PIXEL_SIZE_UM = 1.3


class _Look(NamedTuple):
    """What the colonies of one class look like; lengths in pixels, thickness in units of a round cell."""

    least_radius: float
    most_radius: float
    elongation: float
    roughness: float
    spacing: float
    stretch: float
    body: float
    cells: float
    cell_width: float
    nuclei: float
    cores: float
    seams: float
    grain: float
    filled: float
    arms: float

    def blended(self, other: _Look, share: float) -> _Look:
        """Return a look on the way to another one, in all but the size."""
        mixed = [(1 - share) * ours + share * theirs for ours, theirs in zip(self[2:], other[2:], strict=True)]
        return _Look(self.least_radius, self.most_radius, *mixed)


_LOOKS = {
    "Dense": _Look(34, 54, 1.1, 0.04, 7.5, 1.0, 0.35, 0.62, 0.62, 0.12, 0.0, 0.0, 0.10, 1.0, 0),
    "Spread": _Look(40, 60, 1.2, 0.09, 15.0, 1.2, 0.16, 0.22, 0.60, 0.40, 0.0, 0.22, 0.13, 1.0, 6),
    "Debris": _Look(22, 32, 1.2, 0.13, 8.0, 1.0, 0.12, 1.15, 0.55, 0.0, 1.5, 0.0, 0.14, 0.6, 0),
    "Differentiated": _Look(36, 56, 1.5, 0.10, 7.5, 3.0, 0.16, 0.50, 0.60, 0.16, 0.0, 0.10, 0.14, 0.92, 8),
}

_MOST_BLENDED = 0.4
_ANGLES = 1024


@dataclass(frozen=True)
class SimulatedTimelapse:
    """A simulated time-lapse and its truth.

    Attributes
    ----------
    images : ndarray of uint8 or uint16, shape (T, 1, Y, X)
    labels : ndarray of int32, shape (T, Y, X)
        0 is background; a colony keeps its number through all frames.
    classes : dict of int to str
        Class of each colony: ``"Dense"``, ``"Spread"``, ``"Debris"`` or ``"Differentiated"``.
    """

    images: NDArray[Any]
    labels: NDArray[np.int32]
    classes: dict[int, str]


class _Colony:
    """One colony: its outline and the places of its cells, which stay the same while it grows and drifts."""

    def __init__(self, kind: str, radius: float, centre: NDArray[np.float64], rng: np.random.Generator) -> None:
        share = _MOST_BLENDED * rng.random() ** 2
        look = _LOOKS[kind].blended(_LOOKS[str(rng.choice(CLASS_NAMES))], share)
        self.look, self.radius, self.centre = look, radius, centre
        self.axis = rng.uniform(0, np.pi)
        self.elongation = 1 + (look.elongation - 1) * rng.uniform(0.5, 1.4)
        self.contrast = rng.uniform(0.7, 1.25)
        self.growth = rng.uniform(0.72, 0.88)
        self.drift = rng.normal(0, 6, 2)
        self.bend = rng.uniform(-0.012, 0.012)
        self.waves = [(k, look.roughness * rng.normal() / np.sqrt(k - 1), rng.uniform(0, 6.3)) for k in range(2, 9)]
        self.arms = rng.uniform((-np.pi, 0.1, 1.2), (np.pi, 0.4, 2.6), (round(look.arms * rng.uniform(0.5, 1)), 3))
        self.half = int(radius * np.sqrt(self.elongation) * 1.5) + 4
        side = 2 * self.half + 1
        self.grain = ndimage.gaussian_filter(rng.normal(0, 3.5, (side, side)).astype(np.float32), 1.1)
        self._put_cells(look.spacing * rng.uniform(0.82, 1.2), rng)

    def _put_cells(self, spacing: float, rng: np.random.Generator) -> None:
        steps = np.arange(-self.half, self.half + 1, spacing)
        grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
        self.spacing = spacing
        self.seeds = grid + rng.uniform(-0.42, 0.42, grid.shape) * spacing
        self.seed_size = rng.uniform(0.7, 1.25, len(grid)) * (rng.random(len(grid)) < self.look.filled)
        self.seed_phase = rng.uniform(0, 6.3, self.seeds.shape)
        along, across = self._turned((0.0, 0.0))
        self.within = np.hypot(along / np.sqrt(self.elongation), across * np.sqrt(self.elongation)) < 1.5 * self.radius
        # Cells tremble but keep their neighbours, so which seeds are nearest to a pixel is asked only once.
        _, self.nearest = cKDTree(self.seeds).query(self._cell_space(along, across)[self.within], k=2)

    def _turned(self, offset: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return each pixel's place along and across the colony's axis."""
        side = np.arange(-self.half, self.half + 1)
        y, x = (side - offset[0])[:, None], (side - offset[1])[None]
        return np.cos(self.axis) * x + np.sin(self.axis) * y, np.cos(self.axis) * y - np.sin(self.axis) * x

    def _cell_space(self, along: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coordinates in which cells are round: long cells along bent lines are made by bending the space."""
        return np.stack([across + self.bend * along**2, along / self.look.stretch], -1)

    def _outline(self, age: float) -> NDArray[np.float64]:
        """Return the radius at equally spaced angles."""
        angle = np.linspace(-np.pi, np.pi, _ANGLES, endpoint=False)
        radius = self.radius * (self.growth + (1 - self.growth) * age)
        outline = radius * (1 + sum(a * np.cos(k * angle + phase + 0.25 * age) for k, a, phase in self.waves))
        for direction, length, width in self.arms:
            off = np.abs((angle - direction + np.pi) % (2 * np.pi) - np.pi) * radius
            outline *= 1 + length * np.clip(1 - off / (2 * width), 0, 1)
        return np.asarray(np.clip(outline, 0, 1.45 * self.radius))

    def render(self, age: float, t: int) -> tuple[tuple[int, int], NDArray[np.float32], NDArray[np.bool_]]:
        """Return the place of the top left pixel, the optical thickness and the mask, at an age of 0 … 1."""
        centre = self.centre + self.drift * age
        whole = np.rint(centre).astype(int)
        along, across = self._turned((centre[0] - whole[0], centre[1] - whole[1]))
        root = np.sqrt(self.elongation)
        turn = np.arctan2(across, along) / (2 * np.pi) + 0.5
        outline = self._outline(age)[(turn * _ANGLES).astype(int) % _ANGLES]
        depth = np.hypot(along / root, across * root) / outline
        inside = (depth < 1) & self.within
        corner = (int(whole[0]) - self.half, int(whole[1]) - self.half)
        return corner, self._thickness(self._cell_space(along, across)[inside], depth[inside], inside, t), inside

    def _thickness(
        self, place: NDArray[np.float64], depth: NDArray[np.float64], inside: NDArray[np.bool_], t: int
    ) -> NDArray[np.float32]:
        look = self.look
        seeds = self.seeds + 0.8 * np.sin(0.6 * t + self.seed_phase)
        first, second = self.nearest[inside[self.within]].T
        near = np.hypot(*(place - seeds[first]).T)
        size = self.seed_size[first]
        width = look.cell_width * self.spacing * np.maximum(size, 1e-3)
        cells = look.cells * np.sqrt(np.clip(1 - (near / width) ** 2, 0, 1))
        cells += look.nuclei * np.exp(-((near / (0.24 * self.spacing)) ** 2)) * (size > 0)
        cells -= look.cores * np.exp(-((near / (0.5 * width)) ** 2)) * (size > 0)
        cells += look.seams * np.exp(-(((np.hypot(*(place - seeds[second]).T) - near) / 1.2) ** 2))
        cells += look.grain * self.grain[inside]
        rim = np.clip((1 - depth) * 6, 0, 1)
        thickness = np.zeros(inside.shape, np.float32)
        thickness[inside] = self.contrast * (look.body * np.sqrt(rim) + cells * (0.35 + 0.65 * rim))
        return thickness


def _place(size: int, colonies: int, kinds: list[str], rng: np.random.Generator) -> list[_Colony]:
    """Put colonies where they do not touch; smaller ones where the frame is full."""
    placed: list[_Colony] = []
    shrink = 1.0
    for kind in kinds:
        radius = rng.uniform(_LOOKS[kind].least_radius, _LOOKS[kind].most_radius)
        while True:
            reach = radius * shrink * np.sqrt(_LOOKS[kind].elongation) * 1.1
            border = min(0.7 * reach + 4, size / 2)
            tries = rng.uniform(border, size - border, (60, 2))
            for centre in tries:
                others = (
                    np.hypot(*(o.centre - centre)) - reach - o.radius * np.sqrt(o.elongation) * 1.1 for o in placed
                )
                if all(gap >= _GAP * shrink for gap in others):
                    placed.append(_Colony(kind, radius * shrink, centre, rng))
                    break
            else:
                shrink *= 0.9
                if radius * shrink < 8:
                    raise UserError(
                        f"{colonies} colonies do not fit into {size} x {size} pixels.",
                        "Simulate larger frames or fewer colonies.",
                    )
                continue
            break
    return placed


def simulate_timelapse(
    frames: int = 12,
    size: int = 512,
    colonies: int = 12,
    seed: int = 0,
    *,
    dtype: str = "uint8",
    kinds: Sequence[str] = CLASS_NAMES,
) -> SimulatedTimelapse:
    """Simulate a phase-contrast time-lapse of stem-cell colonies that grow and drift.

    Parameters
    ----------
    frames : int, optional
        Number of frames.
    size : int, optional
        Side of the square frames, pixels, at least 128.
    colonies : int, optional
        Number of colonies; the classes take turns, in random order.
    seed : int, optional
        The same seed gives the same time-lapse.
    dtype : {"uint8", "uint16"}, optional
        uint16 has the range of a 12-bit camera.
    kinds : sequence of str, optional
        The classes that colonies are of.

    Returns
    -------
    SimulatedTimelapse

    Raises
    ------
    UserError
        If the colonies do not fit into the frame, or a setting is out of range.

    Notes
    -----
    Colonies are maps of optical thickness: packed round cells (Dense), flat cells with clear nuclei and thin arms
    (Spread), loose refractile bodies (Debris), bent bundles of long cells with arms (Differentiated). Thick is dark
    in positive phase contrast, and a phase plate lets slow variations pass into the bright halo, which is the
    thickness minus its blur. Uneven light, dirt out of focus, floating specks and camera noise are added. Contrast,
    cell size and shape vary from colony to colony, so that single windows are not always telling.
    """
    if frames < 1 or size < 128 or colonies < 0 or dtype not in ("uint8", "uint16"):
        raise UserError(
            f"A time-lapse of {frames} frames, {size} px, {colonies} colonies, {dtype} cannot be simulated.",
            "Choose at least 1 frame and 128 px, and uint8 or uint16.",
        )
    rng = np.random.default_rng(seed)
    each = [kinds[k % len(kinds)] for k in range(colonies)]
    rng.shuffle(each)
    placed = _place(size, colonies, each, rng)
    light = _uneven_light(size, rng)
    images = np.empty((frames, 1, size, size), dtype)
    labels = np.zeros((frames, size, size), np.int32)
    for t in range(frames):
        thickness = np.zeros((size, size), np.float32)
        for number, colony in enumerate(placed, start=1):
            _paste(colony.render(t / max(frames - 1, 1), t), number, thickness, labels[t])
        images[t, 0] = _expose(thickness, light, rng, dtype)
    return SimulatedTimelapse(images, labels, dict(enumerate(each, start=1)))


def _paste(
    piece: tuple[tuple[int, int], NDArray[np.float32], NDArray[np.bool_]],
    number: int,
    thickness: NDArray[np.float32],
    labels: NDArray[np.int32],
) -> None:
    (y, x), local, mask = piece
    size, side = len(labels), len(mask)
    rows, columns = slice(max(y, 0), min(y + side, size)), slice(max(x, 0), min(x + side, size))
    part = (slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x))
    thickness[rows, columns] += local[part]
    labels[rows, columns][mask[part]] = number


def _uneven_light(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return what does not change with time: a slope, a bright middle, and dirt far out of focus."""
    y, x = np.meshgrid(*[np.linspace(-1, 1, size, dtype=np.float32)] * 2, indexing="ij")
    slope = rng.normal(0, 5, 2)
    light = slope[0] * y + slope[1] * x - 6 * (x**2 + y**2)
    for _ in range(rng.integers(2, 6)):
        cy, cx = rng.uniform(-1, 1, 2)
        width = rng.uniform(20, 60) / size
        light += rng.normal(0, 5) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width**2))
    return np.asarray(light, np.float32)


def _expose(
    thickness: NDArray[np.float32], light: NDArray[np.float32], rng: np.random.Generator, dtype: str
) -> NDArray[Any]:
    size = len(thickness)
    for _ in range(rng.poisson(size * size / 15000)):
        y, x = rng.integers(3, size - 3, 2)
        thickness[y - 1 : y + 2, x - 1 : x + 2] += rng.uniform(0.3, 1.2)
    sharp = ndimage.gaussian_filter(thickness, 0.8)
    halo = ndimage.gaussian_filter(thickness, _HALO_PX)
    image = _BACKGROUND + light - _GAIN * (sharp - halo)
    image += rng.normal(0, _NOISE, image.shape).astype(np.float32)
    if dtype == "uint16":
        return np.asarray(np.clip(np.rint(image * 16), 0, 4095), np.uint16)
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def write_timelapses(
    folder: str | Path,
    videos: int,
    *,
    frames: int = 12,
    size: int = 512,
    colonies: int = 12,
    seed: int = 0,
    dtype: str = "uint8",
) -> list[Path]:
    """Simulate videos and write them with their truth.

    Parameters
    ----------
    folder : str or Path
        Made if need be. Gets ``images/video_01.tif`` … (one multi-page TIFF a video), ``labels/video_01.tif`` … (uint16
        label images) and ``truth.csv`` (image, frame, label, class, x0, y0, x1, y1, area: one row a colony and frame).
    videos : int
        How many; video number v has the seed ``seed + v``.
    frames, size, colonies, seed, dtype
        See `simulate_timelapse`.

    Returns
    -------
    list of Path
        The images' files, in order.
    """
    target = Path(folder)
    for sub in ("images", "labels"):
        (target / sub).mkdir(parents=True, exist_ok=True)
    written, truth = [], []
    for video in range(videos):
        film = simulate_timelapse(frames, size, colonies, seed + video, dtype=dtype)
        path = target / "images" / f"video_{video + 1:02d}.tif"
        per_um = 1 / _PIXEL_SIZE_UM
        meta = {"axes": "TYX", "unit": "um"}
        tifffile.imwrite(path, film.images[:, 0], imagej=True, resolution=(per_um, per_um), metadata=meta)
        small = film.labels.astype(np.uint16)
        tifffile.imwrite(
            target / "labels" / path.name, small, compression="zlib", photometric="minisblack", metadata={"axes": "TYX"}
        )
        for t, plane in enumerate(film.labels):
            boxes = boxes_of(plane)
            boxes.insert(0, "image", path.name)
            boxes.insert(1, "frame", t)
            boxes.insert(3, "class", boxes["mask_label"].map(film.classes))
            truth.append(boxes.rename(columns={"mask_label": "label"}))
        written.append(path)
    if truth:
        columns = ["image", "frame", "label", "class", "x0", "y0", "x1", "y1", "area"]
        pd.concat(truth)[columns].to_csv(target / "truth.csv", index=False)
    return written
