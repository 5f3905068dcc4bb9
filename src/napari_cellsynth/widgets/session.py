"""The viewer's open project and its queue of jobs; every dock of a viewer shares one session.

Docks show what the session has and ask it for changes; what changes, here or in a worker process, comes back to all of
them as the session's signals.
"""

from __future__ import annotations

import atexit
import weakref
from pathlib import Path
from typing import Any, Protocol

from qtpy.QtCore import QCoreApplication, QObject, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Finished, Looks, Saved
from napari_cellsynth.jobs.job import Job
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.frames import FrameReader
from napari_cellsynth.widgets.job_thread import JobHandle, StartRun, TaskStatus, start_process
from napari_cellsynth.widgets.layers import ProjectLayers
from napari_cellsynth.widgets.others import OthersWatch
from napari_cellsynth.widgets.reporting import Reporting
from napari_cellsynth.widgets.safety import Safety

NO_PROJECT = UserError("No project is open.", "Make or open one in the bar at the top.")

STOP_SECONDS = 20.0
"""A job stops within a step; a worker that has not by then (a hanging driver, a dead share) is killed."""

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


class Worker(Protocol):
    """Work of a dock beside the jobs, such as a `Background`."""

    def shut_down(self) -> None:
        """End it, and wait for its end."""


class Session(QObject):
    """The open project of one viewer, the jobs that work on it, and what the canvas shows of it.

    Use `session_for`; do not make sessions yourself.

    Attributes
    ----------
    project : Project or None
    others : OthersWatch
        Tells what other windows and the command line change.
    safety : Safety
        Backups and checks.
    layers : ProjectLayers
        The layers of the shown image: its pixels and the ``objects`` of the current frame.
    frames : FrameReader
        Decoded frames, read ahead off the GUI thread.
    workers : list of Worker
        The docks' own threads and processes; they end with the session.
    suggested : dict
        Object id to the class id and confidence that a live model suggests; empty unless it is switched on.
    looks : Looks or None
        How the objects look, once the live model's worker has seen them all.
    labels_hidden : bool
        Whether the canvas keeps labels and suggestions to itself: somebody labels without seeing them.
    armed : int or None
        The class that a click on the canvas gives; None: a click chooses an object.
    jobs : list of JobHandle
        Oldest first: done, running and waiting ones of this sitting.
    """

    project_changed = Signal()
    labels_changed = Signal(list)
    objects_changed = Signal()
    images_changed = Signal()
    classes_changed = Signal()
    synthetic_changed = Signal()
    runs_changed = Signal()
    predictions_changed = Signal()
    label_help_changed = Signal()
    suggestions_changed = Signal()
    looks_changed = Signal()
    user_changed = Signal()
    current_object_changed = Signal(int)
    frame_changed = Signal(int, int)  # image id, frame: what the canvas shows now
    frame_objects_changed = Signal()  # that frame's objects, their labels or predictions; once after a burst of labels
    jobs_changed = Signal()
    job_event = Signal(object, object)

    def __init__(self, viewer: Any, start_run: StartRun = start_process) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self.start_run = start_run
        self.project: Project | None = None
        self.jobs: list[JobHandle] = []
        self.current_object_id: int | None = None
        self.suggested: dict[int, tuple[int, float]] = {}
        self.looks: Looks | None = None
        self.labels_hidden = False
        self.armed: int | None = None
        self.frames = FrameReader(self)
        self.layers = ProjectLayers(self, viewer)
        self._status: dict[JobHandle, TaskStatus] = {}
        self.workers: list[Worker] = []
        self._closed = False
        self.others = OthersWatch(self)
        self.safety = Safety(self)

    @property
    def viewer(self) -> Any:
        """The napari viewer (unwrapped); None after it has gone."""
        return self._viewer()

    # ------------------------------------------------------------------ the project
    def need_project(self) -> Project:
        """Return the open project.

        Raises
        ------
        UserError
            Where none is open.
        """
        if self.project is None:
            raise NO_PROJECT
        return self.project

    def open(self, path: str | Path) -> bool:
        """Open the project folder at `path` in place of the one that is open; a failure is reported."""
        with self.reporting():
            self._adopt(Project.open(path))
            return True
        return False

    def create(self, path: str | Path) -> bool:
        """Make a new project folder (``NAME.cellsynth``) and open it; a failure is reported."""
        with self.reporting():
            self._adopt(Project.create(path))
            return True
        return False

    def close_project(self) -> None:
        """Close the open project; jobs that run on it go on, they have it open themselves."""
        if self.project is None:
            return
        self.layers.clear()
        self.frames.clear()
        self.current_object_id = None
        project, self.project = self.project, None
        project.close()
        self.project_changed.emit()

    def _adopt(self, project: Project) -> None:
        self.close_project()
        self.project = project
        project.labels_changed.connect(self._on_labels)
        for name in ("objects", "images", "classes", "synthetic", "runs", "predictions"):
            getattr(project, f"{name}_changed").connect(getattr(self, f"_on_{name}"))
        self.project_changed.emit()
        images = project.images()
        present = images.index[~images["missing"].astype(bool)]
        if len(present):
            self.show_image(int(present[0]))

    # psygnal looks at a callback's signature, which a Qt signal's own `emit` does not have.
    def _on_labels(self, object_ids: list[int]) -> None:
        self.labels_changed.emit(list(object_ids))

    def _on_objects(self) -> None:
        self.objects_changed.emit()

    def _on_images(self) -> None:
        self.images_changed.emit()

    def _on_classes(self) -> None:
        self.classes_changed.emit()

    def _on_synthetic(self) -> None:
        self.synthetic_changed.emit()

    def _on_runs(self) -> None:
        self.runs_changed.emit()

    def _on_predictions(self) -> None:
        self.predictions_changed.emit()

    # ------------------------------------------------------------------ the canvas
    @property
    def current_image_id(self) -> int | None:
        """Id of the image on the canvas."""
        return self.layers.image_id

    @property
    def current_frame(self) -> int:
        """Frame on the canvas, from 0."""
        return self.layers.frame

    def show_image(self, image_id: int) -> None:
        """Show a project image and its objects on the canvas (in place of the one shown before)."""
        with self.reporting():
            self.layers.show(image_id)

    def select_object(self, object_id: int, *, move_canvas: bool = True) -> None:
        """Make an object the current one everywhere; with `move_canvas` bring it to the middle of the canvas."""
        self.current_object_id = int(object_id)
        if move_canvas:
            with self.reporting():
                self.layers.centre_on(int(object_id))
        self.current_object_changed.emit(int(object_id))

    def hide_labels(self, hidden: bool) -> None:
        """Show labels and suggestions on the canvas, or none."""
        if hidden != self.labels_hidden:
            self.labels_hidden = hidden
            self.layers.retell_soon()

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

    # ------------------------------------------------------------------ the end
    def shut_down(self) -> None:
        """Stop the jobs so that their runs can be resumed, wait for their end, and close the project."""
        if self._closed:
            return
        self._closed = True
        running = self.running
        self.stop_jobs()
        if running is not None and not running.wait(STOP_SECONDS):
            running.kill()
            running.wait(STOP_SECONDS)
        self.frames.shut_down()
        for worker in self.workers:
            worker.shut_down()
        self.layers.disconnect()
        if self.project is not None:
            self.project.close()
            self.project = None


_sessions: weakref.WeakKeyDictionary[Any, Session] = weakref.WeakKeyDictionary()


def session_for(viewer: Any) -> Session:
    """Return the session of `viewer` (napari hands plugins a wrapped one; both give the same session)."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    session = _sessions.get(viewer)
    if session is None:
        session = _sessions[viewer] = Session(viewer)
        _shut_down_with(viewer, session)
    return session


def _shut_down_with(viewer: Any, session: Session) -> None:
    """Tie the session's end to the window's; a viewer without a window ends with the program."""
    end = session.shut_down
    atexit.register(end)
    application = QCoreApplication.instance()
    if application is not None:
        application.aboutToQuit.connect(end)
    # napari has no public signal for "this window has gone".
    window = getattr(getattr(viewer, "window", None), "_qt_window", None)
    if window is not None:
        window.destroyed.connect(lambda: _forget(session))


def _forget(session: Session) -> None:
    session.shut_down()
    atexit.unregister(session.shut_down)
    for viewer, other in list(_sessions.items()):
        if other is session:
            del _sessions[viewer]
