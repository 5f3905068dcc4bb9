"""How far synthetic patches are from real ones, how varied they are, and whether they are copies.

The distances take feature matrices (N, d), the real set first; `features` makes them. None of them means
anything without its floor: the same figure between two sets of real patches of the same size.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.extractors import Extractor, features, standardised

__all__ = [
    "COPY_RATIO",
    "Extractor",
    "Memorisation",
    "features",
    "fid",
    "kid",
    "memorisation",
    "precision_recall_density_coverage",
    "standardised",
]

Floats = NDArray[np.float64]

COPY_RATIO = 1 / 3
"""A patch whose nearest training patch is nearer than this share of the distance to the second nearest is a copy."""
_CHUNK = 2048


class Memorisation(TypedDict):
    """What `memorisation` finds."""

    copied: float
    ratio: Floats
    nearest: NDArray[np.int64]
    distance: Floats


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
    x, y = _pair(real, synthetic)
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
    x, y = _pair(real, synthetic)
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
    x, y = _pair(real, synthetic)
    if min(len(x), len(y)) <= k:
        raise UserError(
            f"Precision and recall with {k} neighbours need more than {k} patches on both sides.",
            "Generate more patches, or use fewer neighbours.",
        )
    radius_x, radius_y = _radii(x, k), _radii(y, k)
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
    return {
        "precision": float(np.mean(inside > 0)),
        "recall": float(recalled.mean()),
        "density": float(inside.mean() / k),
        "coverage": float(covered.mean()),
    }


def memorisation(real: ArrayLike, synthetic: ArrayLike, *, ratio: float = COPY_RATIO) -> Memorisation:
    """Find synthetic patches that are copies of training patches.

    A patch counts as copied when its nearest training patch is nearer than ``ratio`` times the second nearest. With
    patches the distance is the least over the 8 flips and quarter turns, since an augmented copy is a copy.

    Parameters
    ----------
    real, synthetic : array_like of shape (N, d) and (M, d), or (N, C, S, S) and (M, C, S, S)
        Features, or patches; the real ones are those that were trained on.
    ratio : float
        The threshold.

    Returns
    -------
    dict
        ``copied``: share of the synthetic patches that are copies; ``ratio``: nearest over second nearest distance of
        every synthetic patch, in [0, 1]; ``nearest`` and ``distance``: its nearest training patch and the distance
        (root mean square a pixel for patches, Euclidean for features).

    Raises
    ------
    UserError
        If there are fewer than two training patches.

    Notes
    -----
    Training patches that are themselves near-copies of each other (neighbouring frames of a video) hide copies: look at
    the distances too.
    """
    x, y = np.asarray(real, dtype=np.float64), np.asarray(synthetic, dtype=np.float64)
    if x.shape[1:] != y.shape[1:]:
        raise UserError(f"Real and synthetic sets differ in shape: {x.shape[1:]} and {y.shape[1:]}.")
    if len(x) < 2:
        raise UserError("Copies can only be told with at least two training patches.")
    nearest = np.zeros(len(y), np.int64)
    first, second = np.zeros(len(y)), np.zeros(len(y))
    step = 256 if x.ndim == 4 else _CHUNK
    for start in range(0, len(y), step):
        part = slice(start, start + step)
        distance = _patch_distances(y[part], x) if x.ndim == 4 else cdist(y[part], x)
        two = np.argpartition(distance, 1, axis=1)[:, :2]
        pair = np.take_along_axis(distance, two, axis=1)
        order = np.argsort(pair, axis=1, kind="stable")
        nearest[part] = np.take_along_axis(two, order, axis=1)[:, 0]
        first[part], second[part] = np.take_along_axis(pair, order, axis=1).T
    quotient = np.divide(first, second, out=np.zeros(len(y)), where=second > 0)
    return {
        "copied": float(np.mean(quotient < ratio)) if len(y) else 0.0,
        "ratio": quotient,
        "nearest": nearest,
        "distance": first,
    }


def _pair(real: ArrayLike, synthetic: ArrayLike) -> tuple[Floats, Floats]:
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


def _kernel_sum(x: Floats, y: Floats) -> float:
    """Return the sum of the kernel over all pairs."""
    starts = range(0, len(x), _CHUNK)
    return float(sum(((x[i : i + _CHUNK] @ y.T / x.shape[1] + 1) ** 3).sum() for i in starts))


def _kernel_trace(x: Floats) -> float:
    return float((((x**2).sum(axis=1) / x.shape[1] + 1) ** 3).sum())


def _radii(x: Floats, k: int) -> Floats:
    """Return the distance of every point to its k-th neighbour, itself not counted."""
    found = [np.partition(cdist(x[i : i + _CHUNK], x), k, axis=1)[:, k] for i in range(0, len(x), _CHUNK)]
    return np.concatenate(found)


def _patch_distances(y: Floats, x: Floats) -> Floats:
    """Return root mean square differences (M, N), the least over the flips and quarter turns of ``y``."""
    flat = x.reshape(len(x), -1)
    pixels = flat.shape[1]
    norms = (flat**2).sum(axis=1)
    views = [y, y.swapaxes(-1, -2)]
    views += [view[..., ::-1, :] for view in views]
    views += [view[..., :, ::-1] for view in views]
    least = np.full((len(y), len(x)), np.inf)
    for view in views:
        moved = np.ascontiguousarray(view).reshape(len(y), -1)
        np.minimum(least, (moved**2).sum(axis=1)[:, None] + norms[None] - 2 * moved @ flat.T, out=least)
    # A difference of large numbers: below about 1e-9 of them nothing is left but rounding.
    least[least < 1e-9 * pixels] = 0.0
    return np.asarray(np.sqrt(least / pixels))
