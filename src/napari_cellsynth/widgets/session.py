"""The viewer's open project and its queue of jobs; every dock of a viewer shares one session.

Docks show what the session has and ask it for changes; what changes, here or in a worker process, comes back to all of
them as the session's signals.
"""

from __future__ import annotations

import atexit
import weakref
from pathlib import Path
from typing import Any, Protocol

from qtpy.QtCore import QCoreApplication, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Looks
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.current_ring import CurrentRing
from napari_cellsynth.widgets.drafting import Drafting
from napari_cellsynth.widgets.frames import FrameReader
from napari_cellsynth.widgets.job_queue import JobQueue
from napari_cellsynth.widgets.job_thread import StartRun, start_process
from napari_cellsynth.widgets.layers import ProjectLayers
from napari_cellsynth.widgets.others import OthersWatch
from napari_cellsynth.widgets.outline_zoom import OutlineZoom
from napari_cellsynth.widgets.relinking import Relinking
from napari_cellsynth.widgets.remembering import Remembering
from napari_cellsynth.widgets.safety import Safety
from napari_cellsynth.widgets.suggestion_table import Suggested

NO_PROJECT = UserError("No project is open.", "Make or open one in the bar at the top.")
READ_ONLY = "The project is open for reading only: its folder cannot be written. Copy it to change it."

STOP_SECONDS = 20.0
"""A job stops within a step; a worker that has not by then (a hanging driver, a dead share) is killed."""


class Worker(Protocol):
    """Work of a dock beside the jobs, such as a `Background`."""

    def shut_down(self) -> None:
        """End it, and wait for its end."""


class Session(JobQueue):
    """The open project of one viewer, the jobs that work on it, and what the canvas shows of it.

    Use `session_for`; do not make sessions yourself.

    Attributes
    ----------
    project : Project or None
    others : OthersWatch
        Tells what other windows and the command line change.
    safety : Safety
        Backups and checks.
    remembering : Remembering
        Where the project was left.
    drafting : Drafting
        Corrections by hand that were not taken over yet.
    relinking : Relinking
        The search for moved images.
    outlines : OutlineZoom
        Keeps outlines wide enough to be seen.
    ring : CurrentRing
        Marks the current object on the canvas.
    layers : ProjectLayers
        The layers of the shown image: its pixels and the ``objects`` of the current frame.
    frames : FrameReader
        Decoded frames, read ahead off the GUI thread.
    workers : list of Worker
        The docks' own threads and processes; they end with the session.
    suggested : mapping
        Object id to the class id and confidence that a live model suggests; empty unless it is switched on.
    looks : Looks or None
        How the objects look, once the live model's worker has seen them all.
    labels_hidden : bool
        Whether the canvas keeps labels and suggestions to itself: somebody labels without seeing them.
    concealed : int or None
        The object whose label nobody is told: its labeller is asked again.
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
    hiding_changed = Signal()  # whether labels are hidden, or which object's
    current_object_changed = Signal(int)
    walk_asked = Signal(int)  # the next (1) or the previous (-1) object of the Label dock's order, from the canvas
    frame_changed = Signal(int, int)  # image id, frame: what the canvas shows now
    frame_objects_changed = Signal()  # that frame's objects, their labels or predictions; once after a burst of labels
    objects_relabelled = Signal(list)  # of them these have another label; at once, before the signal above

    def __init__(self, viewer: Any, start_run: StartRun = start_process) -> None:
        super().__init__(viewer, start_run)
        self.current_object_id: int | None = None
        self.suggested: Suggested = {}
        self.looks: Looks | None = None
        self.labels_hidden = False
        self.concealed: int | None = None
        self.armed: int | None = None
        self.frames = FrameReader(self)
        self.workers: list[Worker] = []
        self.outlines = OutlineZoom(self)
        self.layers = ProjectLayers(self, viewer)
        self.others = OthersWatch(self)
        self.safety = Safety(self)
        self.remembering = Remembering(self)
        self.drafting = Drafting(self)
        self.relinking = Relinking(self)
        self.ring = CurrentRing(self)

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
        """Open the project folder at `path` in place of the one that is open; a failure is reported.

        A project that this user may not change is opened for reading.
        """
        with self.reporting():
            read_only = Project.is_project(path) and not Project.is_writable(path)
            self._adopt(Project.open(path, read_only=read_only))
            if read_only:
                self.inform(READ_ONLY)
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
        self.drafting.leave()
        self.remembering.save()
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
        self.remembering.restore()

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
            self.hiding_changed.emit()

    def conceal(self, object_id: int | None) -> None:
        """Keep one object's label and suggestion to itself on the canvas; None: none."""
        if object_id != self.concealed:
            self.concealed = object_id
            self.layers.retell_soon()
            self.hiding_changed.emit()

    # ------------------------------------------------------------------ the end
    def shut_down(self) -> None:
        """Stop the jobs so that their runs can be resumed, wait for their end, and close the project."""
        if self._closed:
            return
        self._closed = True
        self.drafting.leave()
        self.remembering.save()
        running = self.running_jobs
        self.stop_jobs()
        for handle in running:
            handle.end(STOP_SECONDS)
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
