"""Reading one TIFF file frame by frame: plain, ImageJ and OME, grey or colour, contiguous or compressed."""

from __future__ import annotations

import logging
import math
import struct
import threading
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError

BROKEN = (
    tifffile.TiffFileError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    ElementTree.ParseError,
    OSError,
    struct.error,
    zlib.error,
)
"""What tifffile and the codecs raise on damaged bytes."""

_MICRONS = {"nm": 1e-3, "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "\\u00b5m": 1.0}
_MICRONS |= {"mm": 1e3, "cm": 1e4, "inch": 25400.0, "m": 1e6}
_PLAIN_KINDS = ("generic", "uniform", "shaped")
_MOST_UNNAMED_CHANNELS = 4
_LARGEST_TILE = 4096 * 4096


class TiffReader:
    """One TIFF file as frames of shape (C, Y, X).

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    frames, channels, height, width : int
        The shape of the series.
    dtype : dtype
        As stored.
    pixel_size_um : float or None
        The pixels' side in µm, where the file states one that can be trusted.

    Raises
    ------
    UserError
        If the file is no TIFF, is damaged or cut off, is a volume, or has axes that a time-lapse does not have.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._telling_of_damage():
            self._tiff = tifffile.TiffFile(path)
            self._finalizer = weakref.finalize(self, self._tiff.close)
            try:
                series = self._choose_series()
                self._plan(series)
                self._check_pieces()
                self._check_complete(series)
                self.pixel_size_um = pixel_size_um(self._tiff)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the file; reading on is not possible."""
        self._finalizer()

    def read(self, t: int) -> NDArray[Any]:
        """Read one frame and nothing else; return (C, Y, X) in the stored dtype."""
        with self._lock, self._telling_of_damage():
            planes = [self._page(int(index)) for index in self._pages_of[t]]
        return np.stack(planes) if planes[0].ndim == 2 else planes[0]

    @contextmanager
    def _telling_of_damage(self) -> Iterator[None]:
        complaints: list[str] = []
        try:
            with _listening(complaints):
                yield
        except FileNotFoundError as error:
            raise UserError(f"{self.path} does not exist.", "Check the path.") from error
        except BROKEN as error:
            raise damaged(self.path, _reason(error)) from error
        if complaints:
            raise damaged(self.path, complaints[0])

    def _choose_series(self) -> list[Any]:
        every = list(self._tiff.series)
        if not every:
            raise damaged(self.path, "it holds no image")
        if len(every) == 1 or every[0].kind not in (*_PLAIN_KINDS, "ome"):
            return every[:1]
        if every[0].kind == "ome":
            raise UserError(
                f"{self.path.name} holds {len(every)} images (positions or scenes).",
                "Save every position as a file of its own.",
            )
        if len({(series.axes, series.shape, series.dtype) for series in every}) > 1:
            raise UserError(
                f"{self.path.name} holds frames of different shapes.", "A time-lapse has frames of one shape."
            )
        return every

    def _plan(self, series: list[Any]) -> None:
        """Work out which pages make up which frame."""
        first = series[0]
        keyframe = first.keyframe
        self._page_axes, self._page_shape = _without_thin_axes(keyframe)
        axes, shape = first.axes, tuple(int(n) for n in first.shape)
        sizes = dict(zip(axes, shape, strict=True))
        if sizes.get("Z", 1) > 1:
            raise UserError(
                f"{self.path.name} is a volume ({sizes['Z']} planes in z), not a time-lapse of flat frames.",
                "Save a projection, one plane, or the planes as a time series.",
            )
        page_dims = len(self._page_axes)
        lead, lead_shape = axes[: len(axes) - page_dims], shape[: len(shape) - page_dims]
        time, channel = self._leading_axes(lead, lead_shape)
        # A series may call the samples of its pages channels: then the page alone knows that it holds them all.
        samples = sizes.get("S", dict(zip(self._page_axes, self._page_shape, strict=True)).get("S", 1))
        if samples > 1 and channel is not None and lead_shape[channel] > 1:
            raise UserError(
                f"{self.path.name} has colour pixels in several channels.",
                "Save the channels as grey images.",
            )
        order = np.arange(math.prod(lead_shape)).reshape(lead_shape)
        wanted = [axis for axis in (time, channel) if axis is not None]
        rest = [axis for axis in range(len(lead_shape)) if axis not in wanted]
        order = order.transpose(*rest, *wanted).reshape(
            lead_shape[time] if time is not None else 1, lead_shape[channel] if channel is not None else 1
        )
        per_series = order.size
        self._pages_of = np.concatenate([order + k * per_series for k in range(len(series))])
        self._pages = [page for one in series for page in one.pages] if first.dataoffset is None else []
        self._contiguous = [one.dataoffset for one in series] if first.dataoffset is not None else []
        self._per_series, self._keyframe = per_series, keyframe
        self._samples = _colour_samples(keyframe, samples)
        self.frames = len(self._pages_of)
        self.channels = self._samples if samples > 1 else self._pages_of.shape[1]
        self.height, self.width, self.dtype = sizes["Y"], sizes["X"], np.dtype(first.dtype)

    def _leading_axes(self, axes: str, shape: tuple[int, ...]) -> tuple[int | None, int | None]:
        """Return the places of time and channel among the axes before a page's own."""
        long = [place for place, size in enumerate(shape) if size > 1]
        unnamed = [place for place in long if axes[place] in "TIQ"]
        channel = next((place for place in long if axes[place] == "C"), None)
        if channel is None and len(unnamed) == 2 and shape[unnamed[1]] <= _MOST_UNNAMED_CHANNELS:
            channel = unnamed.pop()
        strange = [place for place in long if place != channel and place not in unnamed]
        if strange or len(unnamed) > 1:
            raise UserError(
                f"{self.path.name} has the axes {axes} {shape}, which are not time and channel.",
                "Save it with the axes time, channel, y, x.",
            )
        return (unnamed[0] if unnamed else None), channel

    def _check_pieces(self) -> None:
        """Refuse tiles and strips far beyond the image: a header can ask for terabytes for a small picture."""
        for page in [self._keyframe, *self._pages]:
            if page is None or not hasattr(page, "chunks"):
                continue  # a frame that shares its description with the first page
            if math.prod(page.chunks) > 4 * math.prod(page.shape) + _LARGEST_TILE:
                raise damaged(self.path, "its tiles are larger than the image")

    def _check_complete(self, series: list[Any]) -> None:
        """Refuse a file that ends before its pixels do: a copy that was cut off may open well."""
        size = self._tiff.filehandle.size
        if self._contiguous:
            end = max(self._contiguous) + self._per_series * self._page_bytes
        else:
            if any(page is None for page in self._pages):
                raise damaged(self.path, "frames are missing")
            own = [page for page in self._pages if page.parent is self._tiff]
            ends = [o + n for page in own for o, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
            end = max(ends, default=0)
        if end > size:
            raise damaged(self.path, f"it ends {end - size} bytes too early")

    @property
    def _page_bytes(self) -> int:
        return int(math.prod(self._page_shape) * self.dtype.itemsize)

    def _page(self, index: int) -> NDArray[Any]:
        if self._contiguous:
            which, within = divmod(index, self._per_series)
            offset = self._contiguous[which] + within * self._page_bytes
            stored = self.dtype.newbyteorder(self._tiff.byteorder)
            count = self._page_bytes // self.dtype.itemsize
            flat = self._tiff.filehandle.read_array(stored, count, offset)
            plane = flat.reshape(self._page_shape).astype(self.dtype, copy=False)
        else:
            # One thread: callers read several frames at once if they wish.
            plane = self._pages[index].asarray(maxworkers=1)
        plane = plane.reshape(self._page_shape)
        if "S" in self._page_axes:
            plane = np.moveaxis(plane, self._page_axes.index("S"), 0)[: self._samples]
        return np.ascontiguousarray(plane)


def _without_thin_axes(page: Any) -> tuple[str, tuple[int, ...]]:
    kept = [(axis, size) for axis, size in zip(page.axes, page.shape, strict=True) if axis in "YXS" or size > 1]
    return "".join(axis for axis, _ in kept), tuple(int(size) for _, size in kept)


def _colour_samples(page: Any, samples: int) -> int:
    """Return how many of a pixel's samples are colour: alpha is left out."""
    if page.photometric == tifffile.PHOTOMETRIC.RGB and samples > 3:
        return 3
    alpha = {tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA}
    return samples - sum(extra in alpha for extra in page.extrasamples)


def pixel_size_um(tiff: tifffile.TiffFile) -> float | None:
    """Return the pixels' side in µm, where the file states one that can be trusted."""
    size: float | None = None
    page = tiff.pages.first
    if tiff.is_ome and tiff.ome_metadata:
        pixels = ElementTree.fromstring(tiff.ome_metadata).find(".//{*}Pixels")
        if pixels is not None and pixels.get("PhysicalSizeX"):
            unit = pixels.get("PhysicalSizeXUnit", "µm")
            size = float(pixels.get("PhysicalSizeX", "0")) * _MICRONS.get(unit, math.nan)
    elif "XResolution" in page.tags:
        dots, per = page.tags["XResolution"].value
        if tiff.is_imagej:
            unit = str((tiff.imagej_metadata or {}).get("unit", ""))
        else:
            unit = {2: "inch", 3: "cm"}.get(int(page.resolutionunit), "")
        size = per / dots * _MICRONS.get(unit, math.nan) if dots else None
    # A microscope's pixels are small; 72, 96 or 300 dots per inch (85 µm and more) is a program's default.
    return size if size is not None and 1e-3 <= size <= 20 else None


@contextmanager
def _listening(complaints: list[str]) -> Iterator[None]:
    """Collect tifffile's own complaints: it logs a cut-off file and returns the frames before the cut."""
    logger = logging.getLogger("tifffile")
    me = threading.get_ident()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == me:
                text = record.getMessage()
                # Microscopes write odd private tags; only what touches the pages means that pixels are lost.
                about_pages = not text.startswith("<TiffTag")
                if about_pages and (record.levelno >= logging.ERROR or "missing" in text or "corrupt" in text):
                    complaints.append(text.split("> ", 1)[-1])

    ear, propagate = Ear(), logger.propagate
    logger.addHandler(ear)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(ear)
        logger.propagate = propagate


def _reason(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0].split("> ", 1)[-1] or type(error).__name__


def damaged(path: Path, reason: str) -> UserError:
    """Return what to say of a file that cannot be read."""
    return UserError(
        f"{path.name} cannot be read as a TIFF image: {reason.rstrip('.')}.",
        "The file is damaged, cut off or of another kind; copy it again from the microscope.",
    )
