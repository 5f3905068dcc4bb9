"""How varied a set of synthetic patches is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.memorisation import Gate

Floats = NDArray[np.float64]

LEAST_SHARE = 0.5
"""Fewer than this share of the kinds of patches that as many real ones show fail the gate."""


def vendi(features: ArrayLike, *, bandwidth: float | None = None) -> float:
    """Return the Vendi score, the effective number of different patches: the exponential of their kernel's entropy.

    Parameters
    ----------
    features : array_like of shape (N, d)
        Features.
    bandwidth : float, optional
        Two patches this far apart are alike by exp(-1/2) = 0.61 (a Gaussian kernel). Without it the cosine of their
        features is the kernel.

    Returns
    -------
    float
        From 1 (all alike) to N (all unlike; orthogonal). It grows with N: compare sets of one size.

    Raises
    ------
    UserError
        If there are no patches.

    References
    ----------
    Friedman and Dieng, "The Vendi score", 2023.
    """
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2:
        raise ValueError(f"features need the shape (N, d), not {x.shape}")
    if len(x) == 0:
        raise UserError("Diversity needs at least one patch.", "Generate some first.")
    if bandwidth is None:
        norm = np.linalg.norm(x, axis=1, keepdims=True)
        # Patches without any feature have no direction; they are like each other and unlike all others.
        unit = np.divide(x, norm, out=np.zeros_like(x), where=norm > 0)
        unit = np.column_stack([unit, norm[:, 0] == 0])
        similarity = unit @ unit.T
    else:
        similarity = np.exp(-cdist(x, x, "sqeuclidean") / (2 * bandwidth**2))
    shares = np.linalg.eigvalsh(similarity / len(x))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def typical_distance(features: ArrayLike) -> float:
    """Return half the median distance between patches: a bandwidth for `vendi` at which real patches differ."""
    x = np.asarray(features, dtype=np.float64)
    distance = cdist(x, x)[np.triu_indices(len(x), 1)]
    return float(np.median(distance) / 2) if len(distance) and np.median(distance) > 0 else 1.0


def inception_score(probabilities: ArrayLike) -> float:
    """Return the inception score: the exponential of the mean divergence of each patch's classes from the average.

    Parameters
    ----------
    probabilities : array_like of shape (N, K)
        Class probabilities of the synthetic patches by a classifier that knows the domain; rows add up to 1. Without
        such a classifier the score means nothing.

    Returns
    -------
    float
        From 1 (all patches look the same, or none looks like any class) to K (sure and evenly spread). Patches made
        for one class alone score near 1 whatever their quality.

    Raises
    ------
    UserError
        If there are no patches.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2:
        raise ValueError(f"probabilities need the shape (N, K), not {p.shape}")
    if len(p) == 0:
        raise UserError("The inception score needs at least one patch.", "Generate some first.")
    average = p.mean(axis=0, keepdims=True)
    quotient = np.divide(p, average, out=np.ones_like(p), where=(p > 0) & (average > 0))
    return float(np.exp((p * np.log(quotient)).sum(axis=1).mean()))


def diversity_gate(score: float, floor: float) -> Gate:
    """Judge whether a generator makes different patches.

    Parameters
    ----------
    score, floor : float
        `vendi` of the synthetic patches, and of as many real ones, in the same features and bandwidth.
    """
    share = (score - 1) / max(floor - 1, 1e-9)
    words = f"{score:.1f} effective kinds of synthetic patches, {floor:.1f} of as many real ones"
    if share < LEAST_SHARE:
        return Gate(False, f"The generator repeats itself: {words}.")
    return Gate(True, f"Varied: {words}.")
