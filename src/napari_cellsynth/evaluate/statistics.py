"""Intervals and tests that respect groups and folds: cells of one video are no independent witnesses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


_ROUNDING = 1e-12
"""Differences of scores in [0, 1] that lie closer together than this are the same but for rounding."""


class PairedTest(NamedTuple):
    """A mean difference with its standard error, t statistic, two-sided p-value and interval."""

    mean: float
    standard_error: float
    t: float
    p: float
    low: float
    high: float


def corrected_paired_t(differences: ArrayLike, n_train: float, n_test: float, level: float = 0.95) -> PairedTest:
    """Test whether a difference between two ways of training is zero, over the folds of a cross-validation.

    The corrected resampled t of Nadeau and Bengio (2003, Machine Learning 52, section 3): training sets of different
    folds overlap, so the variance of the mean is (1 / J + n_test / n_train) s² and not s² / J. It has J - 1 degrees of
    freedom.

    Parameters
    ----------
    differences : array_like of shape (J,)
        One difference a fold (and repeat), means over seeds.
    n_train, n_test : float
        Objects that a fold learns from and that it tests.
    level : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    PairedTest
        Without two folds all but the mean is NaN. So it is, but for a standard error of 0, where all folds differ by
        the same: few tested crops allow few differences, and a coincidence of these is no certainty.

    Raises
    ------
    ValueError
        If there are no differences, or a number is not positive.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or not len(d):
        raise ValueError("differences are one number a fold")
    if n_train <= 0 or n_test <= 0:
        raise ValueError(f"{n_train} training and {n_test} test objects: both must be positive")
    mean, nan = float(d.mean()), float("nan")
    if len(d) < 2:
        return PairedTest(mean, nan, nan, nan, nan, nan)
    if np.ptp(d) <= _ROUNDING:
        return PairedTest(mean, 0.0, nan, nan, nan, nan)
    error = float(np.sqrt((1 / len(d) + n_test / n_train) * d.var(ddof=1)))
    t = mean / error
    from scipy.stats import t as student

    reach = float(student.ppf((1 + level) / 2, len(d) - 1)) * error
    p = float(2 * student.sf(abs(t), len(d) - 1))
    return PairedTest(mean, error, t, p, mean - reach, mean + reach)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values for having asked several questions at once (Holm 1979, step down).

    Parameters
    ----------
    p_values : array_like of shape (m,)
        In [0, 1]; NaN (no answer) stays NaN and is no question.

    Returns
    -------
    ndarray of float64, shape (m,)
        Adjusted values: below a level where the family-wise error at that level allows a claim.
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    asked = np.flatnonzero(~np.isnan(p))
    order = asked[np.argsort(p[asked], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted
