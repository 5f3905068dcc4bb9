"""Decoded frames kept at hand, and the next ones read ahead off the GUI thread."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.large import Large

if TYPE_CHECKING:
    from napari_cellsynth.imaging.source import ImageSource
    from napari_cellsynth.widgets.session import Session

CACHE_BYTES = 256 * 1024**2
"""About sixty frames of 2098×2098 bytes: a few minutes of labelling."""

Frame = tuple[int, int]
"""Image id and frame number."""


class FrameReader(QObject):
    """A small cache of frames (C, Y, X) with one reading thread, so that the next crop's frame is there before the key.

    Call it from the GUI thread only; `ready` and `failed` arrive there too.
    """

    ready = Signal(int, int)
    failed = Signal(int, int, str)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._kept: OrderedDict[Frame, Any] = OrderedDict()  # an array, or a `Large` one
        self._sources: dict[int, ImageSource] = {}
        self._lock = threading.Lock()
        self._generation = 0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="cellsynth-frames")

    def get(self, image_id: int, frame: int) -> NDArray[Any] | None:
        """Return a frame that is at hand, or None."""
        with self._lock:
            pixels = self._kept.get((image_id, frame))
            if pixels is not None:
                self._kept.move_to_end((image_id, frame))
            return pixels

    def read(self, image_id: int, frame: int) -> NDArray[Any]:
        """Return a frame, reading it here and now where it is not at hand.

        Raises
        ------
        UserError
            Where the file is gone or broken.
        """
        pixels = self.get(image_id, frame)
        if pixels is None:
            pixels = self._source(image_id).frame(frame)
            self._keep((image_id, frame), pixels)
        return pixels

    def read_ahead(self, frames: Sequence[Frame]) -> None:
        """Read these frames next, in this order; what was asked before and is not read yet is dropped."""
        self._generation += 1
        self.read_after(frames)

    def read_after(self, frames: Sequence[Frame]) -> None:
        """Read these frames once those that were asked for before have been read."""
        for image_id, frame in dict.fromkeys(frames):
            if self.get(image_id, frame) is not None:
                continue
            try:
                source = self._source(image_id)
            except UserError as error:
                self.failed.emit(image_id, frame, str(error))
                continue
            self._reader.submit(self._read_one, self._generation, source, (image_id, frame))

    def clear(self) -> None:
        """Forget every frame (the project is being closed or its files have changed)."""
        self._generation += 1
        with self._lock:
            self._kept.clear()
        self._sources.clear()

    def shut_down(self) -> None:
        """Wait for the frame being read and end the reading thread."""
        self._generation += 1
        self._reader.shutdown(wait=True, cancel_futures=True)

    def _source(self, image_id: int) -> ImageSource:
        if image_id not in self._sources:
            self._sources[image_id] = self._session.need_project().source(image_id)
        return self._sources[image_id]

    def _read_one(self, generation: int, source: ImageSource, key: Frame) -> None:
        if generation != self._generation or self.get(*key) is not None:
            return
        try:
            pixels = source.frame(key[1])
        except (UserError, OSError, ValueError) as error:
            self.failed.emit(*key, str(error))
            return
        if generation != self._generation:
            # Closed or moved on meanwhile; ids of another project must not get this one's pixels.
            return
        self._keep(key, pixels)
        self.ready.emit(*key)

    def _keep(self, key: Frame, pixels: Any) -> None:
        with self._lock:
            self._kept[key] = pixels if isinstance(pixels, Large) else np.asarray(pixels)
            size = sum(kept.nbytes for kept in self._kept.values())
            while size > CACHE_BYTES and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                size -= dropped.nbytes
