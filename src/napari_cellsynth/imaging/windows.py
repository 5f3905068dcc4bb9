"""Images that are read by window, for frames larger than memory: OME-Zarr, and TIFF stored in tiles or strips."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.bioio_reader import PLUGINS, BioioReader
from napari_cellsynth.imaging.omezarr import OmeZarrReader, is_ome_zarr

_LARGEST_PIECE = 256 << 20


class Windows(Protocol):
    """An image (T, C, Y, X) of which parts can be read."""

    frames: int
    channels: int
    height: int
    width: int
    dtype: np.dtype[Any]
    pixel_size_um: float | None

    def window(self, t: int, rows: slice, columns: slice) -> NDArray[Any]:
        """Read a part of a frame; return (C, y, x)."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def open_windows(path: str | Path) -> Windows:
    """Open an image to be read by window.

    Parameters
    ----------
    path : str or Path
        An OME-Zarr image, a file that bioio reads (CZI, ND2, LIF), or a TIFF (OME-TIFF, BigTIFF, pyramids: the full
        resolution) in tiles or strips.

    Raises
    ------
    UserError
        If it is neither, is damaged, or is stored in pieces too large to read one at a time.
    """
    place = Path(path).expanduser()
    if is_ome_zarr(place):
        return OmeZarrReader(place)
    if not place.is_file():
        raise UserError(f"{place} does not exist.", "Check the path.")
    if place.suffix.lower() in PLUGINS:
        return BioioReader(place)
    if place.suffix.lower() not in (".tif", ".tiff", ".btf"):
        raise UserError(f"{place.name} cannot be read by parts.", "Save it as OME-Zarr or as a tiled TIFF.")
    return TiffWindows(place)


class TiffWindows:
    """The full resolution of a TIFF's first series, read by the tiles or strips that a window touches."""

    pixel_size_um: float | None = None

    def __init__(self, path: Path) -> None:
        import zarr

        from napari_cellsynth.imaging.tiff import BROKEN, damaged, pixel_size_um

        self.path = path
        try:
            self._tiff = tifffile.TiffFile(path)
            series = self._tiff.series[0]
            self._axes = "".join({"Q": "T", "I": "T", "S": "C"}.get(axis, axis) for axis in series.axes)
            sizes = dict(zip(self._axes, series.shape, strict=True))
            self._array: Any = zarr.open_array(series.aszarr(level=0, maxworkers=1), mode="r")
            self.pixel_size_um = pixel_size_um(self._tiff)
        except BROKEN as error:
            raise damaged(path, str(error).splitlines()[0] if str(error) else type(error).__name__) from error
        if (
            len(set(self._axes)) < len(self._axes)
            or not {"Y", "X"} <= set(sizes) <= set("TCZYX")
            or sizes.get("Z", 1) > 1
        ):
            self.close()
            raise UserError(f"{path.name} has the axes {series.axes}.", "Save it with the axes time, channel, y, x.")
        self.frames, self.channels = int(sizes.get("T", 1)), int(sizes.get("C", 1))
        self.height, self.width, self.dtype = int(sizes["Y"]), int(sizes["X"]), np.dtype(series.dtype)
        piece = math.prod(self._array.chunks) * self.dtype.itemsize
        if piece > _LARGEST_PIECE:
            self.close()
            raise UserError(
                f"{path.name} is stored in pieces of {piece >> 20} MB, which must be read whole.",
                "Save it as OME-Zarr or as a tiled TIFF.",
            )

    def window(self, t: int, rows: slice, columns: slice) -> NDArray[Any]:
        """Read a part of a frame; return (C, y, x) in the stored dtype."""
        from napari_cellsynth.imaging.tiff import BROKEN, damaged

        parts = {"T": t, "Z": 0, "Y": rows, "X": columns}
        try:
            found = np.asarray(self._array[tuple(parts.get(axis, slice(None)) for axis in self._axes)])
        except BROKEN as error:
            raise damaged(self.path, "a piece of it cannot be read") from error
        left = [axis for axis in self._axes if axis in "CYX"]
        found = found.transpose([left.index(axis) for axis in "CYX" if axis in left])
        return np.ascontiguousarray(found if "C" in left else found[None])

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()
