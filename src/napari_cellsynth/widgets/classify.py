"""The dock that trains classifiers, shows how they do on held-out crops, and lays predictions over the image."""

from __future__ import annotations

from typing import Any, get_args

from qtpy.QtWidgets import QSpinBox

from napari_cellsynth.classify.balance import BALANCES, EVERY_ONCE, synthetic_counts
from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES
from napari_cellsynth.classify.schedules import steps_in_words
from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs.job import Job, PredictParameters, TrainClassifierParameters
from napari_cellsynth.widgets.dock import allow, button, label, set_property
from napari_cellsynth.widgets.explain_panel import ExplainPanel
from napari_cellsynth.widgets.form import Foldable
from napari_cellsynth.widgets.held_out import HeldOutRow
from napari_cellsynth.widgets.overlay_row import OverlayRow
from napari_cellsynth.widgets.patch_list import choice_box, may_shrink
from napari_cellsynth.widgets.recipe_picker import RecipePicker
from napari_cellsynth.widgets.run_list import RunList
from napari_cellsynth.widgets.score_panel import ScorePanel
from napari_cellsynth.widgets.score_text import score_text
from napari_cellsynth.widgets.seen_dock import SeenDock
from napari_cellsynth.widgets.synthetic_amount import AMOUNTS, added, asked, keywords, trained_on
from napari_cellsynth.widgets.training_panel import TrainingPanel
from napari_cellsynth.widgets.unsure_row import UnsureRow
from napari_cellsynth.widgets.where_row import WhereRow

MODES = {
    "real only": "Train on the labelled crops alone: what synthetic patches are compared with.",
    "mixed": "Train on real and synthetic patches together.",
    "pretrained": "Train on synthetic patches first, then on real ones.",
}
TRAIN_TIP = "Train on the labelled crops that are not held out, then score on the held-out ones."
PREDICT_TIP = "Classify every object of every frame with the newest finished classifier."
SYNTHETIC_TIP = "Synthetic patches a class; accepted ones first, rejected ones never. They are never tested on."


