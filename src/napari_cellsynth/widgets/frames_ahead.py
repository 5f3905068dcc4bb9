"""What the canvas needs of the frames beside the one it shows, read in a thread while a person looks."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.frame_objects import with_predictions
from napari_cellsynth.widgets.frames import Frame
from napari_cellsynth.widgets.outline import Stroke, stroked

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

AFTER_MS = 30
"""The frame that was asked for is drawn before the next one is read."""


@dataclass(frozen=True)
class ReadFrame:
    """A frame's mask (Y, X), the outlines of its objects, and tables of them: with predictions, and these alone."""

    mask: NDArray[np.int32] | None
    outline: NDArray[np.uint8] | None
    stroke: Stroke
    objects: pd.DataFrame
    predictions: pd.DataFrame

    def suits(self, stroke: Stroke) -> bool:
        """Whether its outlines are drawn so, or it has no object."""
        return self.mask is None or self.stroke == stroke


class FramesAhead(QObject):
    """Keeps the frames before and after the one on the canvas until anything in the project changes.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._kept: dict[Frame, ReadFrame] = {}
        self._lock = threading.Lock()
        self._generation = 0
        self._shown = 0
        self._wanted: tuple[int, list[int], Stroke] = (0, [], (0, 1))
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="cellsynth-ahead")
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AFTER_MS)
        self._soon.timeout.connect(self._begin)
        session.workers.append(self)
        for name in ("project", "objects", "classes", "predictions", "images"):
            getattr(session, f"{name}_changed").connect(self.forget)
        session.labels_changed.connect(lambda _ids: self.forget())

    def read(self, image_id: int | None, frame: int) -> ReadFrame | None:
        """Return a frame that is at hand, or None."""
        with self._lock:
            return None if image_id is None else self._kept.get((image_id, frame))

    def want(self, image_id: int, shown: int, frames: Sequence[int], stroke: Stroke) -> None:
        """Read these frames soon, and outline their objects so; beside them only the one shown is kept."""
        self._shown = shown
        self._wanted = (image_id, list(frames), stroke)
        self._soon.start()

    def forget(self) -> None:
        """Let go of everything."""
        self._generation += 1
        self._soon.stop()
        with self._lock:
            self._kept.clear()

    def shut_down(self) -> None:
        """Wait for the frame that is being read, and end the thread."""
        self.forget()
        self._reader.shutdown(wait=True, cancel_futures=True)

    def _begin(self) -> None:
        if self._session.project is None:
            return
        image_id, frames, stroke = self._wanted
        self._generation += 1
        near = {(image_id, frame) for frame in (self._shown, *frames)}
        with self._lock:
            self._kept = {key: read for key, read in self._kept.items() if key in near and read.suits(stroke)}
        self._session.frames.read_after([(image_id, frame) for frame in frames])
        self._reader.submit(self._read, self._generation, self._session.project.path, self._wanted)

    def _read(self, generation: int, path: Path, wanted: tuple[int, list[int], Stroke]) -> None:
        image_id, frames, stroke = wanted
        try:
            # A connection of its own: the window's belongs to the window's thread.
            with Project.open(path, read_only=True) as project:
                for frame in frames:
                    if generation == self._generation and self.read(image_id, frame) is None:
                        self._keep(generation, (image_id, frame), _read_frame(project, image_id, frame, stroke))
        except (UserError, OSError):
            return  # who comes to the frame is told

    def _keep(self, generation: int, key: Frame, read: ReadFrame) -> None:
        with self._lock:
            if generation == self._generation:
                self._kept[key] = read


def _read_frame(project: Any, image_id: int, frame: int, stroke: Stroke) -> ReadFrame:
    mask = project.mask(image_id, frame)
    predictions = project.predictions(image_id=image_id, frame=frame)
    return ReadFrame(
        mask,
        stroked(mask, stroke) if mask is not None and stroke[0] else None,
        stroke,
        with_predictions(project.objects(image_id=image_id, frame=frame), predictions),
        predictions,
    )
