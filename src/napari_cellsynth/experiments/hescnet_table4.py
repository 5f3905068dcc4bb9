"""The stem-cell paper's experiment (S0, tables 3 and 4): few real crops, with and without synthetic ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from napari_cellsynth.evaluate.report import Section
from napari_cellsynth.experiments import answers, question
from napari_cellsynth.experiments.analysis import Predictions
from napari_cellsynth.experiments.dataset import Dataset
from napari_cellsynth.experiments.design import Arm, Design, Generator, Sample, Synthetic
from napari_cellsynth.experiments.protocol import Findings, Protocol, Settings
from napari_cellsynth.experiments.tables import arm_figures, beside, mean_and_spread

ARMS = {
    "a": "nine tenths of the groups, real crops alone",
    "b": "a tenth of the crops, real alone",
    "c": "a tenth of the crops, after training on synthetic patches",
    "d": "a tenth of the crops with synthetic patches",
}

PUBLISHED = {
    "a": {"accuracy": "0.857 ± 0.007", "TPR": "0.897 ± 0.008", "ROC-AUC": "84.600 ± 0.012", "minutes": "58.6 ± 0.8"},
    "b": {"accuracy": "0.832 ± 0.011", "TPR": "0.871 ± 0.005", "ROC-AUC": "81.740 ± 0.007", "minutes": "29.5 ± 0.1"},
    "c": {"accuracy": "0.854 ± 0.004", "TPR": "0.864 ± 0.007", "ROC-AUC": "81.330 ± 0.116", "minutes": "29.4 ± 0.1"},
    "d": {"accuracy": "0.827 ± 0.009", "TPR": "0.875 ± 0.004", "ROC-AUC": "83.480 ± 0.007", "minutes": "43.5 ± 9.7"},
}
"""S0, table 4: 18,683 colonies of 15 videos, 10 folds by crop, two GTX 1080 Ti."""


class HescnetSettings(Settings):
    """The protocol's settings."""

    folds: int = Field(10, ge=2, le=50, description="Outer folds, by whole groups (by crop as published).")
    gan_seeds: int = Field(1, ge=1, le=50, description="GANs trained for each fold.")
    seeds: int = Field(1, ge=1, le=50, description="Classifiers trained for each fold (and GAN).")
    gan: str = Field("dcgan", description="The GAN recipe, by name.")
    classifier: str = Field("hescnet", description="The classifier recipe, by name.")
    few: float = Field(1 / 9, gt=0, le=1, description="Share of the training crops that b, c and d learn from.")
    synthetic: int = Field(500, ge=1, description="Synthetic patches a class for c and d.")


class HescnetTable4(Protocol):
    """Four ways to train hESCnet."""

    name = "hescnet-table4"
    question = "Do synthetic patches make a tenth of the real crops do better?"
    title = "hESCnet with few real crops and synthetic patches"
    source = "S0, tables 3 and 4"
    settings = HescnetSettings
    leaks = "folds by crop: frames of one video are near-copies, and the GANs learned from the test crops too"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "smoke": {
            "folds": 2,
            "few": 0.5,
            "synthetic": 10,
            "gan_changes": {"steps": 20, "batch": 8, "width": 8},
            "classifier_changes": {"width": 0.125, "epochs": 2, "least_steps": 10},
        },
        "small": {
            "folds": 3,
            "few": 0.25,
            "synthetic": 100,
            "gan_changes": {"steps": 400, "batch": 32, "width": 32},
            "classifier_changes": {"width": 0.25, "epochs": 20},
        },
        "full": {},
    }

    def design(self, settings: HescnetSettings, dataset: Dataset) -> Design:
        """Return configurations a to d (S0, table 3)."""
        few = Sample(share=settings.few)
        generator = Generator(recipe=settings.gan, changes=settings.gan_changes, leaky=settings.as_published)
        more = Synthetic(generator=generator, count=settings.synthetic)

        def arm(name: str, **rest: Any) -> Arm:
            return Arm(name=name, recipe=settings.classifier, changes=settings.classifier_changes, **rest)

        arms = (
            arm("a"),
            arm("b", sample=few),
            arm("c", sample=few, synthetic=more, mode="pretrained"),
            arm("d", sample=few, synthetic=more),
        )
        return Design(arms=arms, gan_seeds=settings.gan_seeds, seeds=settings.seeds)

    def analyse(self, settings: HescnetSettings, dataset: Dataset, predictions: Sequence[Predictions]) -> Findings:
        """Return table 4."""
        table = arm_figures(dataset.labels, predictions)
        columns = ["accuracy", "TPR", "ROC-AUC", "minutes", "least training loss"]
        shown = mean_and_spread(table)[columns]
        with_paper = beside(shown, PUBLISHED, columns[:-1]).join(shown[columns[-1:]])
        words = "; ".join(f"{name}: {text}" for name, text in ARMS.items())
        found = Findings(
            result={"table": shown.to_dict("index")},
            tables={"scores": table, "table4": with_paper},
            sections=[
                Section("Table 4", [f"{words}. {_TOLD}", with_paper]),
                answers.section(dataset.labels, predictions, dataset.class_names, tuple(ARMS)),
            ],
        )
        return question.answered(self.question, found, dataset, predictions, {"c": "b", "d": "b"})


_TOLD = (
    "Mean ± standard deviation over the folds. To the right of each figure the paper's: other colonies, ten folds by "
    "crop, and a ROC-AUC in per cent."
)
