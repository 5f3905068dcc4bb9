"""What an experiment trains: arms that are compared, and the trainings that they need in every fold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.experiments.dataset import Fold
from napari_cellsynth.synthesis.recipes import GAN_RECIPES, gan_recipe


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Sample(_Part):
    """Which of a fold's training crops an arm may learn from."""

    share: float = Field(1.0, gt=0, le=1, description="share of every class's crops")
    most: int = Field(0, ge=0, description="most crops a class; 0: all")


class Generator(_Part):
    """The GAN that an arm's synthetic patches come from."""

    recipe: str
    changes: dict[str, Any] = Field(default_factory=dict, description="recipe fields that differ from its defaults")
    leaky: bool = Field(False, description="it saw the test crops too: to show what a leak would flatter by")


class Synthetic(_Part):
    """An arm's synthetic patches, counted class by class from its real crops."""

    generator: Generator
    share: float = Field(0.0, ge=0, description="patches for each real crop")
    count: int = Field(0, ge=0, description="patches a class, besides")
    fill: bool = Field(False, description="rare classes get as many as they lack to the most frequent one")
    most: float = Field(1.0, gt=0, le=1, description="with fill: to this share of the most frequent one")
    filtered: bool = Field(False, description="twice as many are drawn; copies and the least realistic are left out")

    def counts(self, real: Sequence[int]) -> list[int]:
        """Return the number of patches of each class, from its number of real crops."""
        goal = round(max(real) * self.most) if self.fill else 0
        return [round(n * self.share) + self.count + max(0, goal - n) for n in real]


class Arm(_Part):
    """One way of training a classifier."""

    name: str
    recipe: str
    changes: dict[str, Any] = Field(default_factory=dict, description="recipe fields that differ from its defaults")
    synthetic: Synthetic | None = None
    mode: Literal["mixed", "pretrained"] = "mixed"
    real: bool = Field(True, description="without it the arm learns from synthetic patches alone")
    sample: Sample = Sample()
    answers_training: bool = Field(False, description="the trained classifier is asked about its training crops too")
    tested_on_synthetic: bool = Field(False, description="tests are filled up too: a leak, as published")
    asked: Synthetic | None = Field(None, description="patches that it is asked about and has not learned from")


class Design(_Part):
    """Arms, and how often each is repeated."""

    arms: tuple[Arm, ...]
    compared: tuple[Generator, ...] = Field((), description="GANs whose patches are compared with held-out crops")
    patches: int = Field(1000, ge=10, description="patches of each compared GAN, and held-out crops, at most")
    choose: tuple[str, ...] = Field((), description="arms among which each fold chooses by its inner split")
    gan_seeds: int = Field(1, ge=1, le=100, description="GANs trained anew for each fold")
    seeds: int = Field(1, ge=1, le=100, description="classifiers trained anew for each fold (and GAN)")


@dataclass(frozen=True)
class GanTask:
    """The training of one class's GAN (of all classes', where the recipe is conditional) in one fold."""

    fold: Fold
    generator: Generator
    sample: Sample
    classes: tuple[int, ...]
    seed: int

    @property
    def id(self) -> str:
        """The task's folder: readable at its start, unique by its end."""
        which = "all" if len(self.classes) > 1 else f"c{self.classes[0]}"
        told = _digest(self.generator.model_dump(), self.sample.model_dump(), self.classes)
        return f"{self.fold.name}-gan-{which}-s{self.seed}-{told}"


@dataclass(frozen=True)
class ClassifierTask:
    """The training of one arm's classifier in one fold, and its predictions of the fold's test crops."""

    fold: Fold
    arm: Arm
    gans: tuple[GanTask, ...]
    gan_seed: int
    seed: int

    @property
    def id(self) -> str:
        """The task's folder."""
        told = _digest(self.arm.model_dump())
        return f"{self.fold.name}-classifier-g{self.gan_seed}-s{self.seed}-{told}"


