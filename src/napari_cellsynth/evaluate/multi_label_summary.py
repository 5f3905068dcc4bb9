"""Every figure of a held-out test in which objects have several classes, in one dictionary of plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.evaluate import multi_label, score_curves, scores
from napari_cellsynth.evaluate.summary import POINTS, THRESHOLDS, Figure, add_intervals, plain, row

OF_ANSWERS: dict[str, Figure] = {
    "macro_f1": scores.macro_f1,
    "micro_f1": scores.micro_f1,
    "macro_f1_of_means": scores.macro_f1_of_means,
    "balanced_accuracy": multi_label.balanced_accuracy,
    "subset_accuracy": scores.accuracy,
    "label_accuracy": multi_label.label_accuracy,
    "hamming_loss": multi_label.hamming_loss,
}
OF_PROBABILITIES: dict[str, Figure] = {"roc_auc": scores.roc_auc, "log_loss": multi_label.log_loss}


def summarise_multi_label(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    class_names: Sequence[str],
    thresholds: Sequence[float],
    *,
    groups: ArrayLike | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Score predicted probabilities of real held-out objects that have several classes each.

    Parameters
    ----------
    y_true : array_like of 0/1, shape (N, K)
        The classes that the objects have.
    probabilities : array_like of float, shape (N, K)
        Predicted probability of each class.
    class_names : sequence of str, length K
        Names of the classes.
    thresholds : sequence of float, length K
        From which probability on a class is given.
    groups, repeats, seed
        As of `summary.summarise`.

    Returns
    -------
    dict
        ``multi_label`` (True), ``n``, ``thresholds``, ``macro_f1``, ``micro_f1``, ``macro_f1_of_means``,
        ``balanced_accuracy`` (mean of TPR and TNR over the classes), ``subset_accuracy`` (all K answers right),
        ``label_accuracy`` (S1's accuracy), ``hamming_loss``, ``roc_auc``, ``log_loss``; ``per_class`` (with ``AUC``,
        ``threshold`` and the counts ``TP``, ``FN``, ``FP``, ``TN`` too), ``roc``, ``answered``, ``intervals`` and
        ``notices`` as of `summary.summarise`. There is no confusion matrix: a class is not taken for another one.
    """
    true, p = np.asarray(y_true, dtype=bool), np.asarray(probabilities, dtype=np.float64)
    pred = multi_label.answers(p, thresholds)
    given = dict.fromkeys(OF_ANSWERS, pred) | dict.fromkeys(OF_PROBABILITIES, p)
    figures = OF_ANSWERS | OF_PROBABILITIES
    unseen = [name for name, column in zip(class_names, true.T, strict=True) if not column.any()]
    result: dict[str, Any] = {
        "multi_label": True,
        "n": len(true),
        "thresholds": [float(each) for each in thresholds],
        **{name: plain(figure(true, given[name])) for name, figure in figures.items()},
        "per_class": _per_class(true, pred, p, class_names, thresholds),
        **_curves(true, pred, p, thresholds),
        "intervals": {},
        "notices": [],
    }
    if unseen:
        result["notices"].append(f"No held-out object has {', '.join(unseen)}.")
    if groups is not None:
        add_intervals(result, figures, true, given, groups=groups, repeats=repeats, seed=seed)
    return result


def _per_class(
    true: NDArray[np.bool_],
    pred: NDArray[np.bool_],
    p: NDArray[np.float64],
    class_names: Sequence[str],
    thresholds: Sequence[float],
) -> list[dict[str, Any]]:
    table = scores.per_class(true, pred, list(class_names))
    rows = []
    for k, (name, rates) in enumerate(zip(class_names, table.to_dict("records"), strict=True)):
        t, q = true[:, k], pred[:, k]
        counts = {"TP": t & q, "FN": t & ~q, "FP": ~t & q, "TN": ~t & ~q}
        told = rates | {"AUC": scores.roc_auc(t, p[:, k]), "threshold": float(thresholds[k])}
        told |= {word: int(mask.sum()) for word, mask in counts.items()}
        rows.append({"class": name, **{key: plain(value) for key, value in told.items()}})
    return rows


def _curves(
    true: NDArray[np.bool_], pred: NDArray[np.bool_], p: NDArray[np.float64], thresholds: Sequence[float]
) -> dict[str, Any]:
    curves = [score_curves.roc_curve(true[:, k], p[:, k], points=POINTS) for k in range(p.shape[1])]
    sure, right = multi_label.certainty(p, thresholds).confidence, (true == pred).all(axis=1)
    kept = [sure >= threshold for threshold in THRESHOLDS]
    return {
        "roc": [{"fpr": row(curve.fpr), "tpr": row(curve.tpr)} for curve in curves],
        "answered": {
            "threshold": THRESHOLDS,
            "share": [plain(float(each.mean()) if len(each) else math.nan) for each in kept],
            "accuracy": [plain(float(right[each].mean()) if each.any() else math.nan) for each in kept],
        },
    }
