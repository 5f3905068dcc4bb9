"""Segmenting a frame far larger than memory, chunk by chunk, into the same objects as all at once.

Each step of `segment.segment_colonies` is either local, and then exact on a chunk with a margin as wide as it reaches,
or global, and then exact from little that is kept of every chunk:

- 8 bits: the frame's minimum and maximum, from a first pass.
- Texture: each pixel sees a disk of ``radius``, which the frame's border cuts off, and the chunk's margin does not.
- Threshold: Otsu's is one of a histogram between the texture's extremes: a pass for these, a pass for the counts.
- Opening with a disk of radius r: a margin of 2 r.
- Holes: background components that do not meet the frame's border. Components are labelled in every chunk and joined
  where they touch over a border; which of them meet the frame's border is known when all are joined.
- Objects and their areas: components of the filled map, joined likewise; small ones go when all pixels are counted.

Only tables of components, one row of the frame and one chunk are in memory; maps wait on the disk.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Stop, never
from napari_cellsynth.imaging.components import Components
from napari_cellsynth.imaging.entropy import local_entropy
from napari_cellsynth.imaging.morphology import histogram, open_with_disk, otsu_of_counts
from napari_cellsynth.imaging.omezarr import (
    Version,
    is_ome_zarr,
    label_images,
    put_metadata,
    tiles,
    write_pyramid,
)
from napari_cellsynth.imaging.segment import check_settings, to_eight_bits, to_gray
from napari_cellsynth.imaging.windows import Windows, open_windows

CHUNK = 2048
_PASSES = 6

Tile = tuple[slice, slice]
Told = Callable[[int, int], None]


class MosaicReport(NamedTuple):
    """What was found: the label image's folder, and how many objects each frame has."""

    path: Path
    objects: list[int]


def segment_mosaic(
    image: str | Path,
    out: str | Path,
    radius: int = 9,
    opening: int = 5,
    min_area: int = 500,
    *,
    only: int | None = None,
    chunk_px: int = CHUNK,
    version: Version = "0.5",
    progress: Told | None = None,
    stop: Stop = never,
) -> MosaicReport | None:
    """Find the colonies of an image of any size and write them as a multiscale OME-Zarr label image.

    Parameters
    ----------
    image : str or Path
        OME-Zarr, or TIFF in tiles or strips (`windows.open_windows`).
    out : str or Path
        The label image to make, such as ``image.ome.zarr/labels/objects``.
    radius, opening, min_area : int
        As of `segment.segment_colonies`, whose labels these are, number for number.
    only : int, optional
        One frame alone; the label image then holds no other.
    chunk_px : int
        Side of what is worked on at a time; the labels do not depend on it.
    version : {"0.4", "0.5"}
        Of OME-Zarr.
    progress : callable, optional
        Told how many chunks are done, and of how many.
    stop : callable
        Polled once a chunk.

    Returns
    -------
    MosaicReport or None
        None when stopped; nothing is left behind then.

    Raises
    ------
    UserError
        If the image cannot be read by parts, a setting is out of its range, or the place is taken or cannot be written.

    Examples
    --------
    >>> import napari_cellsynth as cs
    >>> report = cs.segment_mosaic("plate.tif", "objects.zarr", radius=3, min_area=50)
    >>> report.objects  # of every frame
    [1]
    """
    check_settings(radius, opening, min_area, None, None)
    place = Path(out).expanduser().absolute()
    if place.exists():
        raise UserError(f"{place} exists already.", "Choose another name, or remove it first.")
    source = open_windows(image)
    counts: list[int] = []
    try:
        if source.dtype.kind not in "buif":
            kind = f"{Path(image).name} has pixels of the kind {source.dtype}."
            raise UserError(kind, "Save it with 8-bit, 16-bit or float pixels.")
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as scratch:
            made = Path(scratch) / "labels"
            frames = range(source.frames) if only is None else range(only, only + 1)
            walks = _Walks(source, len(frames), chunk_px, stop, progress)

            def blocks() -> Iterator[tuple[tuple[Any, ...], NDArray[np.int32]]]:
                for place, t in enumerate(frames):
                    frame = _Frame(source, t, radius, opening, min_area, walks, Path(scratch) / "map.zarr")
                    for tile, labels in frame.labels():
                        yield (place, *tile), labels
                    counts.append(frame.objects)

            shape = (len(frames), source.height, source.width)
            size = source.pixel_size_um
            write_pyramid(made, shape, "int32", "tyx", blocks(), version=version, pixel_size_um=size, labels={})
            made.rename(place)
    except _Stopped:
        return None
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror or error}.", "Choose another place.") from error
    finally:
        source.close()
    return MosaicReport(place, counts)


