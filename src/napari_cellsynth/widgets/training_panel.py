"""A training seen from a dock: how far it is, what is left, its curves, its samples, stop and resume."""

from __future__ import annotations

from collections.abc import Collection

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES
from napari_cellsynth.events import Failed, Finished, Preview, Progress, Stopped
from napari_cellsynth.jobs.job import Job
from napari_cellsynth.widgets.curves import CurvesView
from napari_cellsynth.widgets.dock import allow, button, label
from napari_cellsynth.widgets.job_thread import JobHandle
from napari_cellsynth.widgets.sample_grid import SampleGrid
from napari_cellsynth.widgets.session import Session

STOP_TIP = "Stop after the step in hand; a stopped run can be resumed."
STOP_ALL_TIP = (
    "Stop the running training after the step in hand, and take those that wait out of the queue. To end the running "
    "one alone: Stop in the bar at the top."
)
RESUME_TIP = "Go on with the newest stopped run, where it was."


class TrainingPanel(QWidget):
    """Follows the running job of some kinds.

    Parameters
    ----------
    session : Session
        The viewer's session.
    kinds : collection of str
        Kinds of jobs that are followed.
    samples : bool
        Whether there is a grid of samples beside the curves.
    curves : bool
        Whether there are curves.
    parent : QWidget, optional
        The widget that owns this one.
    """

    resume_asked = Signal()
    begun = Signal()
    """A training has begun and its curves have their place: the dock may scroll to them."""

    def __init__(
        self,
        session: Session,
        kinds: Collection[str],
        *,
        samples: bool,
        curves: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._kinds = session, set(kinds)
        self._handle: JobHandle | None = None
        self._batch_start = 0
        self._no_curve = ""
        self.title = label("", "heading", name="running", wrap=True)
        self.note = label("", "quiet", name="note", wrap=True)
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(50)
        self._settling.timeout.connect(self.begun)
        self.stop = button("stop", "Stop", STOP_TIP)
        self.resume = button("resume", "Resume newest", RESUME_TIP)
        self.step_bar = _bar("step_progress", "How far this training is.")
        self.queue_bar = _bar("queue_progress", "How many of the queued trainings are done.")
        self.curves = CurvesView()
        self.samples = SampleGrid()
        self._has_samples, self._has_curves = samples, curves
        self._lay_out()
        self.stop.clicked.connect(self._on_stop)
        self.resume.clicked.connect(lambda: self.resume_asked.emit())
        session.jobs_changed.connect(self._look)
        session.project_changed.connect(self._on_project)
        self.set_resumable("No run was stopped.")
        self._look()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.resume)
        top.addWidget(self.stop)
        pictures = QHBoxLayout()
        pictures.setSpacing(4)
        pictures.addWidget(self.curves, 1)
        pictures.addWidget(self.samples, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.step_bar)
        layout.addWidget(self.queue_bar)
        layout.addWidget(self.note)
        layout.addWidget(self.curves.legend)  # over curves and samples, where its words have room
        layout.addLayout(pictures, 1)
        self._show_pictures(False)
        self._say("")

    def set_resumable(self, why_not: str) -> None:
        """Switch Resume on (empty) or off, with the reason."""
        allow(self.resume, why_not, RESUME_TIP)

    @property
    def handle(self) -> JobHandle | None:
        """The job that is followed."""
        return self._handle

    def _show_pictures(self, on: bool) -> None:
        """Show the curves and samples; with nothing to show, the dock's other rows have their room."""
        self.curves.setVisible(on and self._has_curves)
        self.curves.legend.setVisible(on and self._has_curves)
        self.samples.setVisible(on and self._has_samples)

    def watch(self, handle: JobHandle) -> None:
        """Follow this job from here on."""
        if handle is self._handle:
            return
        self._leave()
        self._handle = handle
        no_curve = why_no_curve(handle.job)
        self._show_pictures(not no_curve)
        self.curves.clear()
        self.samples.clear()
        self.step_bar.setRange(0, 0)
        self.step_bar.setFormat("starting: loading PyTorch takes some seconds")
        self._no_curve = no_curve
        self._say("")
        self._settling.start()
        # Methods and not lambdas: Qt lets go of them by itself when the dock is closed while the job goes on.
        handle.progress.connect(self._on_progress)
        handle.metric.connect(self.curves.add)
        handle.preview.connect(self._on_preview)
        handle.ended.connect(self._on_ended)

    def _say(self, note: str) -> None:
        self.note.setText(" · ".join(filter(None, [note, self._no_curve])))
        self.note.setVisible(bool(self.note.text()))

    def _leave(self) -> None:
        if self._handle is not None:
            self._handle.progress.disconnect(self._on_progress)
            self._handle.metric.disconnect(self.curves.add)
            self._handle.preview.disconnect(self._on_preview)
            self._handle.ended.disconnect(self._on_ended)
        self._handle = None

    def _look(self) -> None:
        jobs = self._session.jobs
        mine = [handle for handle in jobs if handle.job.kind in self._kinds]
        running = next((handle for handle in mine if handle.state == "running"), None)
        waiting = [handle for handle in mine if handle.state == "waiting"]
        if running is not None:
            self.watch(running)
        active = running is not None or bool(waiting)
        left = sum(not handle.done for handle in mine)
        self.stop.setText(f"Stop all {left}" if left > 1 else "Stop")
        stop_tip = STOP_ALL_TIP if left > 1 else STOP_TIP
        allow(self.stop, "" if active else "Nothing is being trained.", stop_tip)
        self.step_bar.setVisible(running is not None)
        self._show_queue(mine, active)
        if running is not None:
            beside = sum(handle.state == "running" for handle in mine) - 1
            self.title.setText(f"{running.title} · {beside} more beside it" if beside else running.title)
        elif waiting:
            self.title.setText(f"{waiting[0].title} · waiting")
        elif self._handle is None:
            self.title.setText("")
        if not active:
            self._batch_start = len(mine)

    def _show_queue(self, mine: list[JobHandle], active: bool) -> None:
        batch = mine[self._batch_start :]
        done = sum(handle.done for handle in batch)
        self.queue_bar.setVisible(active and len(batch) > 1)
        self.queue_bar.setRange(0, max(1, len(batch)))
        self.queue_bar.setValue(done)
        self.queue_bar.setFormat(f"training {min(done + 1, len(batch))} of {len(batch)}")

    def _on_project(self) -> None:
        if self._handle is None or self._handle.done:
            self._leave()
            self.curves.clear()
            self.samples.clear()
            self._show_pictures(False)
            self._no_curve = ""
            self._say("")
            self.title.setText("")

    def _on_progress(self, event: Progress) -> None:
        assert self._handle is not None
        self.step_bar.setRange(0, max(1, event.total))
        self.step_bar.setValue(min(event.done, event.total))
        unit = event.unit[:-1] if event.unit.endswith("s") else event.unit
        parts = [f"{unit} {event.done:,} of {event.total:,}", self._handle.eta_text()]
        self.step_bar.setFormat(" · ".join(part for part in parts if part))
        self._say(event.note)

    def _on_preview(self, event: Preview) -> None:
        self.samples.set_images(event.images)

    def _on_ended(self, last: object) -> None:
        assert self._handle is not None
        words = {Finished: "finished", Stopped: "stopped", Failed: "failed"}[type(last)]
        reason = f": {last.message}" if isinstance(last, Failed) else ""
        self.title.setText(f"{self._handle.title} · {words}{reason}")
        self.title.setToolTip(self.title.text())

    def _on_stop(self) -> None:
        mine = [handle for handle in self._session.jobs if handle.job.kind in self._kinds and not handle.done]
        self._session.stop_together(mine)
        running = self._session.running
        if running is not None and running in mine:
            self.title.setText(f"{running.title} · stopping…")
            allow(self.stop, "It stops after the step in hand.", STOP_TIP)


def why_no_curve(job: Job) -> str:
    """Say why a training has no curves; empty where it has."""
    recipe = str(job.parameters.get("recipe", ""))
    if job.kind == "train-classifier" and not issubclass(CLASSIFIER_RECIPES.get(recipe, NetworkRecipe), NetworkRecipe):
        return f"{recipe} learns in one step: there is no curve to watch"
    return ""


def _bar(name: str, tooltip: str) -> QProgressBar:
    bar = QProgressBar()
    bar.setObjectName(name)
    bar.setToolTip(tooltip)
    bar.setMaximumHeight(18)
    bar.setVisible(False)
    return bar
