"""Opening microscopy lazily: one file, a folder of frames or a glob becomes one series with the axes (T, C, Y, X)."""

from __future__ import annotations

import glob
import hashlib
import re
import threading
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging import large
from napari_cellsynth.imaging.bioio_reader import PLUGINS, BioioReader
from napari_cellsynth.imaging.omezarr import OmeZarrReader, is_ome_zarr
from napari_cellsynth.imaging.picture import PictureReader
from napari_cellsynth.imaging.tiff import TiffReader
from napari_cellsynth.imaging.windows import Windows, open_windows

TIFF_ENDINGS = (".tif", ".tiff")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg")
ENDINGS = TIFF_ENDINGS + PICTURE_ENDINGS + tuple(PLUGINS)

_SMALLEST_SIDE = 8
_GLOB = re.compile(r"[*?\[]")


class _Reader(Protocol):
    frames: int
    channels: int
    height: int
    width: int
    dtype: np.dtype[Any]
    pixel_size_um: float | None

    def read(self, t: int) -> NDArray[Any]: ...

    def close(self) -> None: ...


class ImageSource:
    """One linked series of frames; made by `open_image`, read frame by frame.

    Attributes
    ----------
    name : str
        The file's stem, the folder's name, or what the glob's files have in common.
    paths : tuple of Path
        The files, absolute, in the order of time.
    shape : tuple of int
        (T, C, Y, X).
    dtype : dtype
        uint8, uint16 or float32: other dtypes are converted while reading (float64, float16 and integers that do not
        fit 16 bits without a sign become float32; booleans become 0 and 255).
    pixel_size_um : float or None
        The pixels' side in µm, where the file states one that can be trusted.
    large : bool
        Whether a frame is more than is read at once; `frame` then gives a `large.Large`, and others need windows too.
    """

    def __init__(self, name: str, paths: tuple[Path, ...]) -> None:
        self.name = name
        self.paths = paths
        self._lock = threading.Lock()
        self._hash = ""
        self._windows: tuple[Path, Windows] | None = None
        first = _reader(paths[0])
        self._reader: _Reader | None = first if len(paths) == 1 else None
        try:
            self.shape = (first.frames, first.channels, first.height, first.width)
            self._stored = first.dtype
            self.dtype = _dtype_read(first.dtype, paths[0])
            self.pixel_size_um = first.pixel_size_um
            if min(first.height, first.width) < _SMALLEST_SIDE:
                raise UserError(
                    f"{paths[0].name} is {first.width} x {first.height} pixels, too small to hold an object.",
                    f"Images have at least {_SMALLEST_SIDE} pixels a side.",
                )
            self.large = large.is_large(*self.shape[1:], self.dtype)
            if self.large and paths[0].suffix.lower() in PICTURE_ENDINGS:
                raise UserError(
                    f"{paths[0].name} is {first.width} x {first.height} pixels, more than {large.FRAME_BYTES >> 20} MB "
                    "a frame, and cannot be read by parts.",
                    "Save it as OME-Zarr or as a tiled TIFF.",
                )
            if self.large:
                self._windows_of(0)  # what cannot be read by parts is told when it is opened
            if len(paths) > 1:
                self._check_frames()
                self.shape = (len(paths), *self.shape[1:])
        except BaseException:
            first.close()
            raise
        if self._reader is None:
            first.close()

    def __repr__(self) -> str:
        return f"<ImageSource {self.name!r} {self.shape} {self.dtype}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return ImageSource, (self.name, self.paths)

    def frame(self, t: int) -> NDArray[Any]:
        """Read one frame from disk, and nothing else of the series.

        Parameters
        ----------
        t : int
            The frame, 0 … T-1.

        Returns
        -------
        ndarray, shape (C, Y, X)
            Raw intensities in `dtype`.

        Raises
        ------
        IndexError
            If there is no such frame.
        UserError
            If the file is gone or damaged.
        """
        if not 0 <= t < self.shape[0]:
            raise IndexError(f"{self.name} has frames 0 to {self.shape[0] - 1}, not {t}")
        if self.large:
            read = partial(self._window, t)
            return cast("NDArray[Any]", large.Large(self.shape[1:], self.dtype, read, f"Frame {t} of {self.name}"))
        if len(self.paths) > 1:
            reader = _reader(self.paths[t])
            try:
                raw = reader.read(0)
            finally:
                reader.close()
        else:
            with self._lock:
                if self._reader is None:
                    self._reader = _reader(self.paths[0])
                raw = self._reader.read(t)
        if raw.shape != self.shape[1:]:
            raise UserError(f"Frame {t} of {self.name} has changed on disk.", "Add the image again.")
        return _as_read(raw, self.dtype)

    def lazy(
        self,
        on_failure: Callable[[str], None] | None = None,
        at_hand: Callable[[int], NDArray[Any] | None] = lambda _frame: None,
    ) -> Any:
        """Return a dask array (T, C, Y, X) with one chunk a frame; a chunk is read when it is computed.

        Parameters
        ----------
        on_failure : callable, optional
            Told, in the thread that computes, why a frame cannot be read, which then is black; without it computing
            that frame raises.
        at_hand : callable, optional
            Returns a frame (C, Y, X) that was read before, or None; asked in the thread that computes.
        """
        import dask.array as da

        def read_block(block_id: tuple[int, ...]) -> NDArray[Any]:
            if (before := at_hand(block_id[0])) is not None:
                return before[None]
            try:
                return self.frame(block_id[0])[None]
            except UserError as error:
                if on_failure is None:
                    raise
                on_failure(str(error))
                return np.zeros((1, *self.shape[1:]), self.dtype)

        frames, *rest = self.shape
        return da.map_blocks(
            read_block,
            chunks=((1,) * frames, *((n,) for n in rest)),
            dtype=self.dtype,
            meta=np.empty((0, 0, 0, 0), self.dtype),
            name=f"frames-{uuid.uuid4().hex}",
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the pixels: `paths`, or the chunks of an OME-Zarr's full resolution."""
        if len(self.paths) == 1 and self.paths[0].is_dir():
            return OmeZarrReader(self.paths[0]).files()
        return self.paths

    def content_hash(self) -> str:
        """Return the sha256 (hex) of the file's bytes; of names and bytes in order where there are several files."""
        if not self._hash:
            digest = hashlib.sha256()
            files = self.files
            for path in files:
                if len(files) > 1:
                    digest.update(path.name.encode() + b"\0")
                try:
                    with path.open("rb") as file:
                        while piece := file.read(1 << 20):
                            digest.update(piece)
                except OSError as error:
                    raise UserError(f"{path} cannot be read.", "Check the path and its permissions.") from error
            self._hash = digest.hexdigest()
        return self._hash

    def close(self) -> None:
        """Close the file, if one is open; reading a frame opens it again."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            if self._windows is not None:
                self._windows[1].close()
                self._windows = None

    def place_of(self, t: int) -> tuple[Path, int]:
        """Return the file that holds a frame, and which frame of it that is."""
        return (self.paths[t], 0) if len(self.paths) > 1 else (self.paths[0], t)

    def _windows_of(self, t: int) -> Windows:
        path, _ = self.place_of(t)
        if self._windows is None or self._windows[0] != path:
            if self._windows is not None:
                self._windows[1].close()
            self._windows = path, open_windows(path)
        return self._windows[1]

    def _window(self, t: int, rows: slice, columns: slice) -> NDArray[Any]:
        with self._lock:
            return _as_read(self._windows_of(t).window(self.place_of(t)[1], rows, columns), self.dtype)

    def _check_frames(self) -> None:
        for path in self.paths:
            reader = _reader(path)
            reader.close()
            if reader.frames > 1:
                raise UserError(
                    f"{path.name} holds {reader.frames} frames, and its folder holds other files.",
                    "Add such files one by one; a folder is one series of single frames.",
                )
            if (reader.channels, reader.height, reader.width) != self.shape[1:] or reader.dtype != self._stored:
                raise UserError(
                    f"{path.name} differs from {self.paths[0].name} in shape or bit depth.",
                    "A folder is one series: its frames have one shape and one bit depth.",
                )


def open_image(path: str | Path) -> ImageSource:
    """Open a microscopy image without reading its pixels.

    Parameters
    ----------
    path : str or Path
        A file (.tif, .tiff, .ome.tif, .png, .jpg, .jpeg; .czi, .nd2, .lif with the extra ``bioio``); an OME-Zarr image
        (0.4 or 0.5); a folder whose image files are the frames of one time-lapse; or a glob that names such frames.
        Frames are in natural order (``t2`` before ``t10``). The first axis of a grey TIFF without axes of its own is
        time.

    Returns
    -------
    ImageSource

    Raises
    ------
    UserError
        If there is no such file, no image in the folder, or if a file is damaged, cut off, of another kind, a volume
        (z-stack), smaller than 8 pixels a side, or unlike the other frames of its folder.
    """
    where = Path(path).expanduser()
    if is_ome_zarr(where):
        return ImageSource(_stem(where), (where.resolve(),))
    if where.is_dir():
        frames = [file for file in where.iterdir() if _is_image(file)]
        if not frames:
            raise UserError(f"{where} holds no image.", f"Images end in {', '.join(ENDINGS)}.")
        return ImageSource(where.resolve().name, _in_order(frames))
    if not where.exists() and _GLOB.search(str(path)):
        frames = [file for file in map(Path, glob.glob(str(where), recursive=True)) if _is_image(file)]
        if not frames:
            raise UserError(f"No image matches {path}.", f"Images end in {', '.join(ENDINGS)}.")
        ordered = _in_order(frames)
        return ImageSource(_common_name(ordered), ordered)
    if not where.exists():
        raise UserError(f"{where} does not exist.", "Check the path.")
    if not where.is_file():  # reading from a pipe or a device would wait for ever, or never end
        raise UserError(f"{where} is not a file.", "Choose an image file, a folder of frames, or a glob.")
    return ImageSource(_stem(where), (where.resolve(),))


def images_of(folder: Path) -> list[Path]:
    """Return the image files of a folder, in natural order."""
    return list(_in_order([file for file in folder.iterdir() if _is_image(file)]))


def _is_image(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in ENDINGS and not path.name.startswith(".")


def _in_order(paths: list[Path]) -> tuple[Path, ...]:
    def key(path: Path) -> list[tuple[int, int, str]]:
        parts = re.split(r"(\d+)", str(path))
        return [(0, int(part), part) if part.isdigit() else (1, 0, part.lower()) for part in parts]

    return tuple(sorted((path.resolve() for path in paths), key=key))


def _stem(path: Path) -> str:
    return re.sub(r"\.ome$", "", path.stem, flags=re.IGNORECASE)


def _common_name(paths: tuple[Path, ...]) -> str:
    first, last = min(map(_stem, paths)), max(map(_stem, paths))
    same = [a == b for a, b in zip(first, last, strict=False)]
    common = first[: same.index(False) if False in same else len(same)]
    if len(paths) > 1:
        common = re.sub(r"[\W_]*(?:[\W_][tT])?\d*$", "", common)
    return common or paths[0].parent.name


def _reader(path: Path) -> _Reader:
    ending = path.suffix.lower()
    if path.is_dir():
        return OmeZarrReader(path)
    if ending in TIFF_ENDINGS:
        return TiffReader(path)
    if ending in PICTURE_ENDINGS:
        return PictureReader(path)
    if ending in PLUGINS:
        return BioioReader(path)
    raise UserError(
        f"{path.name} is not an image that can be opened here.",
        f"Save it as OME-TIFF; images end in {', '.join(ENDINGS)}.",
    )


def _dtype_read(stored: np.dtype[Any], path: Path) -> np.dtype[Any]:
    if stored.kind == "b" or stored == np.uint8:
        return np.dtype(np.uint8)
    if stored == np.uint16:
        return np.dtype(np.uint16)
    if stored.kind in "fiu":
        return np.dtype(np.float32)
    raise UserError(f"{path.name} has pixels of the kind {stored}.", "Save it with 8-bit, 16-bit or float pixels.")


def _as_read(raw: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if raw.dtype.kind == "b":
        return raw.astype(np.uint8) * np.uint8(255)
    return raw.astype(dtype, copy=False)
