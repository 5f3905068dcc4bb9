"""OME-Zarr 0.4 and 0.5: an image read frame by frame or window by window, and multiscale images written by chunks.

After the specification, ngff.openmicroscopy.org (0.4: Zarr format 2, metadata in ``.zattrs``; 0.5: format 3, under
``ome``).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError

Version = Literal["0.4", "0.5"]
CHUNK = 1024
_SMALLEST_LEVEL = 256
_MICRONS = {"nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3, "angstrom": 1e-4, "meter": 1e6}
_BROKEN = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
    MemoryError,
    ArithmeticError,
    zlib.error,
)
_LARGEST_CHUNK = 1 << 30


def is_ome_zarr(place: Path) -> bool:
    """Whether a folder is a Zarr group, of any version."""
    return place.is_dir() and any((place / name).is_file() for name in ("zarr.json", ".zgroup", ".zattrs"))


def attributes_of(place: Path) -> dict[str, Any]:
    """Return all attributes of a group.

    Raises
    ------
    UserError
        When they cannot be read.
    """
    import zarr

    try:
        return dict(zarr.open_group(str(place), mode="r").attrs)
    except _BROKEN as error:
        raise _damaged(place, "its metadata cannot be read") from error


def described(place: Path) -> dict[str, Any]:
    """Return the OME metadata of a group: what 0.5 has under ``ome``, and 0.4 beside all else.

    Raises
    ------
    UserError
        When it cannot be read.
    """
    attributes = attributes_of(place)
    ome = attributes.get("ome")
    return ome if isinstance(ome, dict) else attributes


class OmeZarrReader:
    """The full resolution of an OME-Zarr image as frames of shape (C, Y, X), or windows of them.

    Parameters
    ----------
    path : Path
        The group with ``multiscales``: an image, or a label image.

    Raises
    ------
    UserError
        If it is no image (a plate, say), is damaged, or is a volume.
    """

    def __init__(self, path: Path) -> None:
        import zarr

        self.path = path
        about = described(path)
        if "multiscales" not in about:
            what = "a plate of many images" if "plate" in about else "no OME-Zarr image"
            raise UserError(f"{path.name} is {what}.", "Give the folder of an image, such as plate.zarr/A/1/0.")
        try:
            scales = about["multiscales"][0]
            names = [axis["name"] if isinstance(axis, dict) else axis for axis in scales["axes"]]
            level = scales["datasets"][0]
            self.level = str(level["path"])
            place = (path / self.level).resolve()
            if not place.is_relative_to(path.resolve()):
                raise ValueError("outside of the image")
            self._array: Any = zarr.open_array(str(place), mode="r")
            sizes = dict(zip(names, self._array.shape, strict=True))
            self.pixel_size_um = _pixel_size(scales, level, names)
        except _BROKEN as error:
            raise _damaged(path, "its description is not that of an image") from error
        if sizes.get("z", 1) > 1:
            raise UserError(f"{path.name} is a volume ({sizes['z']} planes in z).", "Save a projection, or one plane.")
        if not {"y", "x"} <= set(names) <= set("tczyx"):
            raise UserError(f"{path.name} has the axes {''.join(names)}.", "Save it with the axes t, c, y, x.")
        if math.prod(self._array.chunks) * self._array.dtype.itemsize > _LARGEST_CHUNK:
            raise _damaged(path, "its chunks are larger than 1 GB")
        self._names = names
        self.frames, self.channels = int(sizes.get("t", 1)), int(sizes.get("c", 1))
        self.height, self.width = int(sizes["y"]), int(sizes["x"])
        self.dtype = np.dtype(self._array.dtype)

    def read(self, t: int) -> NDArray[Any]:
        """Read one frame; return (C, Y, X) in the stored dtype."""
        return self.window(t, slice(None), slice(None))

    def window(self, t: int, rows: slice, columns: slice) -> NDArray[Any]:
        """Read a part of a frame, only the chunks that it touches; return (C, y, x) in the stored dtype."""
        parts = {"t": t, "z": 0, "y": rows, "x": columns}
        try:
            found = np.asarray(self._array[tuple(parts.get(name, slice(None)) for name in self._names)])
        except _BROKEN as error:
            raise _damaged(self.path, "a chunk cannot be read") from error
        left = [name for name in self._names if name in "cyx"]
        found = np.moveaxis(found, [left.index(name) for name in "cyx" if name in left], range(found.ndim))
        return np.ascontiguousarray(found if "c" in left else found[None])

    def files(self) -> tuple[Path, ...]:
        """Return the files that hold the pixels, in the order of their names."""
        return tuple(sorted(file for file in (self.path / self.level).rglob("*") if file.is_file()))

    def close(self) -> None:
        """Do nothing: no file stays open."""


def label_images(place: Path) -> list[str]:
    """Return the names of an image's label images."""
    if not is_ome_zarr(place / "labels"):
        return []
    names = described(place / "labels").get("labels", [])
    names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return [name for name in names if _is_within(place / "labels", name)]


def _is_within(folder: Path, name: str) -> bool:
    """Whether a name is that of a folder in a folder, and of none elsewhere."""
    try:
        place = (folder / name).resolve()
        return place.is_dir() and place.is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # no file can have such a name; links in a circle
        return False


