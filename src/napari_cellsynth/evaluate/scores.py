"""Scores of a classifier by their standard definitions; the papers' variants have names of their own.

Single-label functions take ``y_true`` and ``y_pred`` of shape (N,), of any label type. The F1 scores and
`per_class` also take multi-label indicator matrices of shape (N, K). Probabilities have shape (N, K), one
column a class in the order of ``labels`` (by default 0..K-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of objects whose class is right, or all of their classes (subset accuracy).

    Parameters
    ----------
    y_true, y_pred : array_like of shape (N,) or (N, K)
        True and predicted labels, or multi-label indicators.

    Returns
    -------
    float
        In [0, 1]; NaN without objects.
    """
    true, pred = _pair(y_true, y_pred)
    right = true == pred
    return float(np.mean(right if right.ndim == 1 else right.all(axis=1))) if len(true) else float("nan")


def confusion(y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any] | None = None) -> Ints:
    """Count objects by true class (rows) and predicted class (columns).

    Parameters
    ----------
    y_true, y_pred : array_like of shape (N,)
        True and predicted labels.
    labels : sequence, optional
        The classes in the order of the rows; by default the sorted labels that occur.

    Returns
    -------
    ndarray of int64, shape (K, K)

    Raises
    ------
    ValueError
        If the two differ in length or hold a label that is not in ``labels``.
    """
    true, pred = _pair(y_true, y_pred)
    classes = _classes(true, pred, labels)
    k = len(classes)
    codes = _encode(true, classes) * k + _encode(pred, classes)
    return np.bincount(codes, minlength=k * k).reshape(k, k).astype(np.int64)


def per_class(y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any] | None = None) -> pd.DataFrame:
    """Tabulate the rates of every class, each class against the rest.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (N,) or (N, K)
        Labels, or multi-label indicators.
    labels : sequence, optional
        The classes in order; by default those that occur (columns 0..K-1 of indicators).

    Returns
    -------
    DataFrame
        One row a class with ``TPR`` (recall, sensitivity), ``TNR`` (specificity), ``PPV`` (precision),
        ``NPV``, ``F1`` (harmonic mean of PPV and TPR), ``accuracy`` (of telling the class from the rest),
        ``harmonic_TPR_TNR`` (what S4 calls F1), ``true`` and ``predicted`` (counts). A rate without a
        denominator, such as the precision of a class that was never predicted, is NaN.
    """
    tp, fp, fn, tn, classes = _counts(y_true, y_pred, labels)
    tpr, tnr = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    return pd.DataFrame(
        {
            "TPR": tpr,
            "TNR": tnr,
            "PPV": _ratio(tp, tp + fp),
            "NPV": _ratio(tn, tn + fn),
            "F1": _ratio(2 * tp, 2 * tp + fp + fn),
            "accuracy": _ratio(tp + tn, tp + fp + fn + tn),
            "harmonic_TPR_TNR": _harmonic(tpr, tnr),
            "true": tp + fn,
            "predicted": tp + fp,
        },
        index=pd.Index(classes, name="class"),
    )


def balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean recall over the classes that occur in ``y_true``; NaN without objects."""
    true, pred = _pair(y_true, y_pred)
    if not len(true):
        return float("nan")
    _, codes = np.unique(true, return_inverse=True)
    hits = np.bincount(codes, weights=true == pred)
    return float(np.mean(hits / np.bincount(codes)))


def macro_f1(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean F1 over the classes that occur in the truth or the predictions (the usual macro F1)."""
    tp, fp, fn, _, _ = _counts(y_true, y_pred, None)
    return _mean(_ratio(2 * tp, 2 * tp + fp + fn))


