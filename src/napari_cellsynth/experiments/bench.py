"""Where the tasks of an experiment are done: what lies in their folders, and what a fold lets its tasks see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.experiments.dataset import Dataset, Fold
from napari_cellsynth.experiments.design import ClassifierTask, Sample, Task
from napari_cellsynth.imaging.crop import intensity_range

DONE = "done.json"
"""Written last: a task whose folder has it is never done again."""

PREDICTIONS, THRESHOLDS = "probabilities.npy", "thresholds.npy"
TRAINING, MADE, ASKED = "training", "made", "asked"
"""Answers beside those of the test crops: on the crops learned from, and on synthetic patches that count or do not."""


@dataclass(frozen=True)
class Bench:
    """Where tasks are done: the data set, the experiment's folder of tasks, and the device."""

    dataset: Dataset
    folder: Path
    device: torch.device
    as_published: bool = False
    """Folds by crop, as some papers have them: groups may be on both sides."""

    def is_done(self, task: Task) -> bool:
        """Return whether the task was done before."""
        return (self.folder / task.id / DONE).is_file()

    def result(self, task: Task) -> dict[str, Any]:
        """Return what a finished task told: seconds and the like."""
        told: dict[str, Any] = json.loads((self.folder / task.id / DONE).read_text(encoding="utf-8"))
        return told

    def probabilities(self, task: ClassifierTask) -> NDArray[np.float64]:
        """Return a finished classifier's predictions (n, K) of its fold's test crops."""
        found: NDArray[np.float64] = np.load(self.folder / task.id / PREDICTIONS, allow_pickle=False).astype(float)
        return found

    def thresholds(self, task: ClassifierTask) -> tuple[float, ...] | None:
        """Return from which probability on a finished classifier gives each of several classes; None of one class."""
        file = self.folder / task.id / THRESHOLDS
        return tuple(np.load(file, allow_pickle=False).tolist()) if file.is_file() else None

    def answers(self, task: ClassifierTask, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Return positions or classes, and answers, of `TRAINING` or `MADE`; None where they were not asked for."""
        file = self.folder / task.id / f"{name}.npz"
        if not file.is_file():
            return None
        with np.load(file, allow_pickle=False) as held:
            return held["of"], held["probabilities"].astype(float)


def learned_from(data: Dataset, fold: Fold, sample: Sample) -> NDArray[np.int64]:
    """Return the positions that an arm learns from: smaller samples are parts of larger ones."""
    chosen = []
    for number in range(len(data.class_names)):
        members = fold.train[data.has(number, fold.train)]
        order = np.random.default_rng((fold.repeat, fold.number, number)).permutation(members)
        count = max(2, round(len(members) * sample.share))
        chosen.append(order[: min(count, sample.most) if sample.most else count])
    return np.unique(np.concatenate(chosen))


def fold_range(data: Dataset, fold: Fold) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the intensity range a channel, from the fold's training crops alone."""
    return intensity_range([data.crops[number] for number in fold.train])
