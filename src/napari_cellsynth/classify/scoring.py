"""The end of every classifier's training: what it said about the held-out crops is kept, scored and shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.evaluate.held_out import write_held_out
from napari_cellsynth.evaluate.multi_label_summary import summarise_multi_label
from napari_cellsynth.evaluate.score_figures import mistakes_figure, worst
from napari_cellsynth.evaluate.summary import summarise
from napari_cellsynth.training.loader import CropStore

MISTAKES_FILE = "mistakes.png"


def score(
    folder: Path,
    store: CropStore,
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    class_names: Sequence[str],
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
    thresholds: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Score a classifier on held-out crops; its answers and a page of its mistakes go into the run's folder.

    Parameters
    ----------
    folder : Path
        The run's folder; gets ``held_out.npz`` and, where there are mistakes, ``mistakes.png``.
    store : CropStore
        The N held-out crops.
    labels : ndarray of int, shape (N,) or (N, K)
        Their labels (`targets`).
    probabilities : ndarray of float32, shape (N, K)
        Calibrated answers.
    class_names : sequence of str, length K
        Names of the classes.
    groups, seed
        See `evaluate.summary.summarise`, whose dictionary is returned.
    thresholds : sequence of float, length K, optional
        Of a classifier that gives an object several classes: `multi_label_summary.summarise_multi_label` is returned.
    """
    write_held_out(folder, labels, probabilities)
    wrong = worst(labels, probabilities, thresholds=thresholds)
    if len(wrong):
        patches = store.grid(torch.from_numpy(wrong).to(store.device), 1)[:, 0].float().cpu().numpy()
        figure = mistakes_figure(patches, labels[wrong], probabilities[wrong], class_names, thresholds)
        figure.savefig(folder / MISTAKES_FILE, format="png", dpi=110)
    if thresholds is not None:
        return summarise_multi_label(labels, probabilities, class_names, thresholds, groups=groups, seed=seed)
    return summarise(labels, probabilities, class_names, groups=groups, seed=seed)
