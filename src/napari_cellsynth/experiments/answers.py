"""What arms answer about held-out crops, as figures of a report: confusion matrices, ROC and calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.evaluate import scores
from napari_cellsynth.evaluate.figures import COLOURS, blank, confusion_figures, literal
from napari_cellsynth.evaluate.multi_label import HALF
from napari_cellsynth.evaluate.multi_label_summary import summarise_multi_label
from napari_cellsynth.evaluate.report import Block, Section
from napari_cellsynth.evaluate.score_curves import reliability, roc_curve
from napari_cellsynth.evaluate.score_figures import curves_figure, square
from napari_cellsynth.evaluate.summary import summarise
from napari_cellsynth.experiments.analysis import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Answers = tuple[NDArray[np.int64], NDArray[np.float64]]

COUNTS = ("TP", "FN", "FP", "TN")
_GRID = np.linspace(0, 1, 101)
_TOLD = (
    "Answers about the test crops of all folds together. Counts are means over seeds and repeats, so that every crop "
    "counts once; a row's shares add up to one. A curve averages the classes, each against the rest; a calibrated "
    "classifier lies on the diagonal, and larger dots hold more crops."
)


_TOLD_SEVERAL = (
    "Answers about the test crops of all folds and seeds together, of each class: crops that have it and are given it "
    "(TP), or not (FN), and the others (FP, TN)."
)


def section(
    labels: NDArray[np.int64], predictions: Sequence[Predictions], class_names: Sequence[str], arms: Sequence[str]
) -> Section:
    """Return the section of a report that shows how some arms err.

    Parameters
    ----------
    labels : ndarray of int64, shape (N,) or (N, K)
        The classes of all crops; where they may have several, each class has its own four counts.
    predictions : sequence of Predictions
        Of the outer folds.
    class_names : sequence of str, length K
        Names of the classes.
    arms : sequence of str
        The arms to show; those without predictions are left out.
    """
    if labels.ndim == 2:
        return _several(labels, predictions, class_names, arms)
    told = {arm: pooled(labels, predictions, arm) for arm in dict.fromkeys(arms) if _of(predictions, arm)}
    matrices = {arm: mean_confusion(labels, predictions, arm, len(class_names)) for arm in told}
    blocks: list[Block] = [_TOLD, *confusion_figures(matrices, class_names), _arms_figure(told)]
    for arm, (true, p) in told.items():
        blocks += [f"Class by class, {arm}:", curves_figure(summarise(true, p, class_names), class_names)]
    return Section("Confusion, ROC and calibration", blocks)


def pooled(labels: NDArray[np.int64], predictions: Sequence[Predictions], arm: str) -> Answers:
    """Return the true classes (n,) and probabilities (n, K) of an arm over all its folds, repeats and seeds."""
    told = [each.tested(labels) for each in _of(predictions, arm)]
    return np.concatenate([true for true, _ in told]), np.concatenate([p for _, p in told])


def mean_confusion(
    labels: NDArray[np.int64], predictions: Sequence[Predictions], arm: str, classes: int
) -> NDArray[np.int64]:
    """Return an arm's confusion counts (K, K), rows true, in which every test crop counts once.

    What seeds and repeats disagree about is averaged and rounded, each class keeping its number of crops.
    """
    mine = _of(predictions, arm)
    counts = sum(
        scores.confusion(true, p.argmax(axis=1), range(classes)) for true, p in (e.tested(labels) for e in mine)
    )
    passes = len(mine) / max(1, len({each.fold.number for each in mine}))
    return np.stack([_rounded(row) for row in np.asarray(counts, float) / passes])


def _rounded(row: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round numbers so that their sum stays what it is, to the next whole number (largest remainders)."""
    whole = np.floor(row).astype(np.int64)
    rest = round(float(row.sum())) - int(whole.sum())
    whole[np.argsort(whole - row, kind="stable")[:rest]] += 1
    return whole


def _several(
    labels: NDArray[np.int64], predictions: Sequence[Predictions], class_names: Sequence[str], arms: Sequence[str]
) -> Section:
    blocks: list[Block] = [_TOLD_SEVERAL]
    for arm in dict.fromkeys(arms):
        if not (mine := _of(predictions, arm)):
            continue
        true, p = pooled(labels, predictions, arm)
        # Each classifier has its own thresholds: taken off, all answers begin at one half.
        moved = [each.tested(labels)[1] - np.array(each.thresholds or HALF) + HALF for each in mine]
        given = summarise_multi_label(true, np.concatenate(moved), class_names, [HALF] * len(class_names))
        scored = summarise_multi_label(true, p, class_names, [HALF] * len(class_names))
        counts = pd.DataFrame(given["per_class"]).set_index("class")[[*COUNTS, "TPR", "PPV", "F1"]]
        counts["AUC"] = [row["AUC"] for row in scored["per_class"]]
        blocks += [f"{arm}:", counts.round(3), curves_figure(scored, class_names)]
    return Section("Class by class, ROC", blocks)


def _of(predictions: Sequence[Predictions], arm: str) -> list[Predictions]:
    return [each for each in predictions if each.arm == arm]


def _arms_figure(told: Mapping[str, Answers]) -> Figure:
    figure = blank(9, 4)
    roc, calibration = figure.subplots(1, 2)
    for number, (arm, (true, p)) in enumerate(told.items()):
        look = {"color": COLOURS[number % len(COLOURS)], "linewidth": 1.4}
        area, error = scores.roc_auc(true, p), scores.expected_calibration_error(true, p)
        roc.plot(_GRID, _mean_curve(true, p), label=literal(f"{arm}: area {area:.3f}"), **look)
        _draw_calibration(calibration, true, p, f"{arm}: error {error:.3f}", look)
    square(roc, "false positive rate", "true positive rate", "ROC, mean over the classes")
    square(calibration, "confidence", "share right", "calibration")
    for axes, place in ((roc, "lower right"), (calibration, "upper left")):
        axes.legend(frameon=False, fontsize=7, loc=place)
    return figure


def _mean_curve(true: NDArray[np.int64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the true positive rate at the rates of `_GRID`, a mean over the classes that were tested."""
    curves = [roc_curve(true == k, p[:, k]) for k in range(p.shape[1])]
    heights = [np.interp(_GRID, curve.fpr, curve.tpr) for curve in curves if len(curve.fpr)]
    return np.mean(heights, axis=0) if heights else np.full(len(_GRID), np.nan)


def _draw_calibration(
    axes: Axes, true: NDArray[np.int64], p: NDArray[np.float64], label: str, look: Mapping[str, Any]
) -> None:
    bins = reliability(true, p)
    sizes = 5 + 60 * bins.crops / max(1, int(bins.crops.max()))
    axes.plot(bins.confidence, bins.accuracy, label=literal(label), **look)
    axes.scatter(bins.confidence, bins.accuracy, sizes, color=look["color"])
