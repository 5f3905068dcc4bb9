"""The protein paper's experiment (S1): enhancements compared, and backbones with and without patches of GANs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES
from napari_cellsynth.evaluate import multi_label, scores
from napari_cellsynth.evaluate.report import Block, Section
from napari_cellsynth.experiments import answers, question
from napari_cellsynth.experiments.analysis import Predictions
from napari_cellsynth.experiments.dataset import Dataset, part_of
from napari_cellsynth.experiments.design import Arm, Design, Generator, Synthetic
from napari_cellsynth.experiments.protein_published import CLASSICAL, ENHANCEMENT, WHOLE, WITH_GAN
from napari_cellsynth.experiments.protocol import Findings, Outcome, Protocol, Settings, known_changes
from napari_cellsynth.experiments.tables import beside, mean_and_spread
from napari_cellsynth.imaging.enhance import Method, effects
from napari_cellsynth.project import Project
from napari_cellsynth.synthesis.recipes import GAN_RECIPES

LARGEST = 5
SETS = ("classical", "+ GAN")
FIGURES = ("macro F1", "micro F1", "accuracy")
COLUMNS = tuple(f"{name}, {part}" for name in FIGURES for part in ("train", "test"))
_FRAMES = 100


class ProteinSettings(Settings):
    """The protocol's settings."""

    mode: Literal["5-class", "28-class"] = Field(
        "5-class", description="The five largest classes, with and without GANs; or all classes, without GANs."
    )
    gan_seeds: int = Field(1, ge=1, le=50, description="GANs trained for each fold.")
    seeds: int = Field(1, ge=1, le=50, description="Classifiers trained for each fold (and GAN).")
    gan: str = Field("dcgan-protein", description="The GAN recipe, by name.")
    classifier: str = Field("", description="Not used: the backbones are compared.")
    backbones: list[str] = Field(
        default_factory=list, description="The classifier recipes, by name; the paper's of the mode when empty."
    )
    size: Literal[32, 64, 128, 256, 512] = Field(512, description="Side of the patches in pixels.")
    synthetic: int = Field(1000, ge=1, description="Synthetic patches a class.")
    enhance: Method = Field("clahe", description="How the contrast of every frame is evened out first.")
    keep: Literal["last", "least-loss", "best-macro-f1", "best-micro-f1"] = Field(
        "best-macro-f1", description="Which of the paper's checkpoints is tested; judged by training groups set aside."
    )


class ProteinAugmentation(Protocol):
    """Enhancements, and classical augmentation with and without GANs."""

    name = "protein-augmentation"
    question = "Do patches of a GAN a class help backbones beyond classical augmentation?"
    title = "Protein images: enhancement, and augmentation with and without GANs"
    source = "S1, section 4 and tables 1 to 3"
    settings = ProteinSettings
    leaks = "folds by crop, and the GANs learned from the test crops too"
    several = True
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "smoke": {
            "folds": 2,
            "most": 40,
            "size": 128,
            "synthetic": 10,
            "keep": "last",
            "gan_changes": {"steps": 6, "batch": 4, "width": 4},
            "classifier_changes": {"epochs": 1, "epoch_steps": 2, "batch": 4, "pretrained": False},
        },
        "small": {
            "folds": 3,
            "most": 2000,
            "size": 128,
            "synthetic": 200,
            "gan_changes": {"steps": 1000},
            "classifier_changes": {"epochs": 10},
        },
        "full": {},
    }

    def design(self, settings: ProteinSettings, dataset: Dataset) -> Design:
        """Return every backbone with classical augmentation, and with patches of GANs as well."""
        five, names = settings.mode == "5-class", backbones(settings)
        of_mode = {"lr": 1e-4, "epochs": 50} if five else {}
        given = of_mode | {"keep": settings.keep, "augmentation": "S1"} | settings.classifier_changes
        changes = known_changes(names, CLASSIFIER_RECIPES, given)
        gan_changes = known_changes([settings.gan], GAN_RECIPES, settings.gan_changes)[settings.gan]
        generator = Generator(recipe=settings.gan, changes=gan_changes, leaky=settings.as_published)
        more = {"classical": None, "+ GAN": Synthetic(generator=generator, count=settings.synthetic)}
        arms = tuple(
            Arm(
                name=f"{name}, {which}",
                recipe=name,
                changes=changes[name],
                synthetic=more[which],
                answers_training=True,
            )
            for name in names
            for which in (SETS if five else SETS[:1])
        )
        return Design(arms=arms, gan_seeds=settings.gan_seeds, seeds=settings.seeds)

    def narrowed(self, settings: ProteinSettings, dataset: Dataset) -> Dataset:
        """Return the five largest classes, where five are asked for and none are named."""
        if settings.mode != "5-class" or settings.classes or len(dataset.class_names) <= LARGEST:
            return dataset
        counts = dataset.counts()
        largest = sorted(np.argsort(-counts, kind="stable")[:LARGEST].tolist())
        return part_of(dataset, np.arange(len(dataset)), largest)

    def cutting(self, settings: ProteinSettings) -> dict[str, Any]:
        """Return the enhancement of every frame."""
        return {"enhance": settings.enhance}

    def look(self, settings: ProteinSettings, project: Project, object_ids: Sequence[int]) -> dict[str, Any]:
        """Return how far each enhancement takes the frames of these objects from what they were."""
        objects = project.objects().loc[list(object_ids), ["image_id", "frame"]].drop_duplicates()
        places = objects.sample(min(_FRAMES, len(objects)), random_state=settings.seed)
        rows = []
        for image_id, frame in places.itertuples(index=False):
            for plane in project.frame(int(image_id), int(frame)):
                name = f"Frame {frame + 1} of image {image_id}"
                rows += [effect._asdict() for effect in effects(plane, name=name)]
        table = pd.DataFrame(rows).replace([np.inf, -np.inf], np.nan)
        means, spreads = (table.groupby("method", sort=False).agg(how) for how in ("mean", "std"))
        return {"frames": len(places), "mean": _plain(means), "spread": _plain(spreads)}

    def conclude(self, settings: ProteinSettings, dataset: Dataset, outcome: Outcome) -> Findings:
        """Return the table of enhancements and the tables of the classifiers."""
        found = self.analyse(settings, dataset, outcome.predictions)
        table = enhancements(outcome.looked)
        told = (
            f"Means ± standard deviations over {outcome.looked['frames']} frames, channel by channel, on 0 … 255. "
            f"Crops were cut out of frames enhanced by: {settings.enhance}."
        )
        return Findings(
            result=found.result | {"enhancement": outcome.looked["mean"]},
            tables=found.tables | {"enhancement": table},
            sections=[*found.sections, Section("Enhancement (section 4.1)", [told, table])],
        )

    def analyse(self, settings: ProteinSettings, dataset: Dataset, predictions: Sequence[Predictions]) -> Findings:
        """Return tables 2 and 3, or table 1."""
        table = figures(dataset.labels, predictions)
        shown = mean_and_spread(table)
        told = _SEVERAL if dataset.several else _ONE
        names, tables = backbones(settings), {"scores": table}
        blocks: list[Block] = [_TOLD + told]
        if settings.mode == "5-class":
            for which, paper, number in zip(SETS, (CLASSICAL, WITH_GAN), (2, 3), strict=True):
                part = shown.loc[[f"{name}, {which}" for name in names]].set_axis(names).rename_axis("backbone")
                tables[f"table{number}"] = beside(part, paper, COLUMNS)
                augmented = "Classical augmentation" if which == "classical" else "With synthetic patches"
                blocks += [f"{augmented} (table {number}):", tables[f"table{number}"]]
        else:
            part = shown.loc[[f"{name}, {SETS[0]}" for name in names]].set_axis(names).rename_axis("backbone")
            tables["table1"] = beside(part, WHOLE[256 if settings.size <= 256 else 512], COLUMNS)
            blocks += ["All classes (table 1):", tables["table1"]]
        drawn = answers.section(
            dataset.labels, predictions, dataset.class_names, [f"{names[0]}, {which}" for which in SETS]
        )
        found = Findings(
            result={"table": shown.to_dict("index")}, tables=tables, sections=[Section("Classifiers", blocks), drawn]
        )
        if settings.mode == "5-class" and not dataset.several:
            pairs = {f"{name}, + GAN": f"{name}, classical" for name in names}
            return question.answered(self.question, found, dataset, predictions, pairs)
        words, result = question.greatest(table, "macro F1, test")
        asked = self.question if settings.mode == "5-class" else _WHOLE
        first = question.section(asked, words)
        return found.model_copy(update={"result": result | found.result, "sections": [first, *found.sections]})


