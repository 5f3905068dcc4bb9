"""Trying another package's segmenter on the frame on the canvas: in a process of its own, at a press."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Outlined
from napari_cellsynth.jobs.job import Job, TrySegmentParameters
from napari_cellsynth.widgets.dock import allow, button
from napari_cellsynth.widgets.job_thread import JobHandle
from napari_cellsynth.widgets.session import STOP_SECONDS, Session

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
        self._session = session
        self._handle: JobHandle | None = None
        self._ending: list[JobHandle] = []
        self._where = ""
        self._why_not = ""
        self.button = button("try_segmenter", "Try", TRY_TIP)
        session.workers.append(self)
        session.frame_changed.connect(lambda _image_id, _frame: self.leave())

    @property
    def busy(self) -> bool:
        """Whether a method is being tried now."""
        return self._handle is not None

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
        job = Job.of(self._session.need_project().path, parameters)
        self._handle = handle = JobHandle(job, "Try", self._session.start_run, self._session)
        self._ending.append(handle)
        handle.happened.connect(lambda event: self._on_event(handle, event))
        handle.ended.connect(lambda last: self._on_ended(handle, last))
        handle.start()
        self._show()
        self.begun.emit()

    def leave(self) -> None:
        """End a try at once."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.stop()  # also where its process is still starting
            handle.kill()
            self._show()
            self.left.emit()

    def shut_down(self) -> None:
        """End a try and wait for its worker."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.stop()
            handle.kill()
        for each in list(self._ending):
            each.wait(STOP_SECONDS)

    def _show(self) -> None:
        self.button.setText("Stop" if self.busy else f"Try{self._where}")
        allow(self.button, "" if self.busy else self._why_not, STOP_TIP if self.busy else TRY_TIP)

    def _on_event(self, handle: JobHandle, event: object) -> None:
        if handle is self._handle and isinstance(event, Outlined):
            self.computed.emit(event.labels, event.seconds)

    def _on_ended(self, handle: JobHandle, last: object) -> None:
        self._ending.remove(handle)
        handle.deleteLater()
        if handle is not self._handle:
            return  # it was left
        self._handle = None
        self._show()
        if isinstance(last, Failed):
            self.failed.emit(str(UserError(last.message, last.hint)))