def segment_within(
    image: str | Path,
    *,
    radius: int = 9,
    opening: int = 5,
    min_area: int = 500,
    progress: Told | None = None,
) -> MosaicReport | None:
    """Write the labels of an OME-Zarr image into it, as ``labels/objects``; parameters as of `segment_mosaic`.

    Raises
    ------
    UserError
        As there, or when the image is no OME-Zarr or has such labels already.
    """
    import zarr

    place = Path(image).expanduser()
    if not is_ome_zarr(place):
        raise UserError(f"{place} is no OME-Zarr.", "Say where the label image goes.")
    version: Version = "0.4" if (place / ".zgroup").is_file() else "0.5"
    report = segment_mosaic(
        place,
        place / "labels" / "objects",
        radius=radius,
        opening=opening,
        min_area=min_area,
        version=version,
        progress=progress,
    )
    if report is not None:
        names = [*label_images(place), "objects"]
        group: Any = zarr.open_group(str(place), mode="a").require_group("labels")
        put_metadata(group, {"labels": sorted(set(names))}, version)
    return report


class _Stopped(Exception):
    """Somebody asked to stop."""


class _Walks:
    """The tiles of a frame, gone over again and again, counted and stopped where asked."""

    def __init__(self, source: Windows, frames: int, chunk: int, stop: Stop, progress: Told | None) -> None:
        self._tiles = list(tiles(source.height, source.width, chunk))
        self._done, self._all = 0, _PASSES * len(self._tiles) * frames
        self._stop, self._progress = stop, progress
        self.chunk = chunk

    def walk(self) -> Iterator[Tile]:
        for tile in self._tiles:
            if self._stop():
                raise _Stopped
            yield tile
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._all)