_TOLD = (
    "Mean ± standard deviation over the folds; “train” are the crops that were learned from, as they are, “test” those "
    "of the fold. Macro F1 is the paper's: the harmonic mean of mean precision and mean recall (equation 8). To the "
    "right of each the paper's: another data set, with several labels an image. "
)
_WHOLE = "How well do backbones tell all classes apart?"
_ONE = "Micro F1 of single labels equals the accuracy."
_SEVERAL = (
    "A class is given from the probability on that was best for F1 on training groups set aside. Accuracy is the share "
    "of right answers (has the class, or has it not), as the paper's is. A synthetic patch is taught as having the "
    "class that it was made for and no other."
)


def backbones(settings: ProteinSettings) -> list[str]:
    """Return the recipes that are compared: those given, else the paper's of the mode."""
    return settings.backbones or list(CLASSICAL if settings.mode == "5-class" else WHOLE[512])


def figures(labels: NDArray[np.int64], predictions: Sequence[Predictions]) -> pd.DataFrame:
    """Return one row a trained classifier: S1's macro F1, micro F1 and accuracy on training and on test crops."""
    rows = []
    for each in predictions:
        assert each.training is not None
        learned, p = each.training
        row: dict[str, Any] = {"arm": each.arm, "repeat": each.fold.repeat, "fold": each.fold.number}
        for part, (true, told) in {"train": (labels[learned], p), "test": each.tested(labels)}.items():
            pred = told.argmax(axis=1) if true.ndim == 1 else multi_label.answers(told, each.thresholds).astype(int)
            row[f"macro F1, {part}"] = scores.macro_f1_of_means(true, pred)
            row[f"micro F1, {part}"] = scores.micro_f1(true, pred)
            row[f"accuracy, {part}"] = (scores.accuracy if true.ndim == 1 else multi_label.label_accuracy)(true, pred)
        rows.append(row)
    return pd.DataFrame(rows)


def enhancements(looked: dict[str, Any] | Any) -> pd.DataFrame:
    """Return the table of enhancements: mean squared error, PSNR in dB and SSIM, beside what the paper tells."""
    digits = {"mse": 1, "psnr": 2, "ssim": 3}
    rows = {
        method.upper(): {
            name.upper(): "–" if value is None else f"{value:.{digits[name]}f} ± {spread or 0:.{digits[name]}f}"
            for (name, value), spread in zip(means.items(), looked["spread"][method].values(), strict=True)
        }
        for method, means in looked["mean"].items()
    }
    table = pd.DataFrame(rows).T.rename_axis("enhancement")
    return beside(table, ENHANCEMENT, list(table.columns))


def _plain(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Return figures as JSON values, None for what is not defined."""
    return {
        str(row): {str(name): None if value != value else float(value) for name, value in values.items()}
        for row, values in table.to_dict("index").items()
    }
