"""Patches as small pictures, and the thread that reads them for the gallery."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QThread, Signal
from qtpy.QtGui import QImage

from napari_cellsynth.imaging.composite import display_range, to_rgb

CHUNK = 32
"""Patches read in one go: small enough that the first row of a new view appears at once."""

MOST_WISHES = 1500
"""Patches waited for at most, a few screens of them; the oldest wishes are dropped."""

LARGEST = 192
"""Longest side of a picture in pixels, that of the largest cell; a larger patch is brought down."""

Range = tuple[NDArray[np.float64], NDArray[np.float64]]
"""What is black and what is white, a number for each channel."""


class PatchReader(Protocol):
    """Reads patches by key; made, used and closed in the one thread that reads."""

    def read(self, keys: Sequence[Hashable]) -> list[NDArray[np.generic]]:
        """Return one (C, Y, X) array for each key."""

    def close(self) -> None:
        """Let go of the files."""


def to_image(rgb: NDArray[np.uint8]) -> QImage:
    """Return (Y, X, 3) uint8 pixels as a picture that owns its memory."""
    height, width = rgb.shape[:2]
    return QImage(rgb.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class Recent(OrderedDict[Hashable, object]):
    """A dictionary that keeps the ``room`` entries used last."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def take(self, key: Hashable) -> object | None:
        """Return an entry and count it as used, or None."""
        if key not in self:
            return None
        self.move_to_end(key)
        return self[key]

    def put(self, key: Hashable, value: object) -> None:
        """Keep an entry and drop the one that was not used for longest."""
        self[key] = value
        self.move_to_end(key)
        while len(self) > self.room:
            self.popitem(last=False)


class Contrast(Protocol):
    """Which patches are drawn between the same black and white."""

    def group(self, key: Hashable) -> Hashable:
        """Return what a patch shares its range with; None: nothing, it has its own."""

    def sample(self, group: Hashable) -> Sequence[Hashable]:
        """Return keys of a group, among the whole view, whose pixels decide its range."""


class OneContrast:
    """One range for whatever is read, from the first patches with a number."""

    def group(self, key: Hashable) -> Hashable:
        """Return the same for all."""
        return "all"

    def sample(self, group: Hashable) -> Sequence[Hashable]:
        """Leave it to the patches that are read anyway."""
        return ()


class ThumbnailThread(QThread):
    """Reads the patches that are asked for, the newest wish first, and hands them back as pictures.

    Parameters
    ----------
    open_reader : callable
        Called in the thread, once; the reader is used and closed there.
    parent : QObject, optional
        The object that owns the thread.
    """

    ready = Signal(object)
    """A list of (key, QImage)."""
    failed = Signal(str)
    """One sentence: why patches cannot be read."""

    def __init__(self, open_reader: Callable[[], PatchReader], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open_reader = open_reader
        self._wanted: dict[Hashable, None] = {}
        self._reading: list[Hashable] = []
        self._changed = threading.Condition()
        self._closing = False
        self._contrast: Contrast = OneContrast()
        self._ranges: dict[Hashable, Range] = {}
        self._unreadable: set[Hashable] = set()
        self.patches_read = 0

    def want(self, key: Hashable) -> None:
        """Ask for a patch; asking again before it has come does nothing."""
        with self._changed:
            if key in self._wanted or key in self._reading or key in self._unreadable:
                return
            self._wanted[key] = None
            # Who drags the bar through the whole view does not wait for what has flown by.
            if len(self._wanted) > MOST_WISHES:
                del self._wanted[next(iter(self._wanted))]
            self._changed.notify()

    def forget(self) -> None:
        """Drop the wishes that are not read yet (the view has moved on)."""
        with self._changed:
            self._wanted.clear()

    def set_contrast(self, contrast: Contrast) -> None:
        """Draw all that comes from here on by these ranges; what is being read is read again."""
        with self._changed:
            self._contrast, self._ranges = contrast, {}
            self._wanted.update(dict.fromkeys(self._reading))
            self._reading = []

    def close(self) -> None:
        """End the thread after the chunk in hand and wait for it."""
        with self._changed:
            self._closing = True
            self._wanted.clear()
            self._changed.notify()
        self.wait()

    def run(self) -> None:
        """Read chunk after chunk until closed."""
        try:
            reader = self._open_reader()
        except Exception as error:  # noqa: BLE001 - as in `_read`
            self.failed.emit(str(error))
            return
        try:
            while (keys := self._next_chunk()) is not None:
                self._read(reader, keys)
        finally:
            reader.close()

    def _next_chunk(self) -> list[Hashable] | None:
        with self._changed:
            while not self._wanted and not self._closing:
                self._changed.wait()
            if self._closing:
                return None
            keys = list(self._wanted)[-CHUNK:]
            for key in keys:
                del self._wanted[key]
            self._reading = keys
            return keys

    def _read(self, reader: PatchReader, keys: list[Hashable]) -> None:
        contrast, ranges = self._contrast, self._ranges
        try:
            patches = reader.read(keys)
            pictures = [
                (key, to_image(_small(to_rgb(patch, *_range(reader, contrast, ranges, key, patch, patches)))))
                for key, patch in zip(keys, patches, strict=True)
            ]
        except Exception as error:  # noqa: BLE001 - an exception that leaves QThread.run aborts the whole of napari
            # The unreadable keys are not asked for again: a missing image is told once and not at every repaint; the
            # others of the chunk are shown all the same.
            if len(keys) == 1:
                self._unreadable.update(keys)
                self.failed.emit(str(error))
            else:
                self._read(reader, keys[: len(keys) // 2])
                self._read(reader, keys[len(keys) // 2 :])
            return
        with self._changed:
            if contrast is not self._contrast:
                return
            self.patches_read += len(pictures)
            self._reading = [key for key in self._reading if key not in set(keys)]
        self.ready.emit(pictures)


def _range(
    reader: PatchReader,
    contrast: Contrast,
    ranges: dict[Hashable, Range],
    key: Hashable,
    patch: NDArray[np.generic],
    others: Sequence[NDArray[np.generic]],
) -> Range:
    """Return black and white of a patch, and keep them for its group once a patch of it has a number."""
    group, channels = contrast.group(key), patch.shape[0]
    if group is None:
        return display_range([patch])
    found = ranges.get((group, channels))
    if found is None:
        alike = [each for each in others if each.shape[0] == channels]
        if sample := contrast.sample(group):
            with suppress(Exception):  # where the sample cannot be read, the patches at hand decide
                alike = [each for each in reader.read(sample) if each.shape[0] == channels] or alike
        found = display_range(alike)
        if any(np.isfinite(each).any() for each in alike):
            ranges[group, channels] = found
    return found


def _small(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pixels no larger than a cell needs: thousands of pictures of large patches would fill the memory."""
    step = -(-max(rgb.shape[:2]) // LARGEST)
    if step == 1:
        return rgb
    height, width = (length // step * step for length in rgb.shape[:2])
    blocks = rgb[:height, :width].reshape(height // step, step, width // step, step, 3)
    return blocks.mean(axis=(1, 3)).astype(np.uint8)
