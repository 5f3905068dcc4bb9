"""Several classes an object: what probabilities answer, how surely, and how right; truth is a 0/1 matrix (N, K).

The F1 scores, ROC AUC, the rates of every class and the accuracy of `scores` take such matrices too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

HALF = 0.5
"""The threshold of a class that has too few crops to choose one by."""
LEAST = 10
"""Crops with a class, and crops without it, that a threshold is chosen by at least."""
_BOUNDS = (0.05, 0.95)
_TINY = 1e-7


def answers(probabilities: ArrayLike, thresholds: Sequence[float] | None = None) -> NDArray[np.bool_]:
    """Return which classes are given (N, K): those whose probability reaches their threshold, one half by default."""
    p = np.asarray(probabilities, dtype=np.float64)
    return np.asarray(p >= (HALF if thresholds is None else np.asarray(thresholds, dtype=np.float64)))


class Certainty(NamedTuple):
    """How sure each answer (N,) is; see `certainty`."""

    confidence: Floats
    entropy: Floats
    margin: Floats


def certainty(probabilities: ArrayLike, thresholds: Sequence[float] | None = None) -> Certainty:
    """Return how sure answers of several classes are.

    Parameters
    ----------
    probabilities : array_like of shape (N, K)
        Of each class, in [0, 1].
    thresholds : sequence of float, length K, optional
        From which probability on a class is given; one half by default.

    Returns
    -------
    Certainty
        ``confidence``: the probability that the least sure of the K answers (has the class, or has it not) is right.
        ``entropy``: the mean binary entropy over the classes in bits: 0 is sure, 1 clueless. ``margin``: how far the
        class that lies nearest to its threshold is from it.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    limits = np.full(p.shape[1], HALF) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    right = np.where(answers(p, thresholds), p, 1 - p)
    q = np.clip(p, _TINY, 1 - _TINY)
    bits = -(q * np.log2(q) + (1 - q) * np.log2(1 - q))
    return Certainty(right.min(axis=1, initial=1.0), bits.mean(axis=1), np.abs(p - limits).min(axis=1, initial=1.0))


def choose_thresholds(y_true: ArrayLike, probabilities: ArrayLike) -> list[float]:
    """Choose from which probability on an object has each class, by crops that were not learned from.

    Parameters
    ----------
    y_true : array_like of 0/1, shape (N, K)
        The classes that the crops have.
    probabilities : array_like of shape (N, K)
        What a classifier says of them.

    Returns
    -------
    list of float
        For each class the threshold of the best F1, halfway between two probabilities and within [0.05, 0.95]; of
        equally good ones that nearest to one half. One half for a class that fewer than 10 of the crops have, or have
        not.
    """
    true, p = np.asarray(y_true, dtype=bool), np.asarray(probabilities, dtype=np.float64)
    return [_best_threshold(true[:, k], p[:, k]) for k in range(true.shape[1])]


def _best_threshold(true: NDArray[np.bool_], p: Floats) -> float:
    if min(true.sum(), (~true).sum()) < LEAST:
        return HALF
    values = np.unique(p)
    halfway = np.append((values[1:] + values[:-1]) / 2, HALF)
    candidates = halfway[(halfway >= _BOUNDS[0]) & (halfway <= _BOUNDS[1])]
    # Of the sorted probabilities those from the first one at a threshold on are given the class.
    order = np.argsort(p, kind="stable")
    given = len(p) - np.searchsorted(p[order], candidates)
    hits = np.append(np.cumsum(true[order][::-1])[::-1], 0)[len(p) - given]
    f1 = 2 * hits / (given + true.sum())
    best = candidates[f1 == f1.max()]
    return round(float(best[np.abs(best - HALF).argmin()]), 6)


def hamming_loss(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of the N · K single answers (has the class, or has it not) that are wrong."""
    return float(np.mean(np.asarray(y_true, bool) != np.asarray(y_pred, bool)))


def label_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of the single answers that are right, Σ (TP + TN) / Σ (TP + TN + FP + FN): S1's accuracy.

    S1 prints FN for TN in the numerator (equation 12), which would make it the share of true classes, whatever is
    predicted. It is 1 - Hamming loss.
    """
    return 1 - hamming_loss(y_true, y_pred)


def log_loss(y_true: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean over objects and classes of the binary cross entropy, in nats."""
    true = np.asarray(y_true, dtype=bool)
    p = np.clip(np.asarray(probabilities, dtype=np.float64), _TINY, 1 - _TINY)
    return float(-np.mean(np.log(np.where(true, p, 1 - p)))) if true.size else float("nan")


def balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean of TPR and TNR, over the classes that some objects have and others have not."""
    true, pred = np.asarray(y_true, dtype=bool), np.asarray(y_pred, dtype=bool)
    known = true.any(axis=0) & ~true.all(axis=0)
    if not known.any():
        return float("nan")
    tpr = (true & pred).sum(axis=0)[known] / true.sum(axis=0)[known]
    tnr = (~true & ~pred).sum(axis=0)[known] / (~true).sum(axis=0)[known]
    return float(np.mean((tpr + tnr) / 2))
