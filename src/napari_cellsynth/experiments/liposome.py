"""The liposome paper's experiments (S4, section 8): augmentation step by step, small networks, and an SVM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from napari_cellsynth.evaluate.report import Section
from napari_cellsynth.experiments import answers, question
from napari_cellsynth.experiments.analysis import Predictions
from napari_cellsynth.experiments.dataset import Dataset
from napari_cellsynth.experiments.design import Arm, Design
from napari_cellsynth.experiments.protocol import Findings, Protocol, Settings
from napari_cellsynth.experiments.tables import arm_figures, class_figures, confusion, mean_and_spread, published

STEPS: tuple[tuple[str, dict[str, float]], ...] = (
    ("none", {}),
    ("+ flip", {"horizontal_flip": 0.5, "vertical_flip": 0.5}),
    ("+ shift", {"shift": 1.0}),
    ("+ rotation", {"rotation": 1.0}),
    ("+ zoom", {"zoom": 1.0}),
    ("+ shear", {"shear": 1.0}),
)
"""What each step adds to the one before (S4, figure 17)."""

NETWORKS = ("lipnet-1", "lipnet-2", "lipnet-4", "lipnet-4c", "lipnet-6")

PUBLISHED = {
    "SVM, lamellarity": {"TPR by class": "unilamellar .94, multilamellar .98, uncertain .86"},
    "LipNet-4, lamellarity": {"TPR by class": "unilamellar .94, multilamellar .94, uncertain .69"},
    "SVM, encapsulation": {"TPR by class": "empty .89, full .87, uncertain .72"},
    "LipNet-4, encapsulation": {"TPR by class": "empty .61, full .87, uncertain .62"},
}
"""S4, tables 7 to 10; those of LipNet-4 from its counts."""


class LiposomeSettings(Settings):
    """The protocol's settings."""

    gan_seeds: int = Field(1, ge=1, le=50, description="Not used: no GAN is trained.")
    seeds: int = Field(1, ge=1, le=50, description="Classifiers trained for each fold.")
    classifier: str = Field("lipnet-4", description="The network whose augmentation is studied, by name.")
    networks: list[str] = Field(list(NETWORKS), description="The networks that are compared, by name.")
    masked: bool = Field(False, description="Blot out all but the object, as the paper does; needs masks.")


class Liposome(Protocol):
    """Augmentations, networks and an SVM on unbalanced classes."""

    name = "liposome"
    question = "Which augmentations help a small network on unbalanced classes, and how do others and an SVM do?"
    title = "Small networks and an SVM on unbalanced classes"
    source = "S4, section 8"
    settings = LiposomeSettings
    leaks = "folds by crop"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "smoke": {"folds": 2, "size": 32, "classifier_changes": {"epochs": 2}, "networks": ["lipnet-1", "lipnet-4"]},
        "small": {"folds": 3, "classifier_changes": {"epochs": 20}},
        "full": {},
    }

    def design(self, settings: LiposomeSettings, dataset: Dataset) -> Design:
        """Return the augmentations one on top of another, the networks, and the SVM."""
        arms, together = [], {"horizontal_flip": 0.0, "vertical_flip": 0.0}
        balanced = settings.classifier_changes | {"balance": "oversample"}
        for name, more in STEPS:
            together = together | more
            changes = balanced | {"augmentation": together}
            arms.append(Arm(name=f"{settings.classifier} {name}", recipe=settings.classifier, changes=changes))
        for network in settings.networks:
            arms.append(Arm(name=network, recipe=network, changes=balanced | {"augmentation": together}))
        arms.append(Arm(name="svm", recipe="svm"))
        return Design(arms=tuple(arms), seeds=settings.seeds)

    def cutting(self, settings: LiposomeSettings) -> dict[str, Any]:
        """Return whether all but the object is blotted out."""
        return {"masked": True} if settings.masked else {}

    def analyse(self, settings: LiposomeSettings, dataset: Dataset, predictions: Sequence[Predictions]) -> Findings:
        """Return the rates by class for every arm, and the two confusion matrices that the paper compares."""
        table = arm_figures(dataset.labels, predictions)
        classes = class_figures(dataset.labels, predictions, dataset.class_names)
        shown = mean_and_spread(table)[["TPR", "TNR", "PPV", "NPV", "macro F1", "accuracy"]]
        best = settings.classifier if settings.classifier in settings.networks else settings.networks[0]
        matrices = {arm: confusion(dataset.labels, predictions, arm, dataset.class_names) for arm in (best, "svm")}
        two = classes[classes["arm"].isin(matrices)]
        by_class = mean_and_spread(two, by=("arm", "class")).reset_index(level="class")
        found = Findings(
            result={"table": shown.to_dict("index")},
            tables={"scores": table, "classes": classes}
            | {f"confusion-{arm}": matrix for arm, matrix in matrices.items()},
            sections=[
                Section("All arms", ["Mean ± standard deviation over the folds; tests are not balanced.", shown]),
                Section("Network against SVM, class by class", [_BY_CLASS, by_class, _PAPER, published(PUBLISHED)]),
                answers.section(dataset.labels, predictions, dataset.class_names, [best, "svm"]),
            ],
        )
        pairs = {f"{settings.classifier} {name}": f"{settings.classifier} none" for name, _ in STEPS[1:]}
        return question.answered(self.question, found, dataset, predictions, pairs, "Augmentations")


_BY_CLASS = "Mean ± standard deviation over the folds; all arms are in classes.csv. The confusion matrices stand below."
_PAPER = "The paper's, of liposomes:"
