"""Microscopes' own formats (CZI, ND2, LIF) through bioio, which is an extra: frame by frame, or window by window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError

PLUGINS = {".czi": "bioio-czi", ".nd2": "bioio-nd2", ".lif": "bioio-lif"}
"""What bioio needs besides itself for each ending."""
_ALL = 'pip install "napari-cellsynth[bioio]"'
_APART = "bioio-czi"
"""Not in the extra, because it is GPL."""
_NAMED = 5


class BioioReader:
    """One scene of a file as frames of shape (C, Y, X), read by the pieces that the format stores.

    Parameters
    ----------
    path : Path
        A file that a plugin of bioio reads.

    Raises
    ------
    UserError
        If bioio or the plugin is not installed, the file cannot be read, is a volume, or holds several scenes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._image: Any = _opened(path)
        scenes = [str(scene) for scene in self._image.scenes]
        if len(scenes) > 1:
            more = f" and {len(scenes) - _NAMED} more" if len(scenes) > _NAMED else ""
            raise UserError(
                f"{path.name} holds {len(scenes)} scenes: {', '.join(scenes[:_NAMED])}{more}.",
                "Save each as a file of its own (OME-TIFF, OME-Zarr).",
            )
        try:
            self._pixels: Any = self._image.dask_data  # (T, C, Z, Y, X), and the colours of a photograph
            colours = self._pixels.shape[5] if self._pixels.ndim == 6 else 0
            self.frames, channels, planes, self.height, self.width = (int(side) for side in self._pixels.shape[:5])
            self.dtype = np.dtype(self._pixels.dtype)
            self.pixel_size_um = _trusted(self._image.physical_pixel_sizes)
        except Exception as error:
            raise _unreadable(path, error) from error
        if planes > 1:
            raise UserError(f"{path.name} is a volume ({planes} planes in z).", "Save a projection, or one plane.")
        if colours and channels > 1:
            raise UserError(f"{path.name} has {channels} channels of colour.", "Save it with plain channels.")
        self._colours = bool(colours)
        self.channels = min(colours, 3) if colours else channels  # what is more than red, green and blue is opacity

    def read(self, t: int) -> NDArray[Any]:
        """Read one frame; return (C, Y, X) in the stored dtype."""
        return self.window(t, slice(None), slice(None))

    def window(self, t: int, rows: slice, columns: slice) -> NDArray[Any]:
        """Read a part of a frame; return (C, y, x) in the stored dtype."""
        try:
            part = self._pixels[t, :, 0, rows, columns]
            found = np.asarray(part.compute(scheduler="synchronous"))
        except Exception as error:
            raise _unreadable(self.path, error) from error
        return np.ascontiguousarray(np.moveaxis(found[0], -1, 0)[:3] if self._colours else found)

    def close(self) -> None:
        """Let go of the file."""
        self._image = self._pixels = None


def _opened(path: Path) -> Any:
    plugin = PLUGINS.get(path.suffix.lower(), "a plugin of bioio")
    try:
        from bioio import BioImage
        from bioio_base.exceptions import UnsupportedFileFormatError
    except ImportError as error:
        apart = f" {plugin}" if plugin == _APART else ""
        raise UserError(f"Reading {path.name} needs bioio and {plugin}.", f"Install them: {_ALL}{apart}") from error
    try:
        return BioImage(path)
    except UnsupportedFileFormatError as error:
        raise UserError(f"Reading {path.name} needs {plugin}.", f"Install it: pip install {plugin}") from error
    except Exception as error:
        raise _unreadable(path, error) from error


def _trusted(sizes: Any) -> float | None:
    size = getattr(sizes, "X", None)
    return float(size) if size is not None and 1e-3 <= float(size) <= 20 else None


def _unreadable(path: Path, error: Exception) -> UserError:
    """Return what is said where a plugin fails, each of which has errors of its own."""
    words = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{path.name} cannot be read: {words[:200].rstrip('.')}.", "It is damaged, or of another kind.")
