"""How long the trainings of an experiment take on this machine, from a few timed steps of each recipe."""

from __future__ import annotations

import json
import tempfile
import time
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
from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.training.loader import CropStore

_SECONDS = 3.0
"""A classifier's steps are timed for so long."""
_MOST_CROPS = 200
"""A classifier that learns from features is timed on so many crops; the others are taken to cost as much each."""


def seconds_of(
    plan: Plan, dataset: Dataset, channels: int, device: torch.device, *, stop: Stop = never
) -> float | None:
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
    """
    known: dict[str, float | None] = {}
    total = 0.0
    for task in plan.tasks:
        if stop():
            return None
        if isinstance(task, GanTask):
            settings = {"size": dataset.size} | task.generator.changes
            recipe = gan_recipe(task.generator.recipe, **settings)
            key = recipe.model_dump_json() + str(len(task.classes))
            if key not in known:
                known[key] = seconds_a_step(recipe, channels, device, len(task.classes), stop=stop)
            pace = known[key]
            total += 0.0 if pace is None else pace * recipe.steps
        elif isinstance(task, ClassifierTask):  # comparing GANs trains nothing
            total += _of_classifier(task, dataset, channels, device, known, stop)
        if None in known.values():
            return None
    return total


def _of_classifier(
    task: ClassifierTask,
    dataset: Dataset,
    channels: int,
    device: torch.device,
    known: dict[str, float | None],
    stop: Stop,
) -> float:
    """Return the seconds of a classifier's training, from a timed one of the same recipe."""
    recipe = classifier_recipe(task.arm.recipe, **({"size": dataset.size} | task.arm.changes))
    crops = _crops(task.arm.sample, np.bincount(dataset.labels[task.fold.train]))
    key = json.dumps([task.arm.recipe, task.arm.changes], sort_keys=True)
    if key not in known:
        known[key] = _timed(task.arm, dataset, min(crops, _MOST_CROPS), channels, device, stop)
    units = epochs_of(recipe, crops).steps if isinstance(recipe, NetworkRecipe) else crops
    return units * (known[key] or 0.0)


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
