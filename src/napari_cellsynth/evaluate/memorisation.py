"""Whether synthetic patches are copies of the patches that were trained on."""

from __future__ import annotations

from typing import Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.distances import paired
from napari_cellsynth.evaluate.patch_figures import COPY_RATIO
from napari_cellsynth.evaluate.symmetries import nearest_views

Floats = NDArray[np.float64]

COPIES_ALLOWED = 0.05
"""Copies above this share, and above what unseen real patches show, fail the gate."""
CT_LIMIT = -3.0
"""Synthetic patches this much nearer to the training than unseen real ones (standard normal units) fail the gate."""
_CHUNK = 2048
_PATCH_CHUNK = 256
_CELLS = 3
_LEAST_IN_CELL = 5


class Memorisation(TypedDict):
    """What `memorisation` finds."""

    copied: float
    ratio: Floats
    nearest: NDArray[np.int64]
    distance: Floats
    view: NDArray[np.int64]


class Gate(NamedTuple):
    """A verdict that a user can act on."""

    passed: bool
    reason: str


def memorisation(
    real: ArrayLike, synthetic: ArrayLike, *, ratio: float = COPY_RATIO, objects: ArrayLike | None = None
) -> Memorisation:
    """Find synthetic patches that are copies of training patches.

    A patch counts as copied when its nearest training patch is nearer than ``ratio`` times the second nearest. With
    patches the distance is the least over the 8 flips and quarter turns, since an augmented copy is a copy.

    Parameters
    ----------
    real, synthetic : array_like of shape (N, d) and (M, d), or (N, C, S, S) and (M, C, S, S)
        Features, or patches; the real ones are those that were trained on.
    ratio : float
        The threshold.
    objects : array_like of int, shape (N,), optional
        What each real patch shows. The second nearest is one of another object, since windows of one object overlap;
        without them every patch counts as an object of its own.

    Returns
    -------
    dict
        ``copied``: share of the synthetic patches that are copies; ``ratio``: nearest over second nearest distance of
        every synthetic patch, in [0, 1]; ``nearest`` and ``distance``: its nearest training patch and the distance
        (root mean square a pixel for patches, Euclidean for features); ``view``: in which of its own flips and turns
        (`symmetries.turned`) it is nearest, 0 for features.

    Raises
    ------
    UserError
        If there are fewer than two training patches, or all of them show one object.

    Notes
    -----
    Training patches that are themselves near-copies of each other (neighbouring frames of a video) hide copies: look at
    the distances too.
    """
    x, y = np.asarray(real, dtype=np.float64), np.asarray(synthetic, dtype=np.float64)
    if x.shape[1:] != y.shape[1:]:
        raise UserError(f"Real and synthetic sets differ in shape: {x.shape[1:]} and {y.shape[1:]}.")
    shown = np.arange(len(x)) if objects is None else np.asarray(objects)
    if len(np.unique(shown)) < 2:
        raise UserError("Copies can only be told with at least two training patches.")
    nearest, view = np.zeros(len(y), np.int64), np.zeros(len(y), np.int64)
    first, second = np.zeros(len(y)), np.zeros(len(y))
    step = _PATCH_CHUNK if x.ndim == 4 else _CHUNK
    for start in range(0, len(y), step):
        part = slice(start, start + step)
        if x.ndim == 4:
            distance, views = nearest_views(y[part], x)
        else:
            distance = cdist(y[part], x)
            views = np.zeros(distance.shape, np.int64)
        rows, found = np.arange(len(distance)), distance.argmin(axis=1)
        nearest[part], first[part], view[part] = found, distance[rows, found], views[rows, found]
        distance[shown[None] == shown[found][:, None]] = np.inf
        second[part] = distance.min(axis=1)
    quotient = np.divide(first, second, out=np.zeros(len(y)), where=second > 0)
    return {
        "copied": float(np.mean(quotient < ratio)) if len(y) else 0.0,
        "ratio": quotient,
        "nearest": nearest,
        "distance": first,
        "view": view,
    }


