"""Intervals and tests that respect what depends on what: cells of one video, and folds that share training crops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from napari_cellsynth.errors import UserError


class Interval(NamedTuple):
    """An estimate with the bounds of its interval; the bounds are NaN where none can be given."""

    estimate: float
    low: float
    high: float


def group_bootstrap(
    statistic: Callable[..., float],
    *arrays: ArrayLike,
    groups: ArrayLike,
    repeats: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Estimate a statistic with a percentile interval from resampling whole groups with replacement.

    Parameters
    ----------
    statistic : callable
        Takes the resampled ``arrays`` and returns a number, such as `scores.balanced_accuracy`. Resamples
        on which it is NaN are left out.
    *arrays : array_like of length N
        What the statistic is computed from, one entry an object.
    groups : array_like of shape (N,)
        The video, slide or animal of every object.
    repeats : int
        Number of resamples.
    level : float
        Coverage of the interval, in (0, 1).
    seed : int
        Fixes the resamples.

    Returns
    -------
    Interval
        The statistic on all objects, and the bounds; these are NaN when there are fewer than two groups,
        since one group says nothing about the spread between groups.

    Raises
    ------
    UserError
        If there are no objects.
    """
    values: list[NDArray[Any]] = [np.asarray(array) for array in arrays]
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    if any(len(value) != len(codes) for value in values):
        raise ValueError("every array needs one entry for every entry of groups")
    if len(codes) == 0:
        raise UserError("An interval needs at least one object.", "Label objects in the held-out groups.")
    estimate = float(statistic(*values))
    if len(names) < 2:
        return Interval(estimate, float("nan"), float("nan"))
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    rng = np.random.default_rng(seed)
    draws = np.empty(repeats)
    for i in range(repeats):
        chosen = np.concatenate([members[g] for g in rng.integers(len(names), size=len(names))])
        draws[i] = statistic(*(value[chosen] for value in values))
    draws = draws[~np.isnan(draws)]
    if not len(draws):
        return Interval(estimate, float("nan"), float("nan"))
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high))


class PairedTest(NamedTuple):
    """A paired comparison over repeated splits."""

    difference: float
    """Mean of the differences."""
    statistic: float
    """Student's t; infinite where all differences are equal and not 0."""
    p_value: float
    """Two-sided."""
    low: float
    high: float
    """Bounds of the interval of the mean difference."""


def corrected_paired_t(
    differences: ArrayLike, *, test_to_train: float, level: float = 0.95, hypothesis: float = 0.0
) -> PairedTest:
    """Test whether two methods differ over repeated splits, given that the splits share most of their training set.

    Parameters
    ----------
    differences : array_like of shape (J,)
        Score of one method less that of the other, one a split (fold of a repeat); the same splits for both.
    test_to_train : float
        Number of test objects over number of training objects of a split: 1 / (k - 1) for k folds.
    level : float
        Coverage of the interval, in (0, 1).
    hypothesis : float
        The mean difference that is tested.

    Returns
    -------
    PairedTest
        ``t = (mean - hypothesis) / sqrt((1 / J + test_to_train) * variance)`` with J - 1 degrees of freedom. The plain
        paired test would take 1 / J alone, as if the trainings were independent, and be sure far too often.

    Raises
    ------
    UserError
        If there are fewer than two differences.

    References
    ----------
    Nadeau and Bengio, "Inference for the generalization error", 2003, section 4 (the corrected resampled t-test);
    Bouckaert and Frank 2004 for repeated cross-validation.
    """
    x = np.asarray(differences, dtype=np.float64)
    if x.ndim != 1 or not np.all(np.isfinite(x)):
        raise ValueError("differences must be one row of numbers")
    if test_to_train <= 0:
        raise ValueError(f"test_to_train must be above 0, not {test_to_train}")
    if len(x) < 2:
        raise UserError("A comparison needs at least two splits.", "Use more folds or repeats.")
    mean, freedom = float(x.mean()), len(x) - 1
    error = float(np.sqrt((1 / len(x) + test_to_train) * x.var(ddof=1)))
    half = float(student.ppf((1 + level) / 2, freedom)) * error
    gap = mean - hypothesis
    t = gap / error if error else float(np.sign(gap)) * np.inf if gap else 0.0
    return PairedTest(mean, t, float(2 * student.sf(abs(t), freedom)), mean - half, mean + half)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p values corrected for their number by Holm's step-down method.

    Parameters
    ----------
    p_values : array_like of shape (M,)
        Of M tests, in [0, 1]; they may depend on each other in any way.

    Returns
    -------
    ndarray of float64, shape (M,)
        In the order given. Rejecting those at most alpha keeps the chance of any false rejection at alpha.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or np.any((p < 0) | (p > 1) | np.isnan(p)):
        raise ValueError("p values must be one row of numbers in [0, 1]")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(1.0, stepped)
    return corrected
