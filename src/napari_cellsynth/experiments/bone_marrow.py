"""The bone-marrow paper's experiment (S2): sources merged, six GANs, ten classifiers on original and balanced data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES
from napari_cellsynth.evaluate.report import Block, Section
from napari_cellsynth.experiments import answers, pictures, question
from napari_cellsynth.experiments.analysis import Predictions
from napari_cellsynth.experiments.bone_marrow_published import BALANCED, GANS, ORIGINAL
from napari_cellsynth.experiments.dataset import Dataset
from napari_cellsynth.experiments.design import Arm, Design, Generator, Synthetic
from napari_cellsynth.experiments.protocol import Findings, Outcome, Protocol, Settings, known_changes
from napari_cellsynth.experiments.tables import arm_figures, beside, class_figures, mean_and_spread
from napari_cellsynth.project import Project
from napari_cellsynth.project.merge_report import merge_report
from napari_cellsynth.synthesis.recipes import GAN_RECIPES

SETS = ("original", "balanced")
RATES = {"recall": "TPR", "F1": "macro F1", "specificity": "TNR", "precision": "PPV", "accuracy": "accuracy"}
CLASS_RATES = {"accuracy": "accuracy", "sensitivity": "TPR", "specificity": "TNR"}
TABLE_6 = {
    "FID": ("fid", 1.0),
    "precision": ("class_precision", 100.0),
    "F1": ("class_f1", 100.0),
    "recall": ("class_recall", 100.0),
    "LPIPS": ("lpips", 1.0),
    "IS": ("inception_score", 1.0),
}
TABLE_7 = {"PSNR": ("psnr", 1.0), "SSIM": ("ssim", 1.0), "l1 %": ("l1", 50.0), "l2 %": ("l2", 25.0)}
"""The paper's figures by the names and in the units of its tables: ours of l1 and l2 are of a range of 2, not 1."""
REAL = "(real crops in their place)"


class BoneMarrowSettings(Settings):
    """The protocol's settings."""

    gan_seeds: int = Field(1, ge=1, le=50, description="GANs trained for each fold.")
    seeds: int = Field(1, ge=1, le=50, description="Classifiers trained for each fold (and GAN).")
    gan: str = Field("c-wgan-gp", description="The GAN recipe whose patches balance the data, by name.")
    gans: list[str] = Field(list(GANS), description="The GAN recipes that are compared, by name.")
    classifier: str = Field("sequential", description="The classifier recipe that is shown class by class, by name.")
    classifiers: list[str] = Field(list(ORIGINAL), min_length=1, description="The classifier recipes, by name.")
    size: Literal[32, 64, 128, 256, 512] = Field(128, description="Side of the patches in pixels.")
    up_to: float = Field(1.0, gt=0, le=1, description="Rare classes are filled up to this share of the commonest.")
    patches: int = Field(1000, ge=10, description="Patches of each compared GAN, and held-out crops, at most.")