def ct_score(trained_on: ArrayLike, synthetic: ArrayLike, held_out: ArrayLike, *, cells: int = _CELLS) -> float:
    """Return C_T: whether synthetic patches lie nearer to the training patches than unseen real ones do.

    In each cell of a k-means partition of the training patches, the distances to the nearest training patch of
    synthetic and held-out patches are compared by the Mann-Whitney statistic, in standard normal units; the cells are
    averaged by their share of held-out patches.

    Parameters
    ----------
    trained_on, synthetic, held_out : array_like of shape (N, d), (M, d) and (H, d)
        Features.
    cells : int
        Cells of the partition; cells with fewer than five patches of either kind are left out, and where none is left
        all patches form one cell.

    Returns
    -------
    float
        About 0 for fresh patches of the real law, far below 0 for copies, far above 0 for patches unlike real ones.

    Raises
    ------
    UserError
        If a set has fewer than two patches.

    References
    ----------
    Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative models", 2020.
    """
    from sklearn.cluster import KMeans

    train, made = paired(trained_on, synthetic)
    _, unseen = paired(trained_on, held_out)
    near_made, near_unseen = (cdist(each, train).min(axis=1) for each in (made, unseen))
    partition = KMeans(n_clusters=min(cells, len(train)), n_init=4, random_state=0).fit(train)
    cell_made, cell_unseen = partition.predict(made), partition.predict(unseen)
    scores, weights = [], []
    for cell in range(partition.n_clusters):
        a, b = near_made[cell_made == cell], near_unseen[cell_unseen == cell]
        if min(len(a), len(b)) >= _LEAST_IN_CELL:
            scores.append(_mann_whitney(a, b))
            weights.append(len(b))
    return float(np.average(scores, weights=weights)) if scores else _mann_whitney(near_made, near_unseen)


def authenticity(trained_on: ArrayLike, synthetic: ArrayLike) -> float:
    """Return the share of synthetic patches that are farther from their nearest training patch than that from its own.

    Parameters
    ----------
    trained_on, synthetic : array_like of shape (N, d) and (M, d)
        Features.

    Returns
    -------
    float
        In [0, 1]: about 1/2 for fresh patches of the real law, 0 for copies, 1 for patches unlike real ones.

    Raises
    ------
    UserError
        If a set has fewer than two patches.

    References
    ----------
    Alaa et al., "How faithful is your synthetic data?", 2022.
    """
    return float(is_authentic(trained_on, synthetic).mean())


def is_authentic(trained_on: ArrayLike, synthetic: ArrayLike) -> NDArray[np.bool_]:
    """Tell for every synthetic patch what `authenticity` averages; parameters and errors as there."""
    train, made = paired(trained_on, synthetic)
    within = cdist(train, train)
    np.fill_diagonal(within, np.inf)
    across = cdist(made, train)
    nearest = across.argmin(axis=1)
    return np.asarray(across[np.arange(len(made)), nearest] > within.min(axis=1)[nearest])


def memorisation_gate(figures: dict[str, Any], floor: dict[str, Any]) -> Gate:
    """Judge whether a generator gives back its training patches.

    Parameters
    ----------
    figures : dict
        ``copied`` (share), ``ct`` and ``authentic`` (share) of the synthetic patches.
    floor : dict
        ``copied`` and ``authentic`` of real patches that were not trained on.

    Returns
    -------
    Gate
        Failed where more than `COPIES_ALLOWED` above the floor are copies; or where ``ct`` is below `CT_LIMIT` and at
        the same time the share of authentic patches below half of its floor. No single figure is reliable: copies hide
        from the ratio behind near-copies among the training patches, and C_T alone also falls for blurred patches.
    """
    copied, usual = figures["copied"], floor["copied"]
    if copied > usual + COPIES_ALLOWED:
        return Gate(
            False,
            f"{copied:.0%} of the synthetic patches are copies of training patches (of unseen real: {usual:.0%}).",
        )
    if figures["ct"] < CT_LIMIT and figures["authentic"] < floor["authentic"] / 2:
        return Gate(
            False,
            f"The synthetic patches lie nearer to the training patches than unseen real ones (C_T {figures['ct']:.1f}, "
            f"authentic {figures['authentic']:.0%}, real {floor['authentic']:.0%}): near-copies, or few prototypes.",
        )
    return Gate(True, f"No sign of copying: {copied:.0%} look like copies, of unseen real patches {usual:.0%}.")


def _mann_whitney(a: Floats, b: Floats) -> float:
    """Return how much greater ``a`` is than ``b``, in standard normal units."""
    n, m = len(a), len(b)
    u = rankdata(np.concatenate([a, b]))[:n].sum() - n * (n + 1) / 2
    return float((u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))
