"""Bootstrap intervals of the figures that compare synthetic with real patches.

Patches are resampled one by one, so an interval tells how far the figure hangs on which patches were drawn, not how far
it would move with other videos or another training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.evaluate.distances import kernel, kid, paired
from napari_cellsynth.evaluate.statistics import Interval

Floats = NDArray[np.float64]

_REPEATS = 1000
_LEVEL = 0.95


def kid_interval(real: ArrayLike, synthetic: ArrayLike, *, seed: int = 0) -> Interval:
    """Return KID with a 95 % percentile interval.

    A patch drawn twice would be compared with itself and pull the figure up; such pairs are left out, so every resample
    is again a U-statistic, over pairs of different patches.

    Parameters
    ----------
    real, synthetic : array_like of shape (N, d) and (M, d)
        Features.
    seed : int
        Fixes the resamples.

    Raises
    ------
    UserError
        If a set has fewer than two patches.
    """
    x, y = paired(real, synthetic)
    rng = np.random.default_rng(seed)
    a, b = (rng.multinomial(len(z), np.full(len(z), 1 / len(z)), _REPEATS).astype(np.float64) for z in (x, y))
    across = np.einsum("rn,rn->r", a, b @ kernel(x, y).T) / (len(x) * len(y))
    return _percentiles(kid(x, y), _within(a, kernel(x, x)) + _within(b, kernel(y, y)) - 2 * across)


def bootstrap(statistic: Callable[..., float], *arrays: ArrayLike, seed: int = 0) -> Interval:
    """Return a statistic of patches with a 95 % percentile interval.

    Parameters
    ----------
    statistic : callable
        Takes the resampled arrays and returns a number; resamples on which it is NaN are left out.
    *arrays : array_like of length N
        What the statistic is computed from, one entry a patch.
    seed : int
        Fixes the resamples.
    """
    values: list[NDArray[Any]] = [np.asarray(array) for array in arrays]
    n = len(values[0])
    rng = np.random.default_rng(seed)
    chosen = (rng.integers(n, size=n) for _ in range(_REPEATS))
    return _percentiles(statistic(*values), np.array([statistic(*(v[rows] for v in values)) for rows in chosen]))


def _within(weights: Floats, similarity: Floats) -> Floats:
    """Return the mean kernel over pairs of different patches, one value a resample (R,) of weights (R, N)."""
    own = np.diag(similarity)
    pairs = np.einsum("rn,rn->r", weights, weights @ similarity) - weights**2 @ own
    return np.asarray(pairs / (weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1)))


def _percentiles(estimate: float, draws: Floats) -> Interval:
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return Interval(float(estimate), float("nan"), float("nan"))
    low, high = np.quantile(draws, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(float(estimate), float(low), float(high))
