"""How long the trainings of an experiment take on this machine, from a few timed steps of each recipe."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.classify import train as classifier_training
from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.classify.schedules import epochs_of
from napari_cellsynth.events import Progress, Stop, never
from napari_cellsynth.experiments.dataset import Dataset
from napari_cellsynth.experiments.design import Arm, ClassifierTask, GanTask, Plan, Sample
from napari_cellsynth.synthesis.pace import seconds_a_step
from napari_cellsynth.synthesis.recipe_base import GanRecipe
from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.training.loader import CropStore

_SECONDS = 3.0
"""A classifier's steps are timed for so long."""
_MOST_CROPS = 200
"""A classifier that learns from features is timed on so many crops; the others are taken to cost as much each."""


def seconds_of(
    plan: Plan, dataset: Dataset, channels: int, device: torch.device, *, stop: Stop = never
) -> Generator[Progress, None, float | None]:
    """Return how many seconds the trainings of a plan take, one after the other; None when stopped.

    Every recipe of the plan is timed once on random pixels, a few seconds each. Predictions of the test crops, drawing
    and checkpoints are left out.

    Parameters
    ----------
    plan : Plan
        What would be trained.
    dataset : Dataset
        On what; its ``size`` is the side of the patches, and crops are not needed.
    channels : int
        Channels of its crops.
    device : torch.device
        Where.
    stop : callable
        Asked between steps.

    Yields
    ------
    Progress
        Before each recipe, by name.
    """
    # Comparing GANs trains nothing.
    tasks = [task for task in plan.tasks if isinstance(task, GanTask | ClassifierTask)]
    first: dict[str, GanTask | ClassifierTask] = {}
    for task in tasks:
        first.setdefault(_kind(task), task)
    pace: dict[str, float] = {}
    for kind, task in first.items():
        name = task.generator.recipe if isinstance(task, GanTask) else task.arm.recipe
        yield Progress(len(pace), len(first), "recipes", f"timing {name}")
        took = None if stop() else _pace(task, dataset, channels, device, stop)
        if took is None:
            return None
        pace[kind] = took
    return sum(pace[_kind(task)] * _units(task, dataset) for task in tasks)


def _kind(task: GanTask | ClassifierTask) -> str:
    """Return what two tasks share where a step of one takes as long as a step of the other."""
    if isinstance(task, GanTask):
        return json.dumps([task.generator.recipe, task.generator.changes, len(task.classes)], sort_keys=True)
    return json.dumps([task.arm.recipe, task.arm.changes], sort_keys=True)


def _pace(
    task: GanTask | ClassifierTask, dataset: Dataset, channels: int, device: torch.device, stop: Stop
) -> float | None:
    """Return the seconds a unit of a task takes; None when stopped."""
    if isinstance(task, GanTask):
        return seconds_a_step(_gan_recipe(task, dataset), channels, device, len(task.classes), stop=stop)
    return _timed(task.arm, dataset, min(_learned(task, dataset), _MOST_CROPS), channels, device, stop)


def _units(task: GanTask | ClassifierTask, dataset: Dataset) -> int:
    """Return the steps of a network's training, or the crops that another classifier learns from."""
    if isinstance(task, GanTask):
        return _gan_recipe(task, dataset).steps
    recipe = classifier_recipe(task.arm.recipe, **({"size": dataset.size} | task.arm.changes))
    crops = _learned(task, dataset)
    return epochs_of(recipe, crops).steps if isinstance(recipe, NetworkRecipe) else crops


def _gan_recipe(task: GanTask, dataset: Dataset) -> GanRecipe:
    return gan_recipe(task.generator.recipe, **({"size": dataset.size} | task.generator.changes))


def _learned(task: ClassifierTask, dataset: Dataset) -> int:
    return _crops(task.arm.sample, dataset.counts(task.fold.train))


def _timed(arm: Arm, dataset: Dataset, crops: int, channels: int, device: torch.device, stop: Stop) -> float | None:
    """Return the seconds a step of a network's training, or a crop of another classifier's; None when stopped."""
    recipe = classifier_recipe(arm.recipe, **({"size": dataset.size} | arm.changes))
    classes = len(dataset.class_names)
    crops = max(crops, 4 * classes)
    rng = np.random.default_rng(0)
    patches = rng.uniform(-1, 1, (crops, channels, dataset.size, dataset.size)).astype(np.float32)
    store = CropStore.from_patches(patches, device)
    began, first, last = time.monotonic(), (0.0, 0), (0.0, 0)

    def enough() -> bool:
        return stop() or (isinstance(recipe, NetworkRecipe) and last[1] > first[1] and last[0] > _SECONDS)

    labels = np.arange(crops, dtype=np.int64) % classes
    with tempfile.TemporaryDirectory() as folder:
        for event in classifier_training.train(
            store, labels, dataset.class_names, recipe, Path(folder), device=device, stop=enough
        ):
            if isinstance(event, Progress) and event.unit == "steps":
                last = time.monotonic() - began, event.done
                first = first if first[1] else last
        took = time.monotonic() - began
    if stop():
        return None
    if not isinstance(recipe, NetworkRecipe):
        return took / crops
    if last[1] > first[1]:  # the first steps are slower: there is much to set up
        return (last[0] - first[0]) / (last[1] - first[1])
    return took / max(1, last[1])


def _crops(sample: Sample, members: NDArray[np.int64]) -> int:
    """Return how many crops an arm learns from, given those of each class."""
    counts = [max(2, round(n * sample.share)) for n in members.tolist()]
    return sum(min(n, sample.most) if sample.most else n for n in counts)
