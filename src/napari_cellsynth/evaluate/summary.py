"""Every figure of one held-out test in one dictionary of plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.evaluate import score_curves, scores
from napari_cellsynth.evaluate.statistics import group_bootstrap

Figure = Callable[..., float]

OF_ANSWERS: dict[str, Figure] = {
    "accuracy": scores.accuracy,
    "balanced_accuracy": scores.balanced_accuracy,
    "macro_f1": scores.macro_f1,
    "macro_f1_of_means": scores.macro_f1_of_means,
    "micro_f1": scores.micro_f1,
}
"""Figures of true and predicted classes, by the name that `score_words.FIGURES` explains."""
OF_PROBABILITIES: dict[str, Figure] = {
    "roc_auc": scores.roc_auc,
    "log_loss": scores.log_loss,
    "expected_calibration_error": scores.expected_calibration_error,
}
"""The same of probabilities; the calibration error's interval is wide to the top: small resamples look worse."""
POINTS = 60
THRESHOLDS = [round(0.01 * step, 2) for step in range(100)]


def summarise(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    class_names: Sequence[str],
    *,
    groups: ArrayLike | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Score predicted probabilities of real held-out objects.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
        True classes, 0..K-1.
    probabilities : array_like of float, shape (N, K)
        Predicted probabilities.
    class_names : sequence of str, length K
        Names of the classes.
    groups : array_like of shape (N,), optional
        The group of every object; gives the intervals.
    repeats, seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        ``n``, ``accuracy``, ``balanced_accuracy``, ``macro_f1``, ``macro_f1_of_means``, ``micro_f1``, ``roc_auc``,
        ``log_loss``, ``expected_calibration_error``, ``per_class`` (a list of one dictionary a class, in
        order), ``confusion`` (rows true), ``roc`` (``fpr`` and ``tpr`` of every class), ``reliability``
        (``confidence``, ``accuracy``, ``crops`` of every bin), ``answered`` (``threshold``, ``share`` and
        ``accuracy`` where answers below a confidence are withheld), ``intervals`` (95 % bounds [low, high] of
        the figures over ``groups_resampled`` groups, empty without at least two groups) and ``notices``. What
        is undefined is None.
    """
    true = np.asarray(y_true, dtype=np.int64)
    p = np.asarray(probabilities, dtype=np.float64)
    k = len(class_names)
    pred = p.argmax(axis=1)
    given = dict.fromkeys(OF_ANSWERS, pred) | dict.fromkeys(OF_PROBABILITIES, p)
    figures = OF_ANSWERS | OF_PROBABILITIES
    table = scores.per_class(true, pred, range(k))
    absent = [class_names[i] for i in range(k) if not np.any(true == i)]
    result: dict[str, Any] = {
        "n": len(true),
        **{name: plain(figure(true, given[name])) for name, figure in figures.items()},
        "per_class": [
            {"class": name, **{key: plain(value) for key, value in rates.items()}}
            for name, rates in zip(class_names, table.to_dict("records"), strict=True)
        ],
        "confusion": scores.confusion(true, pred, range(k)).tolist(),
        **_curves(true, p),
        "intervals": {},
        "notices": [],
    }
    if absent:
        result["notices"].append(f"No held-out object of {', '.join(absent)}: the averages are over the other classes.")
    if groups is not None:
        add_intervals(result, figures, true, given, groups=groups, repeats=repeats, seed=seed)
    return result


def add_intervals(
    result: dict[str, Any],
    figures: Mapping[str, Figure],
    true: NDArray[Any],
    given: Mapping[str, NDArray[Any]],
    *,
    groups: ArrayLike,
    repeats: int,
    seed: int,
) -> None:
    """Put the intervals of figures into a summary, or a notice why there are none."""
    result["groups_resampled"] = len(np.unique(np.asarray(groups)))
    if result["groups_resampled"] < 2:
        result["notices"].append("All held-out objects are of one group, so no interval can be given.")
    for name, figure in figures.items():
        interval = group_bootstrap(figure, true, given[name], groups=groups, repeats=repeats, seed=seed)
        if not math.isnan(interval.low):
            result["intervals"][name] = [interval.low, interval.high]


def _curves(true: NDArray[np.int64], p: NDArray[np.float64]) -> dict[str, Any]:
    """Return what the figures of a report and a dock are drawn from."""
    curves = [score_curves.roc_curve(true == k, p[:, k], points=POINTS) for k in range(p.shape[1])]
    bins = score_curves.reliability(true, p)
    withheld = [score_curves.answered(true, p, threshold) for threshold in THRESHOLDS]
    return {
        "roc": [{"fpr": row(curve.fpr), "tpr": row(curve.tpr)} for curve in curves],
        "reliability": {
            "confidence": row(bins.confidence),
            "accuracy": row(bins.accuracy),
            "crops": bins.crops.tolist(),
        },
        "answered": {
            "threshold": THRESHOLDS,
            "share": [plain(each.share) for each in withheld],
            "accuracy": [plain(each.accuracy) for each in withheld],
        },
    }


def row(values: NDArray[np.float64]) -> list[float]:
    """Return a curve's coordinates as JSON values."""
    return [round(float(value), 5) for value in values]


def plain(value: Any) -> Any:
    """Return a JSON value, None for what is undefined."""
    if isinstance(value, (int, np.integer)):
        return int(value)
    return None if math.isnan(value) else float(value)