class _Frame:
    """One frame, taken through the passes."""

    def __init__(
        self, source: Windows, t: int, radius: int, opening: int, min_area: int, walks: _Walks, scratch: Path
    ) -> None:
        import zarr

        self._source, self._t, self._walks = source, t, walks
        self._radius, self._opening, self._min_area = radius, opening, min_area
        shutil.rmtree(scratch, ignore_errors=True)
        side = walks.chunk
        size = source.height, source.width
        self._map: Any = zarr.create_array(
            str(scratch), shape=size, chunks=(min(side, size[0]), min(side, size[1])), dtype="bool", fill_value=False
        )
        self.objects = 0

    def labels(self) -> Iterator[tuple[Tile, NDArray[np.int32]]]:
        """Yield the frame's labels (y, x) tile by tile, each with its place."""
        self._limits = self._extremes_of_pixels()
        threshold = self._threshold()
        if threshold is None:  # no texture at all: nothing lies above the threshold
            return
        holes = self._opened(threshold)
        numbers = self._filled(holes)
        components = Components(self._source.width)
        for rows, columns in self._walks.walk():
            found, first = components.add(self._map[rows, columns], rows, columns)
            look_up = np.concatenate([[0], numbers[first + 1 : first + 1 + int(found.max())]]).astype(np.int32)
            yield (rows, columns), look_up[found]

    def _gray(self, rows: slice, columns: slice) -> NDArray[Any]:
        pixels = self._source.window(self._t, rows, columns)
        gray = to_gray(pixels if pixels.shape[0] == 3 else pixels[:1])
        # As `source` reads them: what is no 8 or 16 bits is float32.
        return gray if gray.dtype in (np.uint8, np.uint16, np.bool_) else gray.astype(np.float32)

    def _extremes_of_pixels(self) -> tuple[float, float] | None:
        """Return the frame's minimum and maximum, between which it is stretched; None where it has 8 bits."""
        ends: list[float] = []
        for tile in self._walks.walk():
            if self._source.dtype in (np.uint8, np.bool_):
                continue
            gray = self._gray(*tile)
            ends += [float(gray.min()), float(gray.max())]
            if not np.isfinite(ends).all():
                raise UserError("The frame holds pixels that are not numbers (NaN or infinite).", "Replace them first.")
        return (min(ends), max(ends)) if ends else None

    def _texture(self, tile: Tile, margin: int) -> tuple[NDArray[np.float64], tuple[slice, slice]]:
        """Return the texture of a tile with a margin, as far as the frame goes, and where the tile is in it."""
        sides = self._source.height, self._source.width
        (top, bottom, up), (left, right, west) = (
            _grown(part, margin, most) for part, most in zip(tile, sides, strict=True)
        )
        (y0, y1, above), (x0, x1, before) = (
            _grown(part, self._radius, most)
            for part, most in zip((slice(top, bottom), slice(left, right)), sides, strict=True)
        )
        pixels = to_eight_bits(self._gray(slice(y0, y1), slice(x0, x1)), limits=self._limits)
        texture = local_entropy(pixels, self._radius)
        texture = texture[above : above + bottom - top, before : before + right - left]
        height, width = (part.stop - part.start for part in tile)
        return texture, (slice(up, up + height), slice(west, west + width))

    def _threshold(self) -> float | None:
        """Return Otsu's threshold over the frame; None where all texture is alike."""
        low, high = np.inf, -np.inf
        for tile in self._walks.walk():
            texture = self._texture(tile, 0)[0]
            low, high = min(low, float(texture.min())), max(high, float(texture.max()))
        edges = np.linspace(low, high, 257)
        counts = np.zeros(256, np.int64)
        for tile in self._walks.walk():
            if low < high:
                counts += histogram(np.ascontiguousarray(self._texture(tile, 0)[0]).ravel(), edges)
        return otsu_of_counts(counts, edges) if low < high else None

    def _opened(self, threshold: float) -> NDArray[np.bool_]:
        """Keep the opened map, and return which components of its background are holes."""
        background = Components(self._source.width)
        outside: list[NDArray[np.int64]] = []
        height, width = self._source.height, self._source.width
        for rows, columns in self._walks.walk():
            texture, within = self._texture((rows, columns), 2 * self._opening)
            mask = open_with_disk(np.ascontiguousarray(texture > threshold), self._opening)[within]
            self._map[rows, columns] = mask
            labels, first = background.add(~mask, rows, columns)
            at_border = [
                labels[0] if rows.start == 0 else labels[:0, 0],
                labels[-1] if rows.stop == height else labels[:0, 0],
                labels[:, 0] if columns.start == 0 else labels[:0, 0],
                labels[:, -1] if columns.stop == width else labels[:0, 0],
            ]
            numbers = np.unique(np.concatenate(at_border))
            outside.append(numbers[numbers > 0] + np.int64(first))
        joined = background.joined()
        reached = np.zeros(int(joined.max()) + 1, bool)
        reached[joined[np.concatenate(outside)]] = True
        holes: NDArray[np.bool_] = ~reached[joined]
        return holes

    def _filled(self, holes: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Fill the kept map, and return the number of the object that each of its components belongs to, or 0."""
        background, objects = Components(self._source.width), Components(self._source.width)
        areas, firsts = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
        for rows, columns in self._walks.walk():
            mask = self._map[rows, columns]
            labels, first = background.add(~mask, rows, columns)
            is_hole = np.concatenate([[False], holes[first + 1 : first + 1 + int(labels.max())]])
            mask = mask | is_hole[labels]
            self._map[rows, columns] = mask
            found, _ = objects.add(mask, rows, columns)
            count = int(found.max())
            areas.append(np.bincount(found.ravel(), minlength=count + 1)[1:])
            firsts.append(_first_pixels(found, count, rows, columns, self._source.width))
        joined = objects.joined()
        area = np.bincount(joined, np.concatenate(areas)).astype(np.int64)
        start = np.full(len(area), np.iinfo(np.int64).max)
        np.minimum.at(start, joined, np.concatenate(firsts))
        kept = np.flatnonzero((area >= self._min_area) & (np.arange(len(area)) != joined[0]))
        numbers = np.zeros(len(area), np.int64)
        numbers[kept[np.argsort(start[kept])]] = np.arange(1, len(kept) + 1)
        self.objects = len(kept)
        return numbers[joined]


def _grown(part: slice, margin: int, most: int) -> tuple[int, int, int]:
    """Return a slice's ends with a margin as far as it goes, and how much of it was added before the start."""
    start, stop = max(0, part.start - margin), min(most, part.stop + margin)
    return start, stop, part.start - start


def _first_pixels(labels: NDArray[np.int32], count: int, rows: slice, columns: slice, width: int) -> NDArray[np.int64]:
    """Return the place of each component's first pixel in the frame, counted along its rows."""
    firsts = np.zeros(count, np.int64)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        y, x = box[0].start, box[1].start
        x += int(np.argmax(labels[y, box[1]] == number))
        firsts[number - 1] = (rows.start + y) * width + columns.start + x
    return firsts
