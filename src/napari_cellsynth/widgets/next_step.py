"""What to do next: one line in every dock, with a button that brings the dock of that step to the front."""

from __future__ import annotations

from typing import NamedTuple

from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from napari_cellsynth.project import Project
from napari_cellsynth.widgets.dock_places import DOCKS, frames_of
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.workspace import open_workspace

ENOUGH = 10
"""Labelled crops a class from which on a training is worth its time."""

WITHOUT = "Or go on to Classify: it can do without synthetic patches."

AFTER_MS = 500
"""The step is looked up once after a burst of labels, and never while a key waits."""

FOLLOWED = (
    "project_changed", "images_changed", "objects_changed", "classes_changed", "runs_changed", "synthetic_changed",
    "predictions_changed", "jobs_changed",
)  # fmt: skip


class Step(NamedTuple):
    """What to do next, the dock (its tab's name) in which it is done, and what else there is to know."""

    dock: str
    words: str
    more: str = ""


def next_step(project: Project) -> Step | None:
    """Return the first step of the main job that a project has not come past; the GANs may be left out.

    Parameters
    ----------
    project : Project

    Returns
    -------
    Step or None
        None after the last one.
    """
    if project.images().empty:
        return Step("Segment", "add images")
    counts = project.label_counts()
    if not counts:
        return Step("Segment", "find the objects")
    labelled = {record.name: counts.get(record.id, 0) for record in project.classes()}
    if len(labelled) < 2:
        return Step("Label", "add your classes (+ class), then label", f"Two at least, {ENOUGH} crops of each.")
    if sum(count >= ENOUGH for count in labelled.values()) < 2:
        words = f"label {ENOUGH} crops a class ({sum(labelled.values()):,} so far)"
        return Step("Label", words, f"Of two classes at least {ENOUGH} crops each; more of them make better models.")
    finished = [run for run in project.runs("classifier") if run.status == "finished"]
    if not finished and (step := _with_gans(project)) is not None:
        return step
    if not finished:
        return Step("Classify", "train a classifier")
    if project.latest_prediction_run() is None:
        return Step("Classify", "run it on all frames", "Every object gets the class that the classifier gives it.")
    if any(run.status == "finished" for run in project.runs("experiment")):
        return None
    return Step("Evaluate", "see how good it is", "And whether synthetic patches help; or label more crops.")


def _with_gans(project: Project) -> Step | None:
    """Return what is left to do for synthetic patches, or None."""
    if not any(run.status == "finished" for run in project.runs("gan")):
        return Step("Train", "train a GAN for each class", f"They draw synthetic patches. {WITHOUT}")
    if project.synthetic(newest=1).empty:
        return Step("Train", "generate patches", f"With the GANs that are trained. {WITHOUT}")
    if all(project.synthetic(review=verdict, newest=1).empty for verdict in ("accepted", "rejected")):
        return Step("Gallery", "look through the patches", f"Accept good ones, reject bad ones. {WITHOUT}")
    return None


class NextStep(QObject):
    """Looks the next step up, once for all docks of a session. Use `next_step_of`; do not make it yourself."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.step: Step | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AFTER_MS)
        self._soon.timeout.connect(self.look)
        for name in FOLLOWED:
            getattr(session, name).connect(self._soon.start)
        session.labels_changed.connect(lambda _ids: self._soon.start())
        self._soon.start()

    def look(self) -> None:
        """Look the step up now."""
        project = self._session.project
        step = None
        if project is not None and self._session.running is None:  # what runs now may be the step
            with self._session.reporting():
                step = next_step(project)
        if step != self.step:
            self.step = step
            self.changed.emit()


def next_step_of(session: Session) -> NextStep:
    """Return the session's one."""
    found = session.findChild(NextStep)
    return found if found is not None else NextStep(session)


class NextStepRow(QWidget):
    """The line, and the button where the step is done in another dock than the one that the row is in.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._next = session, next_step_of(session)
        self.words = QLabel()
        self.words.setObjectName("next_step")
        self.words.setProperty("role", "heading")
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.go = QPushButton()
        self.go.setObjectName("go_to_next_step")
        self.go.setProperty("primary", True)
        self.go.setToolTip("Bring the dock of the next step to the front.")
        self.go.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        row.addWidget(self.go)
        self.go.clicked.connect(self._on_go)
        self._next.changed.connect(self._show_step)
        session.project_changed.connect(self._show_step)
        self._show_step()

    def showEvent(self, event: QShowEvent) -> None:
        """Learn in which dock the row is."""
        super().showEvent(event)
        self._show_step()

    def _show_step(self) -> None:
        step = self._next.step if self._session.project is not None else None
        self.setVisible(step is not None)
        if step is None:
            return
        self.words.setText(f"Next: {step.words}")
        self.words.setToolTip(step.more)
        self.go.setText(f"{step.dock} ›")
        self.go.setVisible(self._own_dock() != _dock_class(step.dock))

    def _own_dock(self) -> str:
        parent = self.parentWidget()
        while parent is not None and not type(parent).__name__.endswith("Dock"):
            parent = parent.parentWidget()
        return type(parent).__name__

    def _on_go(self) -> None:
        step, viewer = self._next.step, self._session.viewer
        if step is None or viewer is None:
            return
        name = _dock_class(step.dock)
        if not frames_of(viewer, name):
            open_workspace(viewer)
        for frame in frames_of(viewer, name):
            frame.show()
            frame.raise_()


def _dock_class(tab: str) -> str:
    """Return the name of the class of the dock behind a tab."""
    return next(place.partition(":")[2] for _, name, place in DOCKS if name == tab)