def macro_f1_of_means(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the harmonic mean of mean precision and mean recall (S1, equation 8; not the usual macro F1).

    A class that is never predicted counts with precision 0, one that never occurs with recall 0; classes
    that neither occur nor are predicted are left out.
    """
    tp, fp, fn, _, _ = _counts(y_true, y_pred, None)
    seen = (tp + fp + fn) > 0
    if not seen.any():
        return float("nan")
    precision = float(np.mean(np.nan_to_num(_ratio(tp, tp + fp))[seen]))
    recall = float(np.mean(np.nan_to_num(_ratio(tp, tp + fn))[seen]))
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def micro_f1(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return F1 of the pooled counts; for single labels this equals the accuracy."""
    tp, fp, fn, _, _ = _counts(y_true, y_pred, None)
    return float(_ratio(2 * tp.sum(keepdims=True), (2 * tp + fp + fn).sum(keepdims=True))[0])


def roc_auc(y_true: ArrayLike, probabilities: ArrayLike, labels: Sequence[Any] | None = None) -> float:
    """Return the area under the ROC curve, one class against the rest, averaged over the classes.

    Parameters
    ----------
    y_true : array_like of shape (N,) or (N, K)
        Labels, or multi-label indicators.
    probabilities : array_like of shape (N, K) or (N,)
        Class probabilities or scores; (N,) scores the second of two classes.
    labels : sequence, optional
        The class of every column; by default 0..K-1.

    Returns
    -------
    float
        In [0, 1]. Classes that have no positive or no negative object are left out; NaN if none remains.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    if scores.ndim == 1:
        truth = np.asarray(y_true) == (1 if labels is None else labels[1])
        return _binary_auc(truth, scores)
    indicators = _indicators(y_true, scores.shape[1], labels)
    return _mean(np.array([_binary_auc(indicators[:, k], scores[:, k]) for k in range(scores.shape[1])]))


def log_loss(y_true: ArrayLike, probabilities: ArrayLike, labels: Sequence[Any] | None = None) -> float:
    """Return the mean of -log p of the true class, in nats; p is held above the float64 epsilon."""
    p = _probabilities(probabilities)
    codes = _encode(np.asarray(y_true), np.asarray(range(p.shape[1]) if labels is None else labels))
    _same_length(codes, p)
    if not len(codes):
        return float("nan")
    return float(-np.mean(np.log(np.clip(p[np.arange(len(codes)), codes], np.finfo(np.float64).eps, 1))))


def expected_calibration_error(
    y_true: ArrayLike, probabilities: ArrayLike, labels: Sequence[Any] | None = None, bins: int = 15
) -> float:
    """Return the mean gap between confidence and accuracy over equal-width bins of the top probability.

    Parameters
    ----------
    y_true : array_like of shape (N,)
        True labels.
    probabilities : array_like of shape (N, K)
        Class probabilities.
    labels : sequence, optional
        The class of every column; by default 0..K-1.
    bins : int
        Number of bins over [0, 1].

    Returns
    -------
    float
        In [0, 1], weighted by the objects in a bin; NaN without objects.
    """
    p = _probabilities(probabilities)
    codes = _encode(np.asarray(y_true), np.asarray(range(p.shape[1]) if labels is None else labels))
    _same_length(codes, p)
    if not len(codes):
        return float("nan")
    confidence = p.max(axis=1)
    right = (p.argmax(axis=1) == codes).astype(np.float64)
    bin_of = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = np.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(np.abs(gap).sum() / len(codes))


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both as arrays of the same length."""
    true, pred = np.asarray(y_true), np.asarray(y_pred)
    _same_length(true, pred)
    return true, pred


def _same_length(first: NDArray[Any], second: NDArray[Any]) -> None:
    if len(first) != len(second):
        raise ValueError(f"{len(first)} true labels do not go with {len(second)} predictions")


def _classes(true: NDArray[Any], pred: NDArray[Any], labels: Sequence[Any] | None) -> NDArray[Any]:
    return np.union1d(true, pred) if labels is None else np.asarray(labels)


def _encode(values: NDArray[Any], classes: NDArray[Any]) -> Ints:
    """Return the position of every value in ``classes``."""
    if not len(values):
        return np.zeros(0, np.int64)
    order = np.argsort(classes, kind="stable")
    spot = np.clip(np.searchsorted(classes, values, sorter=order), 0, len(classes) - 1)
    codes = order[spot]
    strangers = np.unique(values[classes[codes] != values])
    if len(strangers):
        raise ValueError(f"labels {strangers.tolist()} are not among the classes {classes.tolist()}")
    return codes.astype(np.int64)


def _indicators(y_true: ArrayLike, k: int, labels: Sequence[Any] | None) -> NDArray[np.bool_]:
    """Return truth as an (N, K) matrix of booleans."""
    true = np.asarray(y_true)
    if true.ndim == 2:
        return true.astype(bool)
    codes = _encode(true, np.asarray(range(k) if labels is None else labels))
    return np.asarray(codes[:, None] == np.arange(k)[None])


def _counts(
    y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any] | None
) -> tuple[Ints, Ints, Ints, Ints, list[Any]]:
    """Return true and false positives, false and true negatives of every class, and the classes."""
    true, pred = _pair(y_true, y_pred)
    if true.ndim == 2:
        t, p = true.astype(bool), pred.astype(bool)
        tp, fp, fn = (t & p).sum(0), (~t & p).sum(0), (t & ~p).sum(0)
        classes = list(range(t.shape[1])) if labels is None else list(labels)
    else:
        classes = _classes(true, pred, labels).tolist()
        table = confusion(true, pred, classes)
        tp = np.diag(table)
        fp, fn = table.sum(0) - tp, table.sum(1) - tp
    return tp, fp, fn, len(true) - tp - fp - fn, classes


def _ratio(top: NDArray[Any], bottom: NDArray[Any]) -> Floats:
    """Divide, with NaN where there is nothing to divide by."""
    out = np.full(np.shape(top), np.nan)
    return np.asarray(np.divide(top, bottom, out=out, where=bottom > 0))


def _harmonic(a: Floats, b: Floats) -> Floats:
    """Return the harmonic mean, 0 where both are 0."""
    return np.asarray(2 * a * b / np.where(a + b == 0, 1, a + b))


def _mean(values: Floats) -> float:
    """Return the mean of what is defined, NaN when nothing is."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else float("nan")


def _binary_auc(positive: NDArray[np.bool_], scores: Floats) -> float:
    """Return the chance that a positive outscores a negative (Mann-Whitney), ties counting one half."""
    n_pos = int(positive.sum())
    n_neg = len(positive) - n_pos
    if n_pos == 0 or n_neg == 0:
        return float("nan")
    from scipy.stats import rankdata

    return float((rankdata(scores)[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def _probabilities(probabilities: ArrayLike) -> Floats:
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2:
        raise ValueError(f"probabilities need the shape (N, K), not {p.shape}")
    return p
