"""Trying another package's segmenter on the frame on the canvas: in a process of its own, at a press."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Outlined
from napari_cellsynth.jobs.job import TrySegmentParameters
from napari_cellsynth.widgets.dock import allow, button
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.side_job import SideJob

TRY_TIP = "Show what this method finds on the frame on the canvas; nothing is written."
STOP_TIP = "End this try; nothing was written."


class SegmenterTry(QObject):
    """One try at a time, beside the queue, since it writes nothing; its worker is ended at once, whatever it is at.

    Parameters
    ----------
    session : Session
        The viewer's session.
    parent : QObject
        The dock.

    Attributes
    ----------
    button : QPushButton
        *Try*, and *Stop* while it runs; the dock connects it.
    """

    begun = Signal()
    computed = Signal(object, float)
    """Labels int32 (Y, X), and the seconds that the method took."""
    failed = Signal(str)
    left = Signal()
    """A try was ended before it had found anything."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._worker = SideJob(session)
        self._worker.happened.connect(self._on_event)
        self._worker.ended.connect(self._on_ended)
        self._where = ""
        self._why_not = ""
        self.button = button("try_segmenter", "Try", TRY_TIP)
        session.frame_changed.connect(lambda _image_id, _frame: self.leave())

    @property
    def busy(self) -> bool:
        """Whether a method is being tried now."""
        return self._worker.busy

    def tell(self, where: str) -> None:
        """Name the frame that a press would try."""
        self._where = where
        self._show()

    def allow(self, why_not: str) -> None:
        """Allow a try, or tell why there can be none; one that runs can always be ended."""
        self._why_not = why_not
        self._show()

    def start(self, parameters: TrySegmentParameters) -> None:
        """Try a method on a frame."""
        self.leave()
        self._worker.start(parameters, "Try")
        self._show()
        self.begun.emit()

    def leave(self) -> None:
        """End a try at once."""
        if self._worker.leave():
            self._show()
            self.left.emit()

    def _show(self) -> None:
        self.button.setText("Stop" if self.busy else f"Try{self._where}")
        allow(self.button, "" if self.busy else self._why_not, STOP_TIP if self.busy else TRY_TIP)

    def _on_event(self, event: object) -> None:
        if isinstance(event, Outlined):
            self.computed.emit(event.labels, event.seconds)

    def _on_ended(self, last: object) -> None:
        self._show()
        if isinstance(last, Failed):
            self.failed.emit(str(UserError(last.message, last.hint)))
