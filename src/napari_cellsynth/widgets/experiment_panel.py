"""The part of the Evaluate dock that asks a question by an experiment: protocol, plan, progress and answer."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.experiments import PROTOCOLS, protocol
from napari_cellsynth.jobs.experiment import planned_trainings
from napari_cellsynth.jobs.experiment_pace import minutes_words
from napari_cellsynth.jobs.job import ExperimentParameters, Job, TimeExperimentParameters
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.dock import allow, button, delayed, label, set_property
from napari_cellsynth.widgets.figure_table import FigureTable
from napari_cellsynth.widgets.form import Foldable, ModelForm
from napari_cellsynth.widgets.patch_list import choice_box, may_shrink
from napari_cellsynth.widgets.rows import row_of
from napari_cellsynth.widgets.run_list import RunList
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.step_timing import StepTiming
from napari_cellsynth.widgets.training_panel import TrainingPanel
from napari_cellsynth.widgets.where_row import WhereRow

START_TIP = "Train all that the plan says and write a report. It can be stopped, and resumed without doing work twice."
OPEN_TIP = "Open the newest finished experiment's report, or the selected one's."
PLAN_MS = 400


class ExperimentPanel(QWidget):
    """Runs experiments and shows their answers.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.answer = label("", "heading", name="answer", wrap=True)
        self.differences = FigureTable(
            "differences",
            ["arm", "change", "95 %", "p"],
            "Change of held-out balanced accuracy against real crops with augmentation, in points, over folds by "
            "group; p after Holm.",
        )
        self.protocol = may_shrink(choice_box("protocol", "Which question is asked, and how.", PROTOCOLS))
        self.preset = may_shrink(
            choice_box("preset", "How thoroughly: smoke tries it out in minutes, full is for a paper.", ())
        )
        self.where = WhereRow()
        self.form = ModelForm(PROTOCOLS[self.protocol.currentText()].settings)
        self.fold = Foldable("Settings", QWidget(), name="experiment_settings")
        self.plan = label("", "quiet", name="plan", wrap=True)
        self.start = button("start_experiment", "Run experiment", START_TIP)
        self.open = button("open_experiment", "Open its report", OPEN_TIP)
        self.progress = TrainingPanel(session, {"experiment"}, samples=False, curves=False)
        self.runs = RunList(session, "experiment", {"protocol": lambda run: run.recipe, "answer": _answer})
        self._planned = False
        self._counts = ""
        self.timing = StepTiming(session)
        self._background = Background(self)
        self._settled = delayed(self, PLAN_MS, self._ask_plan)
        self._lay_out()
        self._connect()
        self._on_protocol()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.answer)
        layout.addWidget(self.differences)
        layout.addLayout(row_of(self.protocol, self.preset, stretch=0))
        layout.addWidget(self.fold)
        layout.addWidget(self.plan)
        layout.addLayout(row_of(self.start, self.open))
        layout.addWidget(self.where)
        layout.addWidget(self.progress)
        layout.addWidget(Foldable("Experiments", self.runs, name="show_experiments"))

    def _connect(self) -> None:
        self.protocol.currentTextChanged.connect(lambda _name: self._on_protocol())
        self.preset.currentTextChanged.connect(lambda _name: self._on_preset())
        self.start.clicked.connect(self._on_start)
        self.open.clicked.connect(self._on_open)
        self.progress.resume_asked.connect(lambda: self._resume(self.runs.newest_resumable()))
        self.runs.resumed.connect(self._resume)
        self.runs.copied.connect(self._copy)
        self.runs.chosen.connect(lambda _run: self._show_answer())
        self.timing.changed.connect(self._show_plan)
        self._background.done.connect(self._on_plan)
        self._background.failed.connect(self._on_no_plan)
        self.destroyed.connect(self._background.shut_down)

    # ------------------------------------------------------------------ what is shown
    def refresh(self) -> None:
        """Read the experiments again, and plan anew."""
        self._show_answer()
        self._plan_again()
        resumable = self.runs.newest_resumable()
        busy = self._session.running is not None
        self.progress.set_resumable("" if resumable is not None and not busy else "No experiment was stopped.")

    def shown_run(self) -> Any:
        """Return the selected finished experiment, else the newest one, or None."""
        finished = [run for run in self.runs.runs() if run.status == "finished"]
        selected = self.runs.selected()
        return selected if selected in finished else next(iter(finished), None)

    def _show_answer(self) -> None:
        run = self.shown_run()
        result = {} if run is None else run.result
        self.answer.setText(result.get("words", ""))
        self.answer.setVisible(bool(result))
        rows = result.get("differences", [])
        self.differences.fill(
            [
                [
                    str(row["arm"]),
                    _points(row["mean"]),
                    f"{_points(row['low'])} to {_points(row['high'])}",
                    "–" if row["p_holm"] is None else f"{row['p_holm']:.3f}",
                ]
                for row in rows
            ]
        )
        self.differences.setVisible(bool(rows))
        allow(self.open, "" if run is not None else "No experiment has finished yet.", OPEN_TIP)

    def _on_protocol(self) -> None:
        chosen = protocol(self.protocol.currentText())
        self.protocol.setToolTip(f"{chosen.title}\nSource: {chosen.source}")
        self.form = ModelForm(chosen.settings)
        self.form.valueChanged.connect(lambda _value: self._plan_again())
        self.form.problemChanged.connect(lambda _problem: self._plan_again())
        self.fold.set_content(self.form)
        self.preset.blockSignals(True)
        self.preset.clear()
        self.preset.addItems(list(chosen.presets))
        self.preset.setCurrentText("small" if "small" in chosen.presets else "smoke")
        self.preset.blockSignals(False)
        self._on_preset()

    def _on_preset(self) -> None:
        with self._session.reporting():
            self.form.setValue(protocol(self.protocol.currentText()).checked(self.preset.currentText(), {}))
        self._plan_again()

    def _plan_again(self) -> None:
        self._planned = False
        has = self._session.project is not None
        self._show_start("" if has else "No project is open.", "counting what there is to train…")
        self._settled.start()

    def _ask_plan(self) -> None:
        project = self._session.project
        if project is None:
            return
        if problem := self.form.problem():
            self._on_no_plan(UserError(problem))
            return
        path, name, changes = project.path, self.protocol.currentText(), self._changes()

        def work() -> dict[str, int]:
            with Project.open(path, read_only=True) as opened:
                return planned_trainings(opened, name, self.preset.currentText(), changes)

        self._background.run(work)

    def _on_plan(self, counts: dict[str, int], _seconds: float) -> None:
        self._planned = True
        self._counts = f"{counts['gans']:,} GANs and {counts['classifiers']:,} classifiers over {counts['folds']} folds"
        self.timing.want(self._to_be_timed() if self.isVisible() else None)
        self._show_plan()

    def _to_be_timed(self) -> TimeExperimentParameters:
        return TimeExperimentParameters(
            protocol=self.protocol.currentText(), preset=self.preset.currentText(), changes=self._changes()
        )

    def _show_plan(self) -> None:
        """Show what would be trained, and how long that takes where it is known."""
        if not self._planned or self.form.problem():
            return
        told = self.timing.told(self._to_be_timed())
        if isinstance(told, float):
            words = f"{minutes_words(told)} of training here"
        else:
            words = (
                "timing a few steps…" if self.timing.busy else told or "the time left is known after the first of each"
            )
        self._show_start("", f"{self._counts} · {words}")

    def _on_no_plan(self, problem: UserError) -> None:
        self._show_start(" ".join(part for part in (problem.message, problem.hint) if part))

    def _show_start(self, why_not: str, plan: str = "") -> None:
        set_property(self.plan, "role", "problem" if why_not else "quiet")
        self.plan.setText(why_not or plan)
        # Qt 5 leaves a text that becomes two lines the height of one.
        self.plan.setMinimumHeight(max(0, self.plan.heightForWidth(self.plan.width())))
        allow(self.start, why_not or ("" if self._planned else "The plan is being made."), START_TIP)

    # ------------------------------------------------------------------ what is done
    def _changes(self) -> dict[str, Any]:
        return self.form.value().model_dump(mode="json")

    def _on_start(self) -> None:
        with self._session.reporting():
            parameters = ExperimentParameters(
                protocol=self.protocol.currentText(),
                preset=self.preset.currentText(),
                changes=self._changes(),
                **self.where.value(),
            )
            self._submit(parameters, parameters.protocol)

    def _resume(self, run: Any) -> None:
        if run is not None:
            with self._session.reporting():
                self._submit(ExperimentParameters(resume=run.id, **self.where.value()), run.recipe)

    def _submit(self, parameters: ExperimentParameters, title: str) -> None:
        self._session.submit(Job.of(self._session.need_project().path, parameters), f"Experiment · {title}")

    def _copy(self, run: Any) -> None:
        self.protocol.setCurrentText(run.recipe)
        self.form.setValue(run.parameters["settings"])

    def _on_open(self) -> None:
        run = self.shown_run()
        if run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.folder / "report.html")))


def _answer(run: Any) -> str:
    return str(run.result.get("verdict", "")) if run.status == "finished" else ""


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.1f}"