@dataclass(frozen=True)
class QualityTask:
    """The comparison of a fold's generators, of one GAN or one a class: their patches beside its held-out crops."""

    fold: Fold
    gans: tuple[tuple[GanTask, ...], ...]
    patches: int
    seed: int

    @property
    def id(self) -> str:
        """The task's folder."""
        told = _digest([[gan.id for gan in each] for each in self.gans], self.patches)
        return f"{self.fold.name}-quality-s{self.seed}-{told}"


Task = GanTask | ClassifierTask | QualityTask


def tasks(design: Design, fold: Fold, classes: int, conditional: Sequence[str]) -> Iterator[Task]:
    """Yield what is to be trained in a fold, each after what it needs, and nothing twice.

    Parameters
    ----------
    design : Design
        The arms.
    fold : Fold
        The fold.
    classes : int
        Number of classes.
    conditional : sequence of str
        The GAN recipes that learn all classes together.
    """
    known: set[str] = set()
    for arm in design.arms:
        # Without synthetic patches there is no GAN whose seed could matter.
        for gan_seed in range(design.gan_seeds) if arm.synthetic else [-1]:
            gans = tuple(_gans(arm, fold, classes, conditional, max(0, gan_seed)))
            for gan in gans:
                if gan.id not in known:
                    known.add(gan.id)
                    yield gan
            for seed in range(design.seeds):
                yield ClassifierTask(fold, arm, gans, gan_seed, seed)
    for gan_seed in range(design.gan_seeds) if design.compared else []:
        every = tuple(tuple(_trained(each, Sample(), fold, classes, conditional, gan_seed)) for each in design.compared)
        for gan in (gan for gans in every for gan in gans):
            if gan.id not in known:
                known.add(gan.id)
                yield gan
        yield QualityTask(fold, every, design.patches, gan_seed)


@dataclass(frozen=True)
class Plan:
    """All trainings of an experiment, in an order in which each comes after what it needs."""

    tasks: tuple[Task, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many GANs and classifiers there are to train."""
        kinds = {"gans": GanTask, "classifiers": ClassifierTask}
        return {name: sum(isinstance(task, kind) for task in self.tasks) for name, kind in kinds.items()}


def check(design: Design, size: int) -> None:
    """Raise where an arm asks for a recipe that there is not, or for what its recipe has not.

    Raises
    ------
    UserError
        Naming the recipe or its field.
    """
    for arm in design.arms:
        classifier_recipe(arm.recipe, **({"size": size} | arm.changes))
    made = [wanted.generator for arm in design.arms if (wanted := arm.synthetic or arm.asked)]
    for generator in (*design.compared, *made):
        gan_recipe(generator.recipe, **({"size": size} | generator.changes))


def plan(design: Design, folds: Sequence[Fold], classes: int) -> Plan:
    """Return the trainings of a design in these folds."""
    conditional = [name for name, kind in GAN_RECIPES.items() if kind.conditional]
    chosen = tuple(arm for arm in design.arms if arm.name in design.choose)
    # One GAN a class will do for a choice; its classifiers are repeated as the others are.
    inner = design.model_copy(update={"arms": chosen, "gan_seeds": 1})
    made: list[Task] = []
    for fold in folds:
        made += tasks(design, fold, classes, conditional)
        if fold.inner is not None:
            made += tasks(inner, fold.inner, classes, conditional)
    return Plan(tuple(made))


def _gans(arm: Arm, fold: Fold, classes: int, conditional: Sequence[str], seed: int) -> Iterator[GanTask]:
    if wanted := arm.synthetic or arm.asked:
        yield from _trained(wanted.generator, arm.sample, fold, classes, conditional, seed)


def _trained(
    generator: Generator, sample: Sample, fold: Fold, classes: int, conditional: Sequence[str], seed: int
) -> Iterator[GanTask]:
    """Yield a generator's trainings in a fold: one, or one a class."""
    every = [tuple(range(classes))] if generator.recipe in conditional else [(number,) for number in range(classes)]
    for numbers in every:
        yield GanTask(fold, generator, sample, numbers, seed)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]
