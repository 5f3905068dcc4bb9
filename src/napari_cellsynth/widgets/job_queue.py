"""The jobs of a viewer: one runs at a time, or a training on each GPU; what they change is told when they end."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Finished, Saved
from napari_cellsynth.jobs.job import Job
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.gpus import Gpus
from napari_cellsynth.widgets.job_thread import JobHandle, StartRun, TaskStatus
from napari_cellsynth.widgets.notices import close_notices
from napari_cellsynth.widgets.reporting import Reporting

CHANGED_BY = {
    "segment": ("objects_changed", "labels_changed"),
    "train-gan": ("runs_changed",),
    "at-once": ("runs_changed", "predictions_changed"),
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

BESIDE = ("train-gan", "train-classifier")
"""Trainings may run beside each other. All other jobs write what the next may read: they run alone, in their turn."""


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
        self._informed: set[str] = set()
        self._reported: dict[str, str] = {}
        self.gpus = Gpus(self)
        self.gpus.known.connect(self._on_gpus)

    @property
    def viewer(self) -> Any:
        """The napari viewer (unwrapped); None after it has gone."""
        return self._viewer()

    # ------------------------------------------------------------------ jobs
    @property
    def running(self) -> JobHandle | None:
        """The job that runs now, of several the one that was asked for first."""
        return next(iter(self.running_jobs), None)

    @property
    def running_jobs(self) -> list[JobHandle]:
        """All jobs that run now: one, or a training on each GPU."""
        return [handle for handle in self.jobs if handle.state == "running"]

    @property
    def waiting(self) -> list[JobHandle]:
        """The jobs in the queue, next first."""
        return [handle for handle in self.jobs if handle.state == "waiting"]

    def written_by_job(self) -> tuple[str, ...]:
        """Return the signals of what running jobs are writing into the open project; it is told when they end."""
        kinds = {handle.job.kind for handle in self.running_jobs if self._is_here(handle)}
        return tuple(name for kind in kinds for name in CHANGED_BY.get(kind, ()))

    def submit(self, job: Job, title: str) -> JobHandle:
        """Queue a job; first come first served, one at a time, or trainings on several GPUs beside each other.

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

    def startup_seconds(self, kind: str) -> float | None:
        """Return how long the newest job of a kind took from its start to its first word; None where none was seen."""
        seen = [job.startup for job in self.jobs if job.job.kind == kind and job.startup is not None]
        return seen[-1] if seen else None

    def stop_together(self, handles: Sequence[JobHandle]) -> None:
        """Stop several jobs, the waiting ones first so that none of them starts, and say which."""
        running = [handle for handle in handles if handle.state == "running"]
        waiting = [handle for handle in handles if handle.state == "waiting"]
        for handle in [*waiting, *running]:
            handle.stop()
        if waiting:
            # A notification shows its first words; the rest unfolds.
            parts = [f"{len(running) + len(waiting)} jobs stop."]
            parts += [f"{handle.title} does after the step in hand." for handle in running]
            self.inform(" ".join([*parts, f"Taken out of the queue: {', '.join(each.title for each in waiting)}."]))
        self.jobs_changed.emit()

    def stop_jobs(self) -> None:
        """Empty the queue and ask what runs to stop."""
        for handle in [*self.waiting, *self.running_jobs]:
            handle.stop()

    def _start_next(self) -> None:
        for handle in self.waiting if not self._closed else []:
            running = self.running_jobs
            if running and not all(map(_may_run_beside, [*running, handle])):
                return
            gpu = None
            if _may_run_beside(handle):
                self.gpus.look()
                if self.gpus.found is None:
                    return  # in a moment
                taken = {each.gpu for each in running}
                gpu = next((each for each in self.gpus.found if each not in taken), None)
            if running and gpu is None:
                return
            handle.start(gpu)

    def _on_gpus(self) -> None:
        self._start_next()
        self.jobs_changed.emit()

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
    def report(self, error: UserError | str, kind: str = "") -> None:
        """Say a mistake and its way out in one napari notification; one of a kind takes the place of the one before."""
        from napari.utils.notifications import show_warning

        text = str(error)
        close_notices({text, self._reported.get(kind, text)})
        if kind:
            self._reported[kind] = text
        show_warning(text)

    def inform(self, text: str) -> None:
        """Say something that is no mistake in a napari notification, in the place of what was said so before."""
        from napari.utils.notifications import show_info

        close_notices(self._informed)
        self._informed = {text}
        show_info(text)

    def reporting(self) -> Reporting:
        """Return a context that reports a `UserError` raised inside instead of letting it through."""
        return Reporting(self)


def _may_run_beside(handle: JobHandle) -> bool:
    """Whether a job is a training that takes a GPU, and does not ask for another device."""
    return handle.job.kind in BESIDE and handle.job.parameters.get("device", "auto") in ("auto", "cuda")