class ClassifyDock(SeenDock):
    """Trains, scores and applies classifiers.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose session this dock joins.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setObjectName("classify")
        self.picker = RecipePicker(CLASSIFIER_RECIPES, plain=("epochs",), hidden=("balance",))
        self.mode = may_shrink(choice_box("mode", "\n".join(f"{k}: {v}" for k, v in MODES.items()), MODES))
        self.amount = may_shrink(choice_box("amount", "\n".join(f"{k}: {v}" for k, v in AMOUNTS.items()), AMOUNTS))
        self.amount.setMinimumContentsLength(4)
        self.balance = may_shrink(choice_box("balance", "\n".join(f"{k}: {v}" for k, v in BALANCES.items()), ()))
        self.synthetic = QSpinBox()
        self.synthetic.setObjectName("synthetic")
        self.synthetic.setRange(1, 100_000)
        self.synthetic.setSingleStep(100)
        self.synthetic.setValue(500)
        self.synthetic.setPrefix("+ ")
        self.counts = label("", "quiet", name="training_set", wrap=True)
        self.held_out = HeldOutRow(self.session)
        self.seed = QSpinBox()
        self.seed.setObjectName("seed")
        self.seed.setRange(0, 999_999)
        self.seed.setToolTip("Seed of the weights and of the order of the patches.")
        self.where = WhereRow()
        self.train = button("train", "Train", TRAIN_TIP)
        self.predict_all = button("predict_all", "Run on all frames", PREDICT_TIP)
        self.progress = TrainingPanel(self.session, {"train-classifier"}, samples=False)
        self.scores = ScorePanel(self.session)
        self.runs = RunList(
            self.session,
            "classifier",
            {"recipe": lambda run: run.recipe, "trained on": trained_on, "score": lambda run: score_text(run.result)},
        )
        self.unsure = UnsureRow(self.session)
        self.overlay = OverlayRow(self.session)
        self.explained = ExplainPanel(self.session)
        self._lay_out()
        self._connect()
        self.refresh()
        self._show_balance()

    def _lay_out(self) -> None:
        self.body.addWidget(self.picker)
        self.add_row(label("Train on"), self.mode, stretch=1)
        self.add_row(label("Synthetic"), self.synthetic, self.amount, stretch=2)
        self.add_row(label("Balance"), self.balance, label("seed"), self.seed, stretch=1)
        self.body.addWidget(self.counts)
        self.body.addWidget(self.held_out)
        self.body.addWidget(Foldable("elsewhere", self.where, name="show_where"))
        self.add_row(self.train, self.predict_all, stretch=0)
        self.body.addWidget(self.progress, 1)
        self.body.addWidget(self.scores)
        self.body.addWidget(self.unsure)
        self.body.addWidget(self.overlay)
        self.body.addWidget(Foldable("What does it look at?", self.explained, name="show_explanation"))
        self.body.addWidget(Foldable("Runs", self.runs, name="show_runs"))

    def _connect(self) -> None:
        self.follow("project", "classes", "objects", "runs", "synthetic", "predictions", "jobs", "images")
        self.picker.valueChanged.connect(self._show_buttons)
        self.picker.recipe.currentTextChanged.connect(lambda _name: self._show_balance())
        self.mode.currentIndexChanged.connect(lambda _index: self._show_buttons())
        self.synthetic.valueChanged.connect(lambda _value: self._show_buttons())
        self.amount.currentIndexChanged.connect(lambda _index: self._show_buttons())
        self.train.clicked.connect(self._on_train)
        self.predict_all.clicked.connect(self._on_predict)
        self.progress.begun.connect(self._show_progress)
        self.progress.resume_asked.connect(lambda: self._resume(self.runs.newest_resumable()))
        self.runs.resumed.connect(self._resume)
        self.runs.copied.connect(self._copy)
        self.runs.chosen.connect(lambda _run: self._show_score())

    # ------------------------------------------------------------------ what is shown
    def refresh(self) -> None:
        """Read the training set, the runs and their scores again."""
        project = self.session.project
        training = None if project is None else project.training_objects()
        self._real = 0 if training is None else len(training)
        self._training = {} if project is None or training is None else _counts(project.per_class(training))
        self._test = 0 if project is None else len(project.test_objects())
        self._several = project is not None and project.multi_label
        synthetic = None if project is None else project.synthetic()
        usable = None if synthetic is None else synthetic[synthetic["review"] != "rejected"]
        self._usable = {} if usable is None else _counts(usable)
        if self._several != (self.balance.findText("oversample") < 0):
            self._show_balance()
        self._show_buttons()
        self._show_score()

    def _why_not(self) -> str:
        if self.session.project is None:
            return "No project is open."
        if len(self._training) < 2:
            return "Label training crops of two classes at least."
        if self._uses_synthetic() and not self._usable:
            return "There are no synthetic patches: choose real only, or make some in Train GANs."
        if self.mode.currentText() == "pretrained" and not issubclass(
            CLASSIFIER_RECIPES[self.picker.name()], NetworkRecipe
        ):
            return f"{self.picker.name()} learns in one step and cannot be pretrained: choose mixed."
        return self.picker.problem()

    def _uses_synthetic(self) -> bool:
        return bool(self.mode.currentText() != "real only")

    def _show_buttons(self) -> None:
        uses = self._uses_synthetic()
        self.synthetic.setEnabled(uses)
        self.amount.setEnabled(uses)
        self.synthetic.setPrefix("≤ " if self.amount.currentText() == "in total" else "+ ")
        self.synthetic.setToolTip(SYNTHETIC_TIP if uses else "Real crops only are trained on.")
        why_not = self._why_not()
        allow(self.train, why_not, TRAIN_TIP)
        finished = self._finished()
        allow(self.predict_all, "" if finished else "No classifier has been trained yet.", PREDICT_TIP)
        busy = self.session.running is not None
        project = self.session.project
        predicted = None if project is None else project.latest_prediction_run()
        fresh = bool(finished) and predicted == finished[0].id
        set_property(self.train, "primary", not finished and not busy)
        set_property(self.predict_all, "primary", bool(finished) and not fresh and not busy)
        self.progress.set_resumable("A job is running." if busy else self.runs.why_not_resume())
        set_property(self.counts, "role", "problem" if why_not else "quiet")
        self.counts.setText(why_not or self._training_words())

    def _training_words(self) -> str:
        real, test = self._real, self._test
        recipe = self.picker.value()
        learns = f"{steps_in_words(recipe, real)} on" if isinstance(recipe, NetworkRecipe) else "features of"
        words = f"{learns} {real:,} real"
        if self._uses_synthetic():
            asked = synthetic_counts(list(self._training.values()), **keywords(self._amount())).tolist()
            have = [self._usable.get(class_id, 0) for class_id in self._training]
            words += f" + {sum(map(min, asked, have)):,} synthetic"
            short = [n for n, there in zip(asked, have, strict=True) if there < n]
            if short:
                words += f" ({len(short)} class{'es have' if len(short) > 1 else ' has'} fewer than asked)"
        return f"{words} · test on {test:,} held-out real" if test else f"{words} · no held-out score"

    def _amount(self) -> dict[str, Any]:
        """Return how many synthetic patches are asked for, as the job takes it."""
        if not self._uses_synthetic():
            return {"synthetic": 0}
        return asked(self.synthetic.value(), self.amount.currentText())

    def _finished(self) -> list[Any]:
        return [run for run in self.runs.runs() if run.status == "finished"]

    def shown_run(self) -> Any:
        """Return the run whose scores are shown: the selected one, else the newest finished one, or None."""
        selected = self.runs.selected()
        if selected is not None and selected.status == "finished":
            return selected
        finished = self._finished()
        return finished[0] if finished else None

    def _show_score(self) -> None:
        run = self.shown_run()
        self.scores.show_run(run)
        self.unsure.refresh(run)
        self.explained.show_run(run)

    def _show_balance(self) -> None:
        default = getattr(self.picker.value(), "balance", "none") if not self.picker.problem() else "none"
        offered = get_args(CLASSIFIER_RECIPES[self.picker.name()].model_fields["balance"].annotation)
        self.balance.clear()
        self.balance.addItems(
            [name for name in BALANCES if name in offered and (not self._several or name in EVERY_ONCE)]
        )
        self.balance.setCurrentText(default if self.balance.findText(default) >= 0 else "weights")

    def _show_progress(self) -> None:
        self.scroll.ensureWidgetVisible(self.progress)

    # ------------------------------------------------------------------ what is done
    def _on_train(self) -> None:
        with self.session.reporting():
            overrides = self.picker.overrides()
            balance = self.balance.currentText()
            kind = CLASSIFIER_RECIPES[self.picker.name()]
            if balance != kind.model_fields["balance"].default:
                overrides["balance"] = balance
            parameters = TrainClassifierParameters(
                recipe=self.picker.name(),
                **self._amount(),
                mode="pretrained" if self.mode.currentText() == "pretrained" else "mixed",
                seed=self.seed.value(),
                overrides=overrides,
            )
            path = self.session.need_project().path
            self.where.submit(self.session, path, {f"Classifier · {parameters.recipe}": parameters})

    def _on_predict(self) -> None:
        with self.session.reporting():
            run = self.shown_run()
            if run is None:
                raise UserError("No classifier has been trained yet.", "Train one first.")
            job = Job.of(self.session.need_project().path, PredictParameters(run=run.id, **self.where.value()))
            self.session.submit(job, f"Predict · {run.id}")

    def _resume(self, run: Any) -> None:
        if run is None:
            return
        with self.session.reporting():
            parameters = TrainClassifierParameters(recipe=run.recipe, resume=run.id)
            path = self.session.need_project().path
            self.where.submit(self.session, path, {f"Classifier · {run.recipe}": parameters})

    def _copy(self, run: Any) -> None:
        recipe = run.parameters.get("recipe", {})
        self.picker.setValue(run.recipe, recipe)
        number, amount = added(run)
        self.mode.setCurrentText(str(run.parameters.get("mode", "mixed")) if number else "real only")
        self.amount.setCurrentText(amount)
        self.synthetic.setValue(number or self.synthetic.value())
        self.balance.setCurrentText(str(recipe.get("balance", "none")))
        self.seed.setValue(int(run.seed))


def _counts(table: Any) -> dict[int, int]:
    return {int(k): int(n) for k, n in table["class_id"].value_counts().items()}