def write_pyramid(
    place: Path,
    shape: tuple[int, ...],
    dtype: Any,
    axes: str,
    blocks: Iterator[tuple[tuple[Any, ...], NDArray[Any]]],
    *,
    version: Version = "0.5",
    pixel_size_um: float | None = None,
    labels: Mapping[str, Any] | None = None,
) -> None:
    """Write a multiscale image, never more than a few chunks of it in memory.

    Parameters
    ----------
    place : Path
        The group to make.
    shape : tuple of int
        Of the full resolution.
    dtype : dtype
        Of the pixels.
    axes : str
        A letter an axis: of t, c, y, x, in that order.
    blocks : iterator of (index, ndarray)
        The pixels, each with its place in the full resolution.
    version : {"0.4", "0.5"}
        Of OME-Zarr.
    pixel_size_um : float, optional
        The pixels' side.
    labels : mapping, optional
        That it is a label image, and what ``image-label`` holds besides: levels then take every other pixel, not means.
    """
    import zarr

    group: Any = zarr.open_group(str(place), mode="a", zarr_format=2 if version == "0.4" else 3)
    full = level = _new_array(group, "0", shape, dtype, axes, version)
    for index, pixels in blocks:
        full[index] = pixels
    count = 1
    while max(level.shape[-2:]) > _SMALLEST_LEVEL and min(level.shape[-2:]) > 1:
        smaller = (*level.shape[:-2], level.shape[-2] // 2, level.shape[-1] // 2)
        made = _new_array(group, str(count), smaller, dtype, axes, version)
        _halve(level, made, nearest=labels is not None)
        level, count = made, count + 1
    unit = {"unit": "micrometer"} if pixel_size_um else {}
    kinds = {"t": {"type": "time"}, "c": {"type": "channel"}}
    side = pixel_size_um or 1.0
    scales: dict[str, Any] = {
        "name": place.name,
        "axes": [{"name": name} | kinds.get(name, {"type": "space"} | unit) for name in axes],
        "datasets": [
            {"path": str(number), "coordinateTransformations": [
                {"type": "scale", "scale": [1.0] * (len(axes) - 2) + [side * 2**number] * 2}
            ]}
            for number in range(count)
        ],
    }  # fmt: skip
    ours: dict[str, Any] = {"multiscales": [scales | ({"version": "0.4"} if version == "0.4" else {})]}
    if labels is not None:
        ours["image-label"] = {"version": version, "source": {"image": "../../"}} | dict(labels)
    put_metadata(group, ours, version)


def put_metadata(group: Any, ome: Mapping[str, Any], version: Version) -> None:
    """Add OME metadata to a group's attributes, where that version has it."""
    if version == "0.4":
        group.attrs.update(dict(ome))
    else:
        group.attrs["ome"] = {"version": "0.5"} | dict(group.attrs.get("ome", {})) | dict(ome)


def tiles(height: int, width: int, side: int = CHUNK) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of the tiles of a frame, from the top left."""
    for y in range(0, height, side):
        for x in range(0, width, side):
            yield slice(y, min(y + side, height)), slice(x, min(x + side, width))


def _new_array(group: Any, name: str, shape: tuple[int, ...], dtype: Any, axes: str, version: Version) -> Any:
    chunks = tuple([1] * (len(shape) - 2) + [min(CHUNK, side) for side in shape[-2:]])
    more: dict[str, Any] = {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
    if version == "0.5":
        more = {"dimension_names": list(axes)}
    return group.create_array(name, shape=shape, chunks=chunks, dtype=dtype, fill_value=0, **more)


def _halve(level: Any, made: Any, *, nearest: bool) -> None:
    height, width = made.shape[-2:]
    for lead in np.ndindex(*made.shape[:-2]):
        for rows, columns in tiles(height, width):
            source = level[(*lead, slice(2 * rows.start, 2 * rows.stop), slice(2 * columns.start, 2 * columns.stop))]
            if nearest:
                made[(*lead, rows, columns)] = source[::2, ::2]
                continue
            mean = source.reshape(source.shape[0] // 2, 2, source.shape[1] // 2, 2).mean(axis=(1, 3))
            made[(*lead, rows, columns)] = (np.rint(mean) if made.dtype.kind in "iu" else mean).astype(made.dtype)


def _pixel_size(scales: Mapping[str, Any], level: Mapping[str, Any], names: list[str]) -> float | None:
    """Return the pixels' side in µm where axes have a unit of length."""
    unit = next((axis.get("unit", "") for axis in scales["axes"] if isinstance(axis, dict) and axis["name"] == "x"), "")
    every = [*scales.get("coordinateTransformations", []), *level.get("coordinateTransformations", [])]
    factors = [float(each["scale"][names.index("x")]) for each in every if each.get("type") == "scale"]
    size = math.prod(factors) * _MICRONS.get(unit, math.nan)
    return size if factors and 1e-3 <= size <= 20 else None


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(f"{path} cannot be read as OME-Zarr: {reason}.", "It is damaged, or of another kind.")


Window = Callable[[slice, slice], NDArray[Any]]
"""Reads a part of one plane: rows and columns give (y, x)."""
