"""The jobs of a viewer: one runs at a time, what it changed is told when it ends, and mistakes are notifications."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Finished, Saved
from napari_cellsynth.jobs.job import Job
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.job_thread import JobHandle, StartRun, TaskStatus
from napari_cellsynth.widgets.reporting import Reporting

CHANGED_BY = {
    "segment": ("objects_changed", "labels_changed"),
    "train-gan": ("runs_changed",),
    "at-once": ("runs_changed",),
    "generate": ("synthetic_changed",),
    "quality": ("runs_changed", "synthetic_changed"),
    "score": ("synthetic_changed",),
    "interpolate": (),
    "train-classifier": ("runs_changed", "predictions_changed"),
    "predict": ("predictions_changed",),
    "explain": (),
    "label-help": ("label_help_changed",),
    "over-time": (),
}
"""What a worker process may have written, and so what the docks must read again when it has ended."""


class JobQueue(QObject):
    """What a `Session` knows of jobs.

    Parameters
    ----------
    viewer : napari.Viewer
        Held weakly.
    start_run : callable
        Starts a job; see `job_thread.start_process`.
    """

    jobs_changed = Signal()
    job_event = Signal(object, object)

    def __init__(self, viewer: Any, start_run: StartRun) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self.start_run = start_run
        self.project: Project | None = None
        self.jobs: list[JobHandle] = []
        self._status: dict[JobHandle, TaskStatus] = {}
        self._closed = False

    @property
    def viewer(self) -> Any:
        """The napari viewer (unwrapped); None after it has gone."""
        return self._viewer()

    # ------------------------------------------------------------------ jobs
    @property
    def running(self) -> JobHandle | None:
        """The job that runs now."""
        return next((handle for handle in self.jobs if handle.state == "running"), None)

    @property
    def waiting(self) -> list[JobHandle]:
        """The jobs in the queue, next first."""
        return [handle for handle in self.jobs if handle.state == "waiting"]

    def written_by_job(self) -> tuple[str, ...]:
        """Return the signals of what the running job is writing into the open project; it is told when that ends."""
        running = self.running
        return CHANGED_BY.get(running.job.kind, ()) if running is not None and self._is_here(running) else ()

    def submit(self, job: Job, title: str) -> JobHandle:
        """Queue a job; one runs at a time, first come first served.

        Parameters
        ----------
        job : Job
        title : str
            What the session bar says of it: ``"GAN · Spread"``.
        """
        handle = JobHandle(job, title, self.start_run, self)
        handle.happened.connect(lambda event, handle=handle: self._on_job_event(handle, event))
        handle.ended.connect(lambda last, handle=handle: self._on_job_ended(handle, last))
        self.jobs.append(handle)
        self._status[handle] = TaskStatus(self.viewer, handle)
        self._start_next()
        self.jobs_changed.emit()
        return handle

    def move_job(self, handle: JobHandle, by: int) -> None:
        """Let a waiting job run earlier (`by` below 0) or later by so many places of the queue."""
        waiting = self.waiting
        if handle not in waiting:
            return
        place = waiting.index(handle)
        waiting.insert(max(0, min(len(waiting) - 1, place + by)), waiting.pop(place))
        self.jobs = [each for each in self.jobs if each.state != "waiting"] + waiting
        self.jobs_changed.emit()

    def stop_jobs(self) -> None:
        """Empty the queue and ask the running job to stop."""
        for handle in [*self.waiting, *filter(None, [self.running])]:
            handle.stop()

    def _start_next(self) -> None:
        if self.running is None and self.waiting and not self._closed:
            self.waiting[0].start()

    def _on_job_event(self, handle: JobHandle, event: object) -> None:
        if isinstance(event, Saved) and self._is_here(handle):
            self.runs_changed.emit()
        self.job_event.emit(handle, event)

    def _on_job_ended(self, handle: JobHandle, last: object) -> None:
        self._status.pop(handle).ended()
        if self._closed:
            return
        # The next job first: what the docks do with the news must not keep the machine idle.
        self._start_next()
        if self._is_here(handle):
            self._announce(handle.job.kind)
        self.jobs_changed.emit()
        if isinstance(last, Failed):
            self.report(UserError(f"{handle.title}: {last.message}", last.hint))
        elif isinstance(last, Finished):
            self.inform(f"{handle.title}: done.")

    def _announce(self, kind: str) -> None:
        for name in CHANGED_BY.get(kind, ()):
            if name == "labels_changed":
                self.labels_changed.emit([])
            else:
                getattr(self, name).emit()

    def _is_here(self, handle: JobHandle) -> bool:
        return self.project is not None and Path(handle.job.project) == Path(self.project.path)

    # ------------------------------------------------------------------ talking to the person
    def report(self, error: UserError | str) -> None:
        """Say a mistake and its way out in one napari notification."""
        from napari.utils.notifications import show_warning

        show_warning(str(error))

    def inform(self, text: str) -> None:
        """Say something that is no mistake in a napari notification."""
        from napari.utils.notifications import show_info

        show_info(text)

    def reporting(self) -> Reporting:
        """Return a context that reports a `UserError` raised inside instead of letting it through."""
        return Reporting(self)
