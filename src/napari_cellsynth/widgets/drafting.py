"""Keeping corrections by hand in the project while they are made, so that closing, or a crash, loses none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.drafts import Draft, discard_draft, drafts, read_draft, write_draft

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

Place = tuple[int, int]
"""Image id and frame."""

REST_MS = 1000
"""A draft is written when the hand rests: packing a large frame takes some hundredths of a second."""


class Copy(Protocol):
    """A frame that is being corrected."""

    @property
    def labels(self) -> NDArray[np.int32]:
        """The objects as they are in it."""

    def is_changed(self) -> bool:
        """Whether they differ from the frame's."""


@dataclass
class _Kept:
    copy: Copy
    since: list[int]
    file: Path | None
    touched: bool = False


class Drafting(QObject):
    """Writes the corrections of a window as drafts, and offers those that wait.

    It belongs to the session and not to the dock, which is gone before the session when a window closes.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    saved = Signal(str)
    """Whether the corrections are kept: empty, or why they are not."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._problem = ""
        self._kept: dict[Place, _Kept] = {}
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(REST_MS)
        self._resting.timeout.connect(self.save)

    def offered(self) -> dict[Place, Draft]:
        """Return the drafts of the open project that no correction of this window goes on with, the newest a frame."""
        project = self._session.project
        if project is None:
            return {}
        mine = {kept.file for kept in self._kept.values()}
        images = set(project.images().index)
        return {
            (draft.image_id, draft.frame): draft
            for draft in drafts(project)
            if draft.file not in mine and draft.image_id in images and (draft.image_id, draft.frame) not in self._kept
        }

    def take_up(self, place: Place) -> tuple[NDArray[np.int32], list[int], Path] | None:
        """Return the draft of a frame with the ids of the objects since, and its file; None where none waits."""
        draft = self.offered().get(place)
        return None if draft is None else (*read_draft(self._session.need_project(), draft), draft.file)

    def begin(self, place: Place, copy: Copy, since: Sequence[int], file: Path | None = None) -> None:
        """Keep a frame's correction from now on."""
        self._kept[place] = _Kept(copy, list(since), file)

    def touch(self, place: Place) -> None:
        """Write a frame's correction soon."""
        if (kept := self._kept.get(place)) is not None:
            kept.touched = True
            self._resting.start()

    def drop(self, place: Place) -> None:
        """Let go of a frame's correction: it was taken over, or discarded."""
        kept = self._kept.pop(place, None)
        if kept is not None and kept.file is not None:
            with self._session.reporting():
                discard_draft(kept.file)

    def save(self) -> None:
        """Write what has changed; a correction that was undone to its beginning leaves no draft."""
        self._resting.stop()
        project = self._session.project
        if project is None or project.read_only:
            return
        try:
            for place, kept in self._kept.items():
                if kept.touched and kept.copy.is_changed():
                    kept.file = write_draft(project, *place, kept.copy.labels, kept.since, file=kept.file)
                elif kept.touched and kept.file is not None:
                    discard_draft(kept.file)
                    kept.file = None
                kept.touched = False
            self._tell(None)
        except UserError as error:
            self._tell(error)

    def _tell(self, error: UserError | None) -> None:
        """Say once that corrections cannot be kept, and not at every rest of the hand."""
        problem = "" if error is None else error.message
        if error is not None and problem != self._problem:
            self._session.report(error)
        self._problem = problem
        self.saved.emit(problem)

    def leave(self) -> None:
        """Write everything and let go of the corrections: the project closes."""
        self.save()
        self._kept.clear()
