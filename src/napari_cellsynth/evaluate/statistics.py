"""Intervals that respect groups: cells of one video are no independent witnesses."""

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
