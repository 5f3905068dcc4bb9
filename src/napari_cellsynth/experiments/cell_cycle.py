"""The cell-cycle paper's experiment (S3, tables 1 to 3): rare phases filled up, cut and mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from napari_cellsynth.evaluate.report import Section
from napari_cellsynth.experiments import answers, question
from napari_cellsynth.experiments.analysis import Predictions
from napari_cellsynth.experiments.dataset import Dataset
from napari_cellsynth.experiments.design import Arm, Design, Generator, Synthetic
from napari_cellsynth.experiments.protocol import Findings, Protocol, Settings
from napari_cellsynth.experiments.tables import arm_figures, beside, class_figures, mean_and_spread

ORIGINAL, CUT, MIXED = "original", "WGAN-GP + undersampling", "WGAN-div + mixup"

COMPARED = "weighted F1 of the work it compares with"
PUBLISHED = {
    ORIGINAL: {"weighted F1": 0.8127, COMPARED: "0.7853 (Jin et al.)"},
    CUT: {"weighted F1": 0.8481, COMPARED: "0.8174 (Jin et al.)"},
    MIXED: {"weighted F1": 0.9372, COMPARED: "0.8600 (Rana et al.)"},
}
"""S3, tables 1 to 3: 32,266 Jurkat cells, 7 phases."""


class CellCycleSettings(Settings):
    """The protocol's settings."""

    gan_seeds: int = Field(1, ge=1, le=50, description="GANs trained for each fold.")
    seeds: int = Field(1, ge=1, le=50, description="Classifiers trained for each fold (and GAN).")
    gan: str = Field("wgan-gp-cellcycle", description="The GAN recipe of the second arm, by name.")
    second_gan: str = Field("wgan-div-cellcycle", description="The GAN recipe of the third arm, by name.")
    classifier: str = Field("cellcycle", description="The classifier recipe, by name.")
    up_to: float = Field(1.0, gt=0, le=1, description="Rare classes are filled up to this share of the commonest.")


class CellCycle(Protocol):
    """Rare phases filled up in two ways."""

    name = "cell-cycle"
    question = "Do patches that fill up rare phases help to tell all phases apart?"
    title = "Cell-cycle phases with rare ones filled up"
    source = "S3, tables 1 to 3"
    settings = CellCycleSettings
    leaks = "folds by crop, and the GANs learned from the test crops too"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "smoke": {
            "folds": 2,
            "up_to": 0.2,
            "size": 32,
            "gan_changes": {"steps": 20, "batch": 4, "width": 8},
            "classifier_changes": {"epochs": 10, "least_steps": 100, "lr": 1e-3},
        },
        "small": {
            "folds": 3,
            "gan_changes": {"steps": 400, "width": 32},
            "classifier_changes": {"epochs": 30},
        },
        "full": {},
    }

    def design(self, settings: CellCycleSettings, dataset: Dataset) -> Design:
        """Return the three data sets of the paper as arms."""

        def filled(recipe: str) -> Synthetic:
            generator = Generator(recipe=recipe, changes=settings.gan_changes, leaky=settings.as_published)
            return Synthetic(generator=generator, fill=True, most=settings.up_to)

        def arm(name: str, more: dict[str, Any], synthetic: Synthetic | None = None) -> Arm:
            changes = settings.classifier_changes | more
            return Arm(name=name, recipe=settings.classifier, changes=changes, synthetic=synthetic)

        mixture = {"mixup": 0.2, "mixup_of": "synthetic"}
        arms = (
            arm(ORIGINAL, {}),
            arm(CUT, {"balance": "undersample"}, filled(settings.gan)),
            arm(MIXED, mixture, filled(settings.second_gan)),
        )
        return Design(arms=arms, gan_seeds=settings.gan_seeds, seeds=settings.seeds)

    def analyse(self, settings: CellCycleSettings, dataset: Dataset, predictions: Sequence[Predictions]) -> Findings:
        """Return precision, recall and F1 by phase, and the weighted means."""
        table = arm_figures(dataset.labels, predictions)
        phases = class_figures(dataset.labels, predictions, dataset.class_names)
        phases = phases.rename(columns={"PPV": "precision", "TPR": "recall"}).drop(columns=["TNR", "NPV"])
        shown = mean_and_spread(table)[["weighted F1", "macro F1", "accuracy", "TPR"]]
        by_phase = mean_and_spread(phases, by=("arm", "class")).reset_index(level="class")
        columns = ["weighted F1", COMPARED]
        with_paper = beside(shown.assign(**{COMPARED: "–"}), PUBLISHED, columns).drop(columns=COMPARED)
        with_paper = with_paper.join(shown.drop(columns="weighted F1"))
        found = Findings(
            result={"table": shown.to_dict("index")},
            tables={"scores": table, "phases": phases, "weighted": with_paper},
            sections=[
                Section("All phases", [_TOLD, with_paper]),
                Section("By phase", [by_phase]),
                answers.section(dataset.labels, predictions, dataset.class_names, (ORIGINAL, CUT, MIXED)),
            ],
        )
        return question.answered(self.question, found, dataset, predictions, {CUT: ORIGINAL, MIXED: ORIGINAL})


_TOLD = (
    "Mean ± standard deviation over the folds. To the right of ours the paper's, of 32,266 cells in folds by crop, and "
    "that of the work that it compares itself with."
)
