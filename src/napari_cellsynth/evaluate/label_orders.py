"""Orders of labelling by how objects look: the most similar to one, and typical ones of every kind to begin with."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_AXES = 16
_FEWEST = 8
_NEIGHBOURS = 20
_SAMPLE = 5_000
"""Clusters are sought among this many objects at most; all others then go to the nearest one."""


def similar_space(features: ArrayLike, axes: int = _AXES) -> Floats:
    """Return objects in a space of few axes in which near means similar.

    Parameters
    ----------
    features : array_like of shape (N, d)
        Such as `extractors.features(patches, "handmade")`.
    axes : int
        At most so many principal components.

    Returns
    -------
    ndarray of float64, shape (N, min(axes, d))
        Standardised features (clipped at five standard deviations, so that one odd feature does not decide alone),
        turned into their principal components.
    """
    x = np.asarray(features, np.float64)
    spread = x.std(axis=0)
    z = np.clip((x - x.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0), -5, 5)
    z -= z.mean(axis=0)
    _, directions = np.linalg.eigh(z.T @ z)
    return np.asarray(z @ directions[:, ::-1][:, :axes], np.float64)


def different_first(z: ArrayLike, groups: ArrayLike, n: int, *, seed: int = 0) -> Ints:
    """Return the objects to begin a labelling with: typical ones of kinds as different as can be.

    Parameters
    ----------
    z : array_like of shape (N, d)
        Of `similar_space`.
    groups : array_like of shape (N,)
        The group of every object.
    n : int
        How many.
    seed : int
        Of the clustering.

    Returns
    -------
    ndarray of int64, shape (min(n, N),)
        Positions, the order in which to label.

    Notes
    -----
    TypiClust (Hacohen, Dekel and Weinshall 2022), which at few labels beats choosing the farthest objects, since these
    are mostly debris: objects are clustered, and of each cluster the most typical one is taken, the one with the
    smallest mean distance to its nearest neighbours. Rounds of 8, 16, 32 … clusters, so that any beginning of the list
    covers all kinds; within a round large clusters come first. Of several objects nearly as typical that of the group
    taken least so far is chosen.
    """
    from sklearn.cluster import KMeans

    x, names = np.asarray(z, np.float64), np.unique(np.asarray(groups), return_inverse=True)[1]
    n = min(int(n), len(x))
    rng = np.random.default_rng(seed)
    sample = rng.permutation(len(x))[:_SAMPLE]
    taken: list[int] = []
    per_group = np.zeros(names.max(initial=-1) + 1, np.int64)
    free = np.ones(len(x), bool)
    kinds = min(_FEWEST, max(1, n))
    while len(taken) < n:
        model = KMeans(min(kinds, len(sample)), random_state=seed, n_init=1)
        with warnings.catch_warnings():
            # Copies of one crop fill fewer clusters than were asked for.
            warnings.filterwarnings("ignore", message="Number of distinct clusters")
            model.fit(x[sample])
        cluster = model.predict(x)
        sizes = np.bincount(cluster, minlength=model.n_clusters)
        before = len(taken)
        for each in np.argsort(-sizes, kind="stable"):
            members = np.flatnonzero((cluster == each) & free)
            if len(taken) == n or not len(members) or (cluster[taken] == each).any():
                continue  # a cluster with a label is known already
            best = members[_typical(x, members, rng)]
            fewest = best[np.argmin(per_group[names[best]])]
            taken.append(int(fewest))
            free[fewest] = False
            per_group[names[fewest]] += 1
        if kinds >= len(sample) or (len(taken) == before and kinds >= n):
            rest = rng.permutation(np.flatnonzero(free))[: n - len(taken)]
            taken += rest.tolist()
        kinds *= 2
    return np.array(taken, np.int64)


def _typical(x: Floats, members: Ints, rng: np.random.Generator) -> Ints:
    """Return the places among ``members`` of the most typical ones: a tenth of them, five at most, best first."""
    from sklearn.neighbors import NearestNeighbors

    some = members if len(members) <= 1000 else rng.choice(members, 1000, replace=False)
    near = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(some))).fit(x[some])
    apart = near.kneighbors(x[some])[0].mean(axis=1)
    best = np.argsort(apart, kind="stable")[: max(1, min(5, len(some) // 10))]
    return np.asarray(np.searchsorted(members, some[best]), np.int64)
