"""Distances between two sets of patches, from their features: FID, KID, precision, recall, density and coverage.

All take feature matrices (N, d), the real set first. None of them means anything without its floor: the same figure
between two sets of real patches of the same size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from napari_cellsynth.errors import UserError

Floats = NDArray[np.float64]

_CHUNK = 2048


class Membership(NamedTuple):
    """For every patch whether it lies among the patches of the other set, by balls to the k-th neighbour.

    Attributes
    ----------
    precise : ndarray of bool, shape (M,)
        Synthetic patches within some real ball.
    dense : ndarray of float64, shape (M,)
        Real balls that a synthetic patch lies in, over k.
    recalled : ndarray of bool, shape (N,)
        Real patches within some synthetic ball.
    covered : ndarray of bool, shape (N,)
        Real patches whose ball holds a synthetic patch.
    """

    precise: NDArray[np.bool_]
    dense: Floats
    recalled: NDArray[np.bool_]
    covered: NDArray[np.bool_]


def fid(real: ArrayLike, synthetic: ArrayLike) -> float:
    """Return the Fréchet distance between Gaussians fitted to two sets of features.

    ``|mean difference|² + tr S1 + tr S2 - 2 |A Bᵀ|*``, where A and B are the centred features over sqrt(n - 1) and the
    last term is a nuclear norm; it equals the trace of the root of S1 S2, but needs no root of a matrix and works for
    fewer patches than features.

    Parameters
    ----------
    real, synthetic : array_like of shape (N, d) and (M, d)
        Features.

    Returns
    -------
    float
        At least 0. Strongly biased upwards for small sets: compare figures of equal N and M only, beside their floor.

    Raises
    ------
    UserError
        If a set has fewer than two patches.
    """
    x, y = paired(real, synthetic)
    a, b = _reduced(x), _reduced(y)
    overlap = float(np.linalg.norm(a @ b.T, "nuc"))
    gap = x.mean(axis=0) - y.mean(axis=0)
    return max(0.0, float(gap @ gap + np.sum(a**2) + np.sum(b**2) - 2 * overlap))


def kid(real: ArrayLike, synthetic: ArrayLike) -> float:
    """Return the kernel distance: the unbiased squared MMD with the kernel (x·y / d + 1)³.

    Parameters
    ----------
    real, synthetic : array_like of shape (N, d) and (M, d)
        Features; N and M may differ.

    Returns
    -------
    float
        The full U-statistic. Its mean is 0 for two sets of one law, so values a little below 0 are in order.

    Raises
    ------
    UserError
        If a set has fewer than two patches.
    """
    x, y = paired(real, synthetic)
    n, m = len(x), len(y)
    within = (_kernel_sum(x, x) - _kernel_trace(x)) / (n * (n - 1)) + (_kernel_sum(y, y) - _kernel_trace(y)) / (
        m * (m - 1)
    )
    return float(within - 2 * _kernel_sum(x, y) / (n * m))


def precision_recall_density_coverage(real: ArrayLike, synthetic: ArrayLike, k: int = 5) -> dict[str, float]:
    """Return how far synthetic patches lie among the real ones, and the reverse, by balls to the k-th neighbour.

    Parameters
    ----------
    real, synthetic : array_like of shape (N, d) and (M, d)
        Features.
    k : int
        Neighbours that set the radius of a patch's ball, within its own set and without itself.

    Returns
    -------
    dict
        ``precision``: share of synthetic patches within some real ball; ``recall``: share of real patches within some
        synthetic ball; ``density``: mean number of real balls a synthetic patch lies in, over k (about 1 for one law);
        ``coverage``: share of real balls that hold a synthetic patch. Two sets of one law give neither precision nor
        recall 1, and coverage ``1 - prod_{i=1..k} (N - i) / (M + N - i)``: compare with M = N.

    Raises
    ------
    UserError
        If a set has no more than ``k`` patches.
    """
    found = membership(real, synthetic, k)
    return {
        "precision": float(found.precise.mean()),
        "recall": float(found.recalled.mean()),
        "density": float(found.dense.mean()),
        "coverage": float(found.covered.mean()),
    }


def membership(real: ArrayLike, synthetic: ArrayLike, k: int = 5) -> Membership:
    """Tell for every patch what `precision_recall_density_coverage` averages; parameters and errors as there."""
    x, y = paired(real, synthetic)
    if min(len(x), len(y)) <= k:
        raise UserError(
            f"Precision and recall with {k} neighbours need more than {k} patches on both sides.",
            "Generate more patches, or use fewer neighbours.",
        )
    radius_x, radius_y = radii(x, k), radii(y, k)
    inside = np.zeros(len(y), np.int64)
    recalled = np.zeros(len(x), bool)
    covered = np.zeros(len(x), bool)
    for start in range(0, len(x), _CHUNK):
        part = slice(start, start + _CHUNK)
        distance = cdist(x[part], y)
        in_real_ball = distance < radius_x[part, None]
        inside += in_real_ball.sum(axis=0)
        covered[part] = in_real_ball.any(axis=1)
        recalled[part] = (distance < radius_y[None]).any(axis=1)
    return Membership(inside > 0, inside / k, recalled, covered)


def paired(real: ArrayLike, synthetic: ArrayLike) -> tuple[Floats, Floats]:
    """Return two sets of features as float64, after a look at their shapes.

    Raises
    ------
    UserError
        If a set has fewer than two patches.
    ValueError
        If the shapes are not (N, d) and (M, d).
    """
    x, y = np.asarray(real, dtype=np.float64), np.asarray(synthetic, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"features need the shapes (N, d) and (M, d), not {x.shape} and {y.shape}")
    if min(len(x), len(y)) < 2:
        raise UserError("A distance between sets needs at least two patches on both sides.", "Generate more.")
    return x, y


def _reduced(x: Floats) -> Floats:
    """Return a matrix with the covariance of ``x`` as its Gram matrix and at most d rows."""
    a = (x - x.mean(axis=0)) / np.sqrt(len(x) - 1)
    return np.asarray(np.linalg.qr(a, mode="r")) if a.shape[0] > a.shape[1] else a


def kernel(x: Floats, y: Floats) -> Floats:
    """Return KID's kernel (x·y / d + 1)³ between all pairs, (N, M)."""
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def _kernel_sum(x: Floats, y: Floats) -> float:
    """Return the sum of the kernel over all pairs."""
    return float(sum(kernel(x[i : i + _CHUNK], y).sum() for i in range(0, len(x), _CHUNK)))


def _kernel_trace(x: Floats) -> float:
    return float((((x**2).sum(axis=1) / x.shape[1] + 1) ** 3).sum())


def radii(x: Floats, k: int) -> Floats:
    """Return the distance of every point (N, d) to its k-th neighbour, itself not counted: (N,)."""
    found = [np.partition(cdist(x[i : i + _CHUNK], x), k, axis=1)[:, k] for i in range(0, len(x), _CHUNK)]
    return np.concatenate(found)
