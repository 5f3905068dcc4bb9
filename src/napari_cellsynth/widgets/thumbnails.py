"""Patches as small pictures: grey, RGB or first three channels, and the thread that reads them for the gallery."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QThread, Signal
from qtpy.QtGui import QImage

CHUNK = 32
"""Patches read in one go: small enough that the first row of a new view appears at once."""


class PatchReader(Protocol):
    """Reads patches by key; made, used and closed in the one thread that reads."""

    def read(self, keys: Sequence[Hashable]) -> list[NDArray[np.generic]]:
        """Return one (C, Y, X) array for each key."""

    def close(self) -> None:
        """Let go of the files."""


def display_range(patches: Sequence[NDArray[np.generic]]) -> tuple[float, float]:
    """Return the intensities that are drawn black and white.

    Parameters
    ----------
    patches : sequence of ndarray (C, Y, X)
        Patches that are to be drawn alike. Their 0.1 and 99.9 percentiles count.

    Returns
    -------
    low, high : float
        ``high`` is above ``low``; 0 and 255 where there is no finite pixel.
    """
    values = np.concatenate([np.empty(0), *(np.asarray(patch, np.float32).ravel()[::3] for patch in patches)])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 255.0
    low, high = np.percentile(values, [0.1, 99.9])
    return float(low), float(high) if high > low else float(low) + 1.0


def to_rgb(patch: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    """Return a patch (C, Y, X) as (Y, X, 3) uint8: one channel grey, two red and green, else the first three."""
    scaled = (np.asarray(patch, dtype=np.float32) - low) * (255.0 / (high - low))
    planes = np.clip(np.nan_to_num(scaled), 0.0, 255.0).astype(np.uint8)
    if planes.shape[0] == 1:
        planes = np.repeat(planes, 3, axis=0)
    elif planes.shape[0] == 2:
        planes = np.concatenate([planes, np.zeros_like(planes[:1])])
    return np.ascontiguousarray(np.moveaxis(planes[:3], 0, -1))


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
        self._wanted: list[Hashable] = []
        self._asked: set[Hashable] = set()
        self._changed = threading.Condition()
        self._closing = False
        self._range: tuple[float, float] | None = None
        self.patches_read = 0

    def want(self, key: Hashable) -> None:
        """Ask for a patch; asking again before it has come does nothing."""
        with self._changed:
            if key in self._asked:
                return
            self._asked.add(key)
            self._wanted.append(key)
            self._changed.notify()

    def forget(self) -> None:
        """Drop the wishes that are not read yet (the view has moved on)."""
        with self._changed:
            self._asked.difference_update(self._wanted)
            self._wanted.clear()

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
            keys = self._wanted[-CHUNK:]
            del self._wanted[-CHUNK:]
            return keys

    def _read(self, reader: PatchReader, keys: list[Hashable]) -> None:
        try:
            patches = reader.read(keys)
            pictures = list(zip(keys, self._drawn(patches), strict=True))
        except Exception as error:  # noqa: BLE001 - an exception that leaves QThread.run aborts the whole of napari
            # The unreadable keys stay asked for: a missing image is told once and not at every repaint; the others of
            # the chunk are shown all the same.
            if len(keys) == 1:
                self.failed.emit(str(error))
            else:
                self._read(reader, keys[: len(keys) // 2])
                self._read(reader, keys[len(keys) // 2 :])
            return
        with self._changed:
            self.patches_read += len(pictures)
            self._asked.difference_update(keys)
        self.ready.emit(pictures)

    def _drawn(self, patches: Sequence[NDArray[np.generic]]) -> list[QImage]:
        # One range for the whole view, so that patches can be compared by eye: that of the first ones with a number.
        if self._range is None and any(np.isfinite(patch).any() for patch in patches):
            self._range = display_range(patches)
        return [to_image(to_rgb(patch, *(self._range or (0.0, 255.0)))) for patch in patches]
