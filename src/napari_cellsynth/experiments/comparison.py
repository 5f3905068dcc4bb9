"""Does synthetic data help *my* data? Real crops with and without synthetic patches, without a leak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES
from napari_cellsynth.evaluate import scores
from napari_cellsynth.evaluate.report import Block, Section
from napari_cellsynth.experiments import answers, pictures, question
from napari_cellsynth.experiments.analysis import (
    FIGURES,
    Contrast,
    Predictions,
    by_fold,
    chosen,
    contrasts,
    score_table,
)
from napari_cellsynth.experiments.dataset import Dataset
from napari_cellsynth.experiments.design import Arm, Design, Generator, Sample, Synthetic
from napari_cellsynth.experiments.protocol import Findings, Protocol, Settings
from napari_cellsynth.experiments.question import difference_table, shown_differences, three
from napari_cellsynth.experiments.verdict import Verdict, verdict

REAL, AUGMENTED, WEIGHTED, FILLED = "real", "real + augmentation", "real + augmentation + weights", "balance only"
ASKED = f"{AUGMENTED}, tested on synthetic"
ALONE, LEAKY = "synthetic only", "leaky"
FILTERED, CHOSEN = "+ synthetic × 1, filtered", "+ synthetic, share chosen inside"


Share = Annotated[float, Field(gt=0, le=100)]
Count = Annotated[int, Field(ge=2)]


class ComparisonSettings(Settings):
    """The comparison's settings."""

    shares: list[Share] = Field([0.25, 0.5, 1.0, 2.0], min_length=1, description="Synthetic patches a real crop.")
    curve: list[Count] = Field(default_factory=list, description="Crops a class at which the learning curve is taken.")
    choose_share: bool = Field(True, description="Also let each fold choose the share by groups of its training part.")
    learn_from: float = Field(1.0, gt=0, le=1, description="Share of the training crops that is learned from.")
    leaky: bool = Field(False, description="Also train on patches of GANs that saw the test crops, to show the leak.")

    @field_validator("shares", "curve")
    @classmethod
    def _each_once(cls, values: list[float]) -> list[float]:
        return sorted(set(values))

    @property
    def chooses(self) -> bool:
        """Whether there are shares to choose among."""
        return self.choose_share and len(self.shares) > 1


class DoesSyntheticHelp(Protocol):
    """The leak-free comparison."""

    name = "does-synthetic-help"
    title = "Does synthetic data help?"
    question = (
        "Does a classifier do better on crops of groups that nothing was learned from when synthetic patches stand "
        "beside its real crops?"
    )
    source = "ours: Nadeau & Bengio 2003 (corrected t), Holm 1979, folds by group"
    settings = ComparisonSettings
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "smoke": {
            "folds": 2,
            "gan_seeds": 1,
            "seeds": 1,
            "shares": [1.0],
            "gan_changes": {"steps": 30, "batch": 16},
            "classifier_changes": {"epochs": 2, "least_steps": 20},
        },
        "small": {"folds": 3, "gan_seeds": 2, "seeds": 2, "gan_changes": {"steps": 600}},
        "full": {"folds": 5, "gan_seeds": 3, "seeds": 5, "curve": [30, 60, 125, 250]},
    }

    def design(self, settings: ComparisonSettings, dataset: Dataset) -> Design:
        """Return the arms: real crops in three ways, with synthetic patches at every share, and those alone."""
        generator = Generator(recipe=settings.gan, changes=settings.gan_changes)
        changes = settings.classifier_changes
        # Recipes that learn from features have no augmentation: their arms differ in balance and synthetic patches.
        learns = issubclass(CLASSIFIER_RECIPES.get(settings.classifier, NetworkRecipe), NetworkRecipe)
        plain, strong = (PLAIN, STRONG) if learns else ({}, {})

        def arm(name: str, more: dict[str, Any] | None = None, **rest: Any) -> Arm:
            rest = {"sample": Sample(share=settings.learn_from)} | rest
            return Arm(name=name, recipe=settings.classifier, changes=changes | (more or {}), **rest)

        def synthetic(**how: Any) -> Synthetic:
            return Synthetic(generator=generator, **how)

        arms = [
            arm(REAL, plain | EVEN),
            arm(AUGMENTED, strong | EVEN, asked=synthetic(share=1.0)),
            arm(WEIGHTED, strong | {"balance": "weights"}),
            *(arm(share_name(share), strong | EVEN, synthetic=synthetic(share=share)) for share in settings.shares),
            arm(FILTERED, strong | EVEN, synthetic=synthetic(share=1.0, filtered=True)),
            arm(FILLED, strong | EVEN, synthetic=synthetic(fill=True)),
            arm(ALONE, strong | EVEN, synthetic=synthetic(share=1.0), real=False),
        ]
        if settings.leaky:
            leaky = Synthetic(generator=generator.model_copy(update={"leaky": True}), share=1.0)
            arms.append(arm(LEAKY, strong | EVEN, synthetic=leaky))
        for most in settings.curve:
            sample = Sample(most=most, share=settings.learn_from)
            arms.append(arm(curve_name(most, False), strong | EVEN, sample=sample))
            arms.append(arm(curve_name(most, True), strong | EVEN, sample=sample, synthetic=synthetic(share=1.0)))
        choose = tuple(share_name(share) for share in settings.shares) if settings.chooses else ()
        return Design(arms=tuple(arms), choose=choose, gan_seeds=settings.gan_seeds, seeds=settings.seeds)

    def analyse(self, settings: ComparisonSettings, dataset: Dataset, predictions: Sequence[Predictions]) -> Findings:
        """Return the verdict, the differences, and the tables behind them."""
        inner = [each for each in predictions if each.fold.is_inner]
        outer = [each for each in predictions if not each.fold.is_inner]
        preferred, choices = chosen(dataset.labels, outer, inner, CHOSEN)
        predictions = [*outer, *preferred]
        table = score_table(dataset.labels, predictions, dataset.class_names)
        shares = [share_name(share) for share in settings.shares]
        shares += [name for name in (CHOSEN, FILTERED, FILLED) if name in set(table["arm"])]
        compared = contrasts(dataset.labels, dataset.groups, predictions, shares, AUGMENTED)
        rest = [name for name in (REAL, WEIGHTED, ALONE, LEAKY) if name in set(table["arm"])]
        others = contrasts(dataset.labels, dataset.groups, predictions, rest, AUGMENTED)
        answer = verdict(compared)
        tables = {
            "scores": table,
            "arms": arm_table(table),
            "differences": difference_table([*compared, *others]),
            **({"choices": choices} if len(choices) else {}),
            "recall": recall_table(table, predictions),
        }
        result = {
            "verdict": answer.effect,
            "words": answer.words,
            "rests_on": answer.rests_on.plain(),
            "differences": [each.plain() for each in (*compared, *others)],
        }
        shown = answers.section(
            dataset.labels, predictions, dataset.class_names, [REAL, AUGMENTED, answer.rests_on.arm, ALONE]
        )
        sections = [*self._sections(settings, answer, compared, tables), shown]
        return Findings(result=result, tables=tables, sections=sections)

    def _sections(
        self,
        settings: ComparisonSettings,
        answer: Verdict,
        compared: Sequence[Contrast],
        tables: dict[str, pd.DataFrame],
    ) -> list[Section]:
        curve = {most: (curve_name(most, False), curve_name(most, True)) for most in settings.curve}
        shares = {share: share_name(share) for share in settings.shares}
        units = by_fold(tables["scores"])
        figures = [pictures.differences(compared), pictures.shares(units, shares, AUGMENTED)]
        if curve:
            figures.append(pictures.learning_curve(units, curve))
        inside: list[Block] = [_CHOICES, tables["choices"].round(4)] if "choices" in tables else []
        if settings.chooses and not inside:
            inside = ["The groups are too few to choose a share inside of the folds: that arm is missing."]
        return [
            question.section(self.question, answer.words, question.caution(tables["scores"], [AUGMENTED])),
            Section(
                "Differences to real crops with augmentation", [*figures, shown_differences(tables["differences"])]
            ),
            Section(
                "Arms",
                [
                    _ARMS + _few(settings.learn_from),
                    shown_arms(tables["arms"]),
                    "Recall by class.",
                    shown_recall(tables["recall"]),
                ],
            ),
            *([Section("Shares chosen inside of the folds", inside)] if inside else []),
        ]


