"""A job beside the session's queue, one at a time: it writes nothing that lasts, so that it may be ended at once."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cellsynth.jobs.job import Job
from napari_cellsynth.widgets.job_thread import JobHandle
from napari_cellsynth.widgets.session import STOP_SECONDS, Session


class SideJob(QObject):
    """Runs the job that was asked for last; the one before is broken off, and tells nothing any more.

    It belongs to the session, and ends with it.

    Parameters
    ----------
    session : Session
        The viewer's session.

    Signals
    -------
    happened : object
        An event of the job that runs.
    ended : object
        Its last event, where it came to an end of its own.
    """

    happened = Signal(object)
    ended = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._handle: JobHandle | None = None
        self._ending: list[JobHandle] = []
        session.workers.append(self)

    @property
    def busy(self) -> bool:
        """Whether a job runs that was not broken off."""
        return self._handle is not None

    def start(self, parameters: Any, title: str) -> None:
        """Start a job on the open project."""
        self.leave()
        job = Job.of(self._session.need_project().path, parameters)
        self._handle = handle = JobHandle(job, title, self._session.start_run, self._session)
        self._ending.append(handle)
        handle.happened.connect(lambda event: self._on_event(handle, event))
        handle.ended.connect(lambda last: self._on_ended(handle, last))
        handle.start()

    def leave(self) -> bool:
        """Break off what runs; returns whether anything did."""
        handle, self._handle = self._handle, None
        if handle is None:
            return False
        handle.stop()  # also where its process is still starting
        handle.kill()
        return True

    def shut_down(self) -> None:
        """Break off what runs, and wait for the end of all workers."""
        self.leave()
        for handle in list(self._ending):
            handle.end(STOP_SECONDS)

    def _on_event(self, handle: JobHandle, event: object) -> None:
        if handle is self._handle:
            self.happened.emit(event)

    def _on_ended(self, handle: JobHandle, last: object) -> None:
        self._ending.remove(handle)
        handle.deleteLater()
        if handle is self._handle:
            self._handle = None
            self.ended.emit(last)