class BoneMarrow(Protocol):
    """Six GANs, and ten classifiers with and without patches that balance the classes."""

    name = "bone-marrow"
    question = "Which GAN draws the best patches, and do patches that balance the classes help classifiers?"
    title = "Bone-marrow cells: six GANs, ten classifiers, original and balanced"
    source = "S2, tables 1, 2 and 6 to 9, figures 4 to 6"
    settings = BoneMarrowSettings
    leaks = (
        "the data are balanced first and split afterwards, by crop, so that the GANs learned from the test crops and "
        "the tests of balanced data hold synthetic patches"
    )
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "smoke": {
            "folds": 2,
            "most": 40,
            "patches": 60,
            "gan_changes": {"steps": 6, "batch": 4, "width": 4},
            "classifier_changes": {"epochs": 1, "epoch_steps": 2, "batch": 4, "pretrained": False},
        },
        "small": {
            "folds": 3,
            "most": 2000,
            "patches": 300,
            "gan_changes": {"steps": 1000, "batch": 16, "width": 16},
            "classifier_changes": {"epochs": 10},
        },
        "full": {},
    }

    def design(self, settings: BoneMarrowSettings, dataset: Dataset) -> Design:
        """Return the ten classifiers on both sets, and the six GANs."""
        gans = list(dict.fromkeys([*settings.gans, settings.gan]))
        gan_changes = known_changes(gans, GAN_RECIPES, settings.gan_changes)
        changes = known_changes(settings.classifiers, CLASSIFIER_RECIPES, settings.classifier_changes)

        def generator(name: str) -> Generator:
            return Generator(recipe=name, changes=gan_changes[name], leaky=settings.as_published)

        filled = Synthetic(generator=generator(settings.gan), fill=True, most=settings.up_to)

        def arm(name: str, which: str) -> Arm:
            more = {"synthetic": filled, "tested_on_synthetic": settings.as_published} if which == "balanced" else {}
            return Arm(name=f"{name}, {which}", recipe=name, changes=changes[name], **more)

        return Design(
            arms=tuple(arm(name, which) for name in settings.classifiers for which in SETS),
            compared=tuple(generator(name) for name in settings.gans),
            patches=settings.patches,
            gan_seeds=settings.gan_seeds,
            seeds=settings.seeds,
        )

    def look(self, settings: BoneMarrowSettings, project: Project, object_ids: Sequence[int]) -> dict[str, Any]:
        """Return what the merge that made the project did."""
        return merge_report(project.path)

    def conclude(self, settings: BoneMarrowSettings, dataset: Dataset, outcome: Outcome) -> Findings:
        """Return the paper's tables, each beside its own figures."""
        found = self.analyse(settings, dataset, outcome.predictions)
        asked, *rest = found.sections
        sections = [asked, Section("Sources merged", _merged(outcome.looked)), *rest]
        result, tables = dict(found.result), dict(found.tables)
        if outcome.qualities:
            six, seven = (gan_table(outcome.qualities, figures) for figures in (TABLE_6, TABLE_7))
            tables |= {"gans": pd.json_normalize(list(outcome.qualities)), "table6": six, "table7": seven}
            result["gans"] = six.join(seven).to_dict("index")
            sections.insert(2, Section("Six GANs (tables 6 and 7)", _gans_told(outcome.qualities, six, seven)))
        return Findings(result=result, tables=tables, sections=sections)

    def analyse(self, settings: BoneMarrowSettings, dataset: Dataset, predictions: Sequence[Predictions]) -> Findings:
        """Return tables 8 and 9 and what figures 4 and 5 show."""
        table = arm_figures(dataset.labels, predictions)
        percent = table[["arm", "repeat", "fold"]].assign(**{name: 100 * table[of] for name, of in RATES.items()})
        shown = mean_and_spread(percent, digits=1)
        blocks: list[Block] = [_CLASSIFIERS]
        tables = {"scores": table}
        for which, paper, number in zip(SETS, (ORIGINAL, BALANCED), (8, 9), strict=True):
            part = shown.loc[[f"{name}, {which}" for name in settings.classifiers]]
            part = part.set_axis(settings.classifiers).rename_axis("classifier")
            tables[f"table{number}"] = beside(part, paper, list(RATES))
            blocks += [f"{which.capitalize()} data (table {number}):", tables[f"table{number}"]]
        shown_classes, sections = class_figures(dataset.labels, predictions, dataset.class_names, _RATES_A_CLASS), []
        tables["classes"] = shown_classes
        best = settings.classifier if settings.classifier in settings.classifiers else settings.classifiers[0]
        for which, number in zip(SETS, (5, 4), strict=True):
            mine = shown_classes[shown_classes["arm"] == f"{best}, {which}"]
            rates = mine[["arm", "class", "repeat", "fold"]].assign(**{k: mine[of] for k, of in CLASS_RATES.items()})
            told = mean_and_spread(rates, by=("arm", "class")).droplevel("arm")
            bars = pictures.class_bars(rates.groupby("class", sort=False)[list(CLASS_RATES)].mean())
            sections.append(Section(f"{best} by class, {which} data (figure {number})", [bars, told]))
        found = Findings(
            result={"table": shown.to_dict("index")},
            tables=tables,
            sections=[
                Section("Ten classifiers (tables 8 and 9)", blocks),
                *sections,
                answers.section(
                    dataset.labels, predictions, dataset.class_names, [f"{best}, {which}" for which in SETS]
                ),
            ],
        )
        pairs = {f"{name}, balanced": f"{name}, original" for name in settings.classifiers}
        return question.answered(self.question, found, dataset, predictions, pairs)


_RATES_A_CLASS = ("accuracy", "TPR", "TNR")
_CLASSIFIERS = (
    "In per cent, mean ± standard deviation over the folds; each figure is the mean over the classes. To the right of "
    "each the paper's: another data set, split after it was balanced."
)


def gan_table(qualities: Sequence[Mapping[str, Any]], figures: Mapping[str, tuple[str, float]]) -> pd.DataFrame:
    """Return one row a GAN, and one of real crops in the place of patches: figures beside the paper's."""
    rows = []
    for each in qualities:
        place = {"repeat": each["repeat"], "fold": each["fold"]}
        for gan, values in ((each["gan"], each), (REAL, each["floor"])):
            given = {name: unit * values.get(key, np.nan) for name, (key, unit) in figures.items()}
            rows.append({"arm": gan} | place | given)
    shown = mean_and_spread(pd.DataFrame(rows), digits=3).rename_axis("GAN")
    ordered = shown.loc[[name for name in shown.index if name != REAL] + [REAL]]
    return beside(ordered, GANS, list(figures))


def _gans_told(qualities: Sequence[Mapping[str, Any]], six: pd.DataFrame, seven: pd.DataFrame) -> list[Block]:
    missing = {key.upper(): why for each in qualities for key, why in each["missing"].items()}
    return [
        f"Patches against held-out crops of the fold, mean ± standard deviation over the folds. FID by "
        f"{qualities[0]['extractor']}: another network's, or another number of patches', cannot be compared with it. "
        "Precision, F1 and recall (per cent) and the inception score by a network of the fold's training crops; no "
        "score can exceed the number of classes, as the paper's 14.52 of 12 does. PSNR, SSIM, l1, l2 and LPIPS between "
        "each patch and the nearest training crop: they tell copies, not quality.",
        six,
        seven,
        *(f"{name}: {why}." for name, why in missing.items()),
    ]


def _merged(told: Mapping[str, Any]) -> list[Block]:
    if not told:
        return ["The project was not made by a merge of sources (`merge`)."]
    sources = pd.DataFrame(told["sources"]).set_index("name")[["images", "objects"]].rename_axis("source")
    types = pd.DataFrame(told["types"]).T.rename_axis("type")[["class", "before", "after"]]
    return [
        f"{told['identical']} objects were left out as pixel-identical copies and {told['near_identical']} as nearly "
        f"identical ones, {told['conflicts']} of them of another class than the one kept. Groups of different sources "
        "are different groups.",
        sources,
        "Objects of every type as they came and without copies (tables 1 and 2):",
        types,
    ]