_ARMS = (
    "Every arm takes the same number of optimiser steps; synthetic patches take the place of real crops in the "
    "batches. Figures are means over the folds' test crops, all real, of groups that nothing of the fold was learned "
    "from. The filtered arm draws twice as many patches and leaves out copies of training crops and the least "
    "realistic ones, by a rule that was fixed beforehand. The last line of the recalls shows synthetic patches to the "
    "classifiers that learned from real crops alone: a low one says that patches do not look like their class."
)
_CHOICES = (
    "Each fold splits its training groups once more, trains a GAN a class and the classifiers of every share on three "
    "quarters, and takes the share with the greatest balanced accuracy on the fourth. Its test crops have no part in "
    "it."
)


def _few(share: float) -> str:
    return "" if share == 1 else f" Each arm learns from {share:.0%} of its fold's training crops, class by class."


EVEN: dict[str, Any] = {"balance": "none"}
PLAIN: dict[str, Any] = {"augmentation": "none"}
STRONG: dict[str, Any] = {"augmentation": "strong"}


def share_name(share: float) -> str:
    """Return the name of the arm with this share of synthetic patches."""
    return f"+ synthetic × {share:g}"


def curve_name(most: int, synthetic: bool) -> str:
    """Return the name of an arm of the learning curve."""
    return f"{most} a class{' + synthetic' if synthetic else ''}"


def arm_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every figure by arm, over folds of means over seeds, and how much folds differ."""
    rows = {}
    for arm in table["arm"].unique():
        units = table[table["arm"] == arm].groupby(["repeat", "fold"])[list(FIGURES)].mean()
        rows[arm] = {**units.mean().to_dict(), "SD over folds": units["balanced_accuracy"].std()}
    return pd.DataFrame(rows).T.rename_axis("arm")


def recall_table(table: pd.DataFrame, predictions: Sequence[Predictions]) -> pd.DataFrame:
    """Return each class's mean recall by arm; last that of the reference arm's classifiers on synthetic patches."""
    columns = [name for name in table if name.startswith("recall ")]
    recall = table.groupby("arm", sort=False)[columns].mean()
    asked = [each.asked for each in predictions if each.arm == AUGMENTED and each.asked is not None]
    if asked:
        every = range(len(columns))
        rates = [scores.per_class(made_for, p.argmax(axis=1), every)["TPR"] for made_for, p in asked]
        recall.loc[ASKED] = np.mean(rates, axis=0)
    return recall


def shown_arms(table: pd.DataFrame) -> pd.DataFrame:
    """Return the arms' figures as a report shows them."""
    words = {"roc_auc": "ROC AUC", "macro_f1": "macro F1", "expected_calibration_error": "calibration error"}
    return three(table).rename(columns=lambda name: words.get(name, name.replace("_", " ")))


def shown_recall(table: pd.DataFrame) -> pd.DataFrame:
    """Return the recall of each class under its own name."""
    return three(table).rename(columns=lambda name: name.removeprefix("recall "))
