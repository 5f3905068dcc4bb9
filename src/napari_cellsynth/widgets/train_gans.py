"""The dock that trains one GAN a class, shows how they sharpen, and makes patches with them."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QComboBox, QSpinBox

from napari_cellsynth.jobs.job import GenerateParameters, Job, QualityParameters, TimeGanParameters, TrainGanParameters
from napari_cellsynth.synthesis.recipes import GAN_RECIPES
from napari_cellsynth.widgets.class_table import ClassState, ClassTable, class_states, run_quality_text
from napari_cellsynth.widgets.dock import allow, button, label, set_property
from napari_cellsynth.widgets.draw_row import DrawRow
from napari_cellsynth.widgets.expected_time import expected_time
from napari_cellsynth.widgets.form import Foldable
from napari_cellsynth.widgets.held_out import HeldOutRow
from napari_cellsynth.widgets.queue_panel import QueuePanel
from napari_cellsynth.widgets.recipe_picker import RecipePicker
from napari_cellsynth.widgets.run_list import RunList
from napari_cellsynth.widgets.seen_dock import SeenDock
from napari_cellsynth.widgets.step_timing import StepTiming
from napari_cellsynth.widgets.training_panel import TrainingPanel
from napari_cellsynth.widgets.where_row import WhereRow

DEVICES = ("auto", "cpu", "cuda", "mps")
UNTIMED = ("steps", "fit", "ema_half_life", "symmetries", "lr", "beta1", "beta2")
"""Fields of a recipe that do not change how long a step takes."""

TRAIN_TIP = "Train a GAN for every class that has at least two training crops, one after the other."
SELECTED_TIP = "Train the classes selected in the table only."
GENERATE_TIP = "Make this many new patches of every class with its newest trained run."
QUALITY_TIP = "Compare the patches of every class's newest run with real ones that it never saw."


class TrainGansDock(SeenDock):
    """Trains a GAN for every class on its real training crops.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose session this dock joins.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setObjectName("train_gans")
        self.classes = ClassTable()
        self.advice = label("", "problem", name="advice", wrap=True)
        self.held_out = HeldOutRow(self.session)
        self.picker = RecipePicker(GAN_RECIPES, plain=("steps",))
        self.device = QComboBox()
        self.device.setObjectName("device")
        self.device.setToolTip("Where to compute; auto takes a GPU where there is one.")
        self.device.addItems(DEVICES)
        self.seed = QSpinBox()
        self.seed.setObjectName("seed")
        self.seed.setRange(0, 999_999)
        self.seed.setToolTip("The same seed, crops and machine give the same run.")
        self.train_all = button("train_all", "Train all classes", TRAIN_TIP)
        self.train_selected = button("train_selected", "Train selected", SELECTED_TIP)
        self.timing = StepTiming(self.session)
        self.estimate = label("", "quiet", name="estimate", wrap=True)
        self.count = QSpinBox()
        self.count.setObjectName("count")
        self.count.setRange(1, 100_000)
        self.count.setValue(500)
        self.count.setSingleStep(100)
        self.count.setToolTip("Patches a class.")
        self.generate = button("generate", "Generate", GENERATE_TIP)
        self.quality = button("quality", "Measure", QUALITY_TIP)
        self.where = WhereRow()
        self.progress = TrainingPanel(self.session, {"train-gan", "at-once"}, samples=True)
        self.runs = RunList(
            self.session,
            "gan",
            {"class": self._class_of, "recipe": lambda run: run.recipe, "KID": run_quality_text},
        )
        self.drawings = DrawRow(self.session, self.picker.size_box)
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        self.body.addWidget(self.classes)
        self.body.addWidget(self.advice)
        self.body.addWidget(self.held_out)
        self.body.addWidget(self.picker)
        self.add_row(label("Device"), self.device, label("seed"), self.seed)
        self.add_row(self.train_all, self.train_selected, stretch=0)
        self.body.addWidget(self.estimate)
        self.body.addWidget(Foldable("several at once", self.where, name="show_where"))
        self.body.addWidget(self.progress, 1)
        self.body.addWidget(QueuePanel(self.session))
        self.add_row(self.count, label("a class"), self.generate, self.quality)
        self.body.addWidget(Foldable("artificial patches, without a GAN", self.drawings, name="show_drawings"))
        self.body.addWidget(Foldable("Runs", self.runs, name="show_runs"))

    def _connect(self) -> None:
        self.follow("project", "classes", "objects", "runs", "synthetic", "jobs")
        self.picker.valueChanged.connect(self.refresh)
        self.device.currentTextChanged.connect(self._show_buttons)
        self.timing.changed.connect(self._show_buttons)
        self.classes.chosen.connect(self._show_buttons)
        self.train_all.clicked.connect(lambda: self._train(self._trainable()))
        self.train_selected.clicked.connect(lambda: self._train([s for s in self.classes.selected() if s.trainable]))
        self.generate.clicked.connect(self._on_generate)
        self.quality.clicked.connect(self._on_quality)
        self.progress.begun.connect(self._show_progress)
        self.progress.resume_asked.connect(lambda: self._resume(self.runs.newest_resumable()))
        self.runs.resumed.connect(self._resume)
        self.runs.copied.connect(lambda run: self.picker.setValue(run.recipe, run.parameters.get("recipe", {})))

    # ------------------------------------------------------------------ what is shown
    def refresh(self) -> None:
        """Read the classes, their crops and their runs again."""
        project = self.session.project
        states = [] if project is None else class_states(project, int(self.picker.size_box.currentData()))
        self.classes.set_states(states)
        self.drawings.refresh()
        advice = [state.advice for state in states if state.advice]
        self.advice.setText(". ".join(advice))
        self.advice.setVisible(bool(advice))
        self._show_buttons()

    def came_forward(self) -> None:
        """Time the chosen recipe now that somebody looks."""
        super().came_forward()
        self._show_buttons()

    def went_back(self) -> None:
        """Time nothing that nobody looks at."""
        self.timing.want(None)

    def _trainable(self) -> list[ClassState]:
        return [state for state in self.classes.states if state.trainable]

    def _why_not(self) -> str:
        if self.session.project is None:
            return "No project is open."
        if not self.classes.states:
            return "There are no classes yet: make some in Label crops."
        if not self._trainable():
            return "No class has two training crops yet: label some."
        if self._conditional() and len(self._trainable()) < 2:
            return "This recipe learns several classes together: label crops of another class."
        return self.picker.problem()

    def _show_buttons(self) -> None:
        why_not = self._why_not()
        trained = self._newest_trained()
        generated = {} if self.session.project is None else self._patches_by_run()
        allow(self.train_all, why_not, TRAIN_TIP)
        selected = [state for state in self.classes.selected() if state.trainable]
        least = 2 if self._conditional() else 1
        few = "Select two classes at least." if selected else "No class with two crops is selected."
        allow(self.train_selected, why_not or ("" if len(selected) >= least else few), SELECTED_TIP)
        allow(self.generate, "" if trained else "No GAN has been trained yet.", GENERATE_TIP)
        enough = [run for run in trained if generated.get(run.id, 0) >= 10]
        allow(self.quality, "" if enough else "Generate patches first: 10 a class at least.", QUALITY_TIP)
        learned = {class_id for run in trained for class_id in run.class_ids}
        missing = {state.id for state in self._trainable()} - learned
        busy = self.session.running is not None
        set_property(self.train_all, "primary", bool(missing) and not busy)
        # Once every class is trained the next step is to make patches, and with patches to measure them.
        idle = not missing and bool(trained) and not busy
        set_property(self.generate, "primary", idle and not all(run.id in generated for run in trained))
        unmeasured = any(not run_quality_text(run) for run in enough)
        set_property(self.quality, "primary", idle and unmeasured and all(run.id in generated for run in trained))
        set_property(self.estimate, "role", "problem" if why_not else "quiet")
        self.timing.want(None if why_not or busy or not self.is_seen() else self._to_be_timed())
        self.estimate.setText(why_not or self._estimate())
        self.progress.set_resumable("A job is running." if busy else self.runs.why_not_resume())

    def _estimate(self) -> str:
        """Say how long it will take: from steps timed here, else from how long runs of this recipe took here."""
        with self.session.reporting():
            recipe = self.picker.value()
            steps = int(getattr(recipe, "steps", 0))
            trainings = len(self._trainings(self._trainable()))
            of_each = f"a class · {trainings} class{'es' if trainings != 1 else ''}"
            words = f"{steps:,} steps {'for all classes' if self._conditional() else of_each}"
            told = self.timing.told(self._to_be_timed())
            if isinstance(told, str):
                return f"{words} · {told}"
            if told is not None:
                return f"{words} · {expected_time(self.session, told * steps * trainings, trainings)}"
            for run in self.runs.runs():
                result = run.result or {}
                same = run.recipe == self.picker.name() and run.parameters.get("recipe", {}).get("size") == recipe.size  # type: ignore[attr-defined]
                if same and result.get("seconds") and result.get("steps"):
                    seconds = result["seconds"] / result["steps"] * steps * trainings
                    return f"{words} · {expected_time(self.session, seconds, trainings)}"
            unknown = "the time left is known after the first steps"
            return f"{words} · {'timing a few steps…' if self.timing.busy else unknown}"
        return ""

    def _to_be_timed(self) -> TimeGanParameters:
        """Return what decides how long a step takes, and little else: a timing is kept for each."""
        return TimeGanParameters(
            recipe=self.picker.name(),
            overrides={name: value for name, value in self.picker.overrides().items() if name not in UNTIMED},
            channels=int(self.session.need_project().images()["channels"].max()),
            classes=len(self._trainable()) if self._conditional() else 0,
            device=self.device.currentText(),
        )

    def _class_of(self, run: Any) -> str:
        project = self.session.project
        names = {} if project is None else {record.id: record.name for record in project.classes()}
        return ", ".join(names.get(class_id, "–") for class_id in run.class_ids)

    def _newest_trained(self) -> list[Any]:
        """Return the runs with a checkpoint that are some class's newest, each once."""
        newest: dict[int, Any] = {}
        for run in self.runs.runs():
            if run.status in ("finished", "stopped") and any(run.folder.glob("*.safetensors")):
                for class_id in run.class_ids:
                    newest.setdefault(class_id, run)
        return list({run.id: run for run in newest.values()}.values())

    def _patches_by_run(self) -> dict[str, int]:
        table = self.session.need_project().synthetic()
        return {str(run): int(n) for run, n in table["run"].value_counts().items()}

    def _show_progress(self) -> None:
        self.scroll.ensureWidgetVisible(self.progress)

    # ------------------------------------------------------------------ what is done
    def _conditional(self) -> bool:
        return GAN_RECIPES[self.picker.name()].conditional

    def _trainings(self, states: list[ClassState]) -> list[list[ClassState]]:
        """Return the classes of each training: one at a time, or all together where the recipe learns them so."""
        return [states] if self._conditional() else [[state] for state in states]

    def _train(self, states: list[ClassState]) -> None:
        with self.session.reporting():
            path, overrides = self.session.need_project().path, self.picker.overrides()
            trainings = {}
            for learned in self._trainings(states):
                title = learned[0].name if len(learned) == 1 else f"{len(learned)} classes"
                trainings[f"GAN · {title}"] = TrainGanParameters(
                    # By id: a class may be given another name while its training waits.
                    classes=[state.id for state in learned],
                    recipe=self.picker.name(),
                    seed=self.seed.value(),
                    overrides=overrides,
                    device=self.device.currentText(),
                )
            self.where.submit(self.session, path, trainings)

    def _resume(self, run: Any) -> None:
        if run is None:
            return
        with self.session.reporting():
            name = self._class_of(run)
            parameters = TrainGanParameters(resume=run.id, device=self.device.currentText())
            self.session.submit(Job.of(self.session.need_project().path, parameters), f"GAN · {name}")

    def _on_generate(self) -> None:
        with self.session.reporting():
            for run in self._newest_trained():
                parameters = GenerateParameters(
                    run=run.id, n=self.count.value(), seed=self.seed.value(), device=self.device.currentText()
                )
                title = f"Generate · {self._class_of(run)}"
                self.session.submit(Job.of(self.session.need_project().path, parameters), title)

    def _on_quality(self) -> None:
        generated = self._patches_by_run()
        with self.session.reporting():
            for run in self._newest_trained():
                if generated.get(run.id, 0) < 10:
                    continue
                job = Job.of(self.session.need_project().path, QualityParameters(run=run.id))
                self.session.submit(job, f"Quality · {self._class_of(run)}")
