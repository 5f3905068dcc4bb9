"""Making probabilities mean what they say: one temperature, fitted on crops that the weights were not."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.evaluate.splits import group_counts

Floats = NDArray[np.float64]

SHARE = 0.1
"""The share of the training crops that calibrates; also the validation share of S0 and S2."""
LEAST = 30
"""With fewer crops a temperature would be noise."""
MOST = 500
"""More crops do not make one number better."""
_CLASS_KEEPS = 0.75
"""What every class keeps of its crops for the weights, at least: a rare class must not pay for one number."""
_GREATEST = 20.0
"""Temperatures lie between 1 / 20 and 20."""
_TINY = 1e-12


def tempered(probabilities: ArrayLike, temperature: float) -> Floats:
    """Return probabilities at a temperature: ``p^(1/T)``, made to add up to one again.

    Parameters
    ----------
    probabilities : array_like of shape (N, K)
        In [0, 1]; rows add up to 1.
    temperature : float
        Above 0. Above 1 it makes answers less sure, below 1 surer; 1 changes nothing. No answer changes.

    Returns
    -------
    ndarray of float64, shape (N, K)
        For probabilities that are a softmax of logits z this is the softmax of z / T (temperature scaling, Guo et al.
        2017, section 4.2). It works on probabilities, so that it also suits averages over several looks at an object,
        and classifiers that have no logits.
    """
    z = np.log(np.clip(np.asarray(probabilities, dtype=np.float64), _TINY, 1.0)) / temperature
    if not z.size:
        return np.asarray(z)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def fit_temperature(probabilities: ArrayLike, y_true: ArrayLike) -> float:
    """Return the temperature of least log loss against slightly softened targets.

    Parameters
    ----------
    probabilities : array_like of shape (N, K)
        What a classifier says of crops that it did not learn from.
    y_true : array_like of int, shape (N,)
        Their classes, 0..K-1.

    Returns
    -------
    float
        Within [1/20, 20]; 1 without crops. A share 1 / (N + 2) of each target lies on the other classes (Platt 1999,
        section 2.2): a classifier that is right on all of thirty crops is no reason to be sure beyond 31 in 32.
    """
    p, true = np.asarray(probabilities, dtype=np.float64), np.asarray(y_true, dtype=np.int64)
    n, k = p.shape
    if not n or k < 2:
        return 1.0
    targets = np.full((n, k), 1 / (n + 2) / (k - 1))
    targets[np.arange(n), true] = 1 - 1 / (n + 2)

    def loss(log_t: float) -> float:
        return float(-(targets * np.log(np.clip(tempered(p, float(np.exp(log_t))), _TINY, 1.0))).sum() / n)

    bounds = (-np.log(_GREATEST), np.log(_GREATEST))
    from scipy.optimize import minimize_scalar

    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-5}).x))


def calibration_part(groups: ArrayLike, y: ArrayLike, seed: int = 0) -> NDArray[np.bool_]:
    """Choose whole groups of the training crops that calibrate and are not learned from.

    Parameters
    ----------
    groups : array_like of shape (N,)
        The group of every training crop. Crops of one group would be too easy after the others.
    y : array_like of shape (N,) or (N, K)
        Its class, or 0/1 for each of K classes.
    seed : int
        Fixes the choice.

    Returns
    -------
    ndarray of bool, shape (N,)
        True for about a tenth of the crops, 500 at most; no class gives more than a quarter. None is true where
        that would be fewer than 30 crops: too few for a figure, and dear in a small set. Small groups come first: a
        classifier errs alike on the crops of one group, so many groups tell more than many crops of a few.
    """
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    counts, sizes = group_counts(codes, y), np.bincount(codes, minlength=len(names))
    wanted = min(SHARE * len(codes), MOST)
    spare = (1 - _CLASS_KEEPS) * counts.sum(axis=0)
    taken, sums, size = np.zeros(len(names), bool), np.zeros(counts.shape[1]), 0
    mixed = np.random.default_rng(seed).permutation(len(names))
    for g in mixed[np.argsort(sizes[mixed], kind="stable")]:
        more = sums + counts[g]
        if size < wanted and size + sizes[g] <= 1.5 * wanted and np.all(more <= spare):
            taken[g], sums, size = True, more, size + int(sizes[g])
    return np.asarray(taken[codes] & (size >= LEAST))
