"""Curves behind the scores: ROC, calibration, and what leaving unsure objects unanswered costs and gains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class RocCurve(NamedTuple):
    """False and true positive rates, both rising from 0 to 1; empty without positives or without negatives."""

    fpr: Floats
    tpr: Floats


def roc_curve(positive: ArrayLike, scores: ArrayLike, points: int | None = None) -> RocCurve:
    """Return the ROC curve of one class against the rest.

    Parameters
    ----------
    positive : array_like of bool, shape (N,)
        Whether an object is of the class.
    scores : array_like of float, shape (N,)
        Its score or probability; equal scores make one step.
    points : int, optional
        At most about this many points, for a figure.
    """
    truth, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    n_pos = int(truth.sum())
    n_neg = len(truth) - n_pos
    if not n_pos or not n_neg:
        return RocCurve(np.zeros(0), np.zeros(0))
    order = np.argsort(-values, kind="stable")
    last = np.append(np.flatnonzero(np.diff(values[order])), len(order) - 1)
    hits = np.cumsum(truth[order])[last]
    tpr = np.concatenate([[0.0], hits / n_pos])
    fpr = np.concatenate([[0.0], (last + 1 - hits) / n_neg])
    if points is not None and len(tpr) > points:
        kept = np.unique(np.linspace(0, len(tpr) - 1, points).round().astype(np.int64))
        fpr, tpr = fpr[kept], tpr[kept]
    return RocCurve(fpr, tpr)


class Reliability(NamedTuple):
    """Mean confidence, accuracy and number of objects of every bin of confidence that holds any."""

    confidence: Floats
    accuracy: Floats
    crops: NDArray[np.int64]


def reliability(y_true: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> Reliability:
    """Return the calibration curve: how often answers of some confidence are right.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
        Classes 0..K-1.
    probabilities : array_like of shape (N, K)
        Class probabilities.
    bins : int
        Equal-width bins over [0, 1], each with its upper edge, as in `scores.expected_calibration_error`, which is
        the mean over the objects of the gap between the curve and the diagonal.
    """
    p, true = np.asarray(probabilities, dtype=np.float64), np.asarray(y_true)
    confidence, right = p.max(axis=1, initial=0.0), p.argmax(axis=1) == true
    bin_of = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    held = count > 0
    means = [np.bincount(bin_of, weights=v, minlength=bins)[held] / count[held] for v in (confidence, right)]
    return Reliability(means[0], means[1], count[held].astype(np.int64))


class Answered(NamedTuple):
    """What happens when answers below a confidence are withheld."""

    share: float
    """Share of the objects that still get an answer."""
    accuracy: float
    """Share of those answers that are right; NaN where none is given."""


def answered(y_true: ArrayLike, probabilities: ArrayLike, threshold: float) -> Answered:
    """Return what a threshold on the greatest probability does to held-out objects.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
        Classes 0..K-1.
    probabilities : array_like of shape (N, K)
        Class probabilities.
    threshold : float
        Objects whose greatest probability lies below it get the answer *unsure*.
    """
    p, true = np.asarray(probabilities, dtype=np.float64), np.asarray(y_true)
    given = p.max(axis=1, initial=0.0) >= threshold
    right = p.argmax(axis=1) == true
    share = float(given.mean()) if len(given) else float("nan")
    return Answered(share, float(right[given].mean()) if given.any() else float("nan"))


def entropy(probabilities: ArrayLike) -> Floats:
    """Return the entropy (N,) of class probabilities (N, K) over its greatest value: 0 is sure, 1 is clueless."""
    p = np.asarray(probabilities, dtype=np.float64)
    if p.shape[1] < 2:
        return np.zeros(len(p))
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(np.clip(-(p * logs).sum(axis=1) / np.log(p.shape[1]), 0.0, 1.0))


def margin(probabilities: ArrayLike) -> Floats:
    """Return how far (N,) the greatest class probability lies above the second: 0 is a tie, 1 is sure."""
    p = np.asarray(probabilities, dtype=np.float64)
    if p.shape[1] < 2:
        return np.ones(len(p))
    two = np.partition(p, p.shape[1] - 2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])
