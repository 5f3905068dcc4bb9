"""Help with labels, from hand-made features: likely mistakes, what to label next."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.score_curves import margin
from napari_cellsynth.evaluate.splits import grouped_folds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FOLDS = 5
RANDOM_SHARE = 0.2
"""The share of the objects to label next that is drawn at random, for a test set that nobody chose."""
_POOL = 5
"""Diverse objects are chosen among this many times as many of the least sure."""


def out_of_fold_probabilities(
    features: ArrayLike, y: ArrayLike, groups: ArrayLike, *, learned: ArrayLike | None = None, seed: int = 0
) -> Floats:
    """Return class probabilities of every object by logistic regressions that never saw its group.

    Parameters
    ----------
    features : array_like of shape (N, d)
        Such as `extractors.features(patches, "handmade")`.
    y : array_like of int, shape (N,)
        Classes 0..K-1, all of which occur.
    groups : array_like of shape (N,)
        The group of every object.
    learned : array_like of bool, shape (N,), optional
        Whose labels may be learned from; all of them, if left out.
    seed : int
        Of the folds.

    Returns
    -------
    ndarray of float64, shape (N, K)
        A class that is missing from a fold's training part gets probability 0 there.

    Raises
    ------
    UserError
        If there are fewer than two groups or classes.
    """
    x, true, names = np.asarray(features, np.float64), np.asarray(y, np.int64), np.asarray(groups)
    k = int(true.max(initial=-1)) + 1
    if len(np.unique(true)) < 2:
        raise UserError("Likely mistakes need labels of two classes at least.", "Label crops of a second class.")
    may = np.ones(len(true), bool) if learned is None else np.asarray(learned, bool)
    p = np.zeros((len(true), k))
    for train, test in grouped_folds(names, true, min(_FOLDS, len(np.unique(names))), seed):
        told = train[may[train]]
        p[test] = class_probabilities(x[told], true[told], x[test], k)
    return p


def class_probabilities(features: Floats, y: Ints, asked: Floats, n_classes: int) -> Floats:
    """Return the probabilities (M, K) of ``asked`` (M, d) by a logistic regression on features (N, d) of classes y."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    p = np.zeros((len(asked), n_classes))
    if not len(asked) or not len(y):
        return p
    present = np.unique(y)
    if len(present) == 1:
        p[:, present[0]] = 1.0
        return p
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    with warnings.catch_warnings():
        # A ranking needs no converged decimals.
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")
        model.fit(features, y)
    p[:, present] = model.predict_proba(asked)
    return p


def likely_mislabelled(y: ArrayLike, probabilities: ArrayLike) -> Ints:
    """Return the positions of objects whose label is probably wrong, the likeliest first.

    Parameters
    ----------
    y : array_like of int, shape (N,)
        Labels given, 0..K-1.
    probabilities : array_like of shape (N, K)
        Out-of-fold class probabilities.

    Notes
    -----
    Confident learning (Northcutt et al. 2021) as cleanlab does it: an object is listed when it is surer of another
    class than objects of that class are on average; sorted by the probability of the label given.
    """
    from cleanlab.filter import find_label_issues

    labels = np.asarray(y, np.int64)
    p = np.clip(np.asarray(probabilities, np.float64), 1e-9, None)
    found = find_label_issues(
        labels, p / p.sum(axis=1, keepdims=True), return_indices_ranked_by="self_confidence", n_jobs=1
    )
    return np.asarray(found, np.int64)


class Next(NamedTuple):
    """An object to label next, and whether it was drawn at random."""

    position: int
    is_random: bool


def label_next(probabilities: ArrayLike, features: ArrayLike, n: int, *, seed: int = 0) -> list[Next]:
    """Choose unlabelled objects to label next: unsure and unlike each other, a fifth of them at random.

    Parameters
    ----------
    probabilities : array_like of shape (N, K)
        Class probabilities of the unlabelled objects.
    features : array_like of shape (N, d)
        Their features.
    n : int
        How many to choose.
    seed : int
        Of the random ones.

    Returns
    -------
    list of Next
        In an order that mixes both. The random ones are drawn first, from all, so that as a test set they are like the
        objects and not like the hard ones. The others have the smallest margins; of five times as many as are wanted
        those are taken that lie farthest from all taken before (farthest-first, Gonzalez 1985).
    """
    unsure, x = margin(probabilities), np.asarray(features, np.float64)
    n = min(n, len(unsure))
    if not n:
        return []
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(unsure), round(RANDOM_SHARE * n), replace=False)
    rest = np.setdiff1d(np.arange(len(unsure)), drawn)
    pool = rest[np.argsort(unsure[rest], kind="stable")][: _POOL * (n - len(drawn))]
    spread = x.std(axis=0)
    z = (x[pool] - x.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    chosen = [int(i) for i in pool[_farthest_first(z, n - len(drawn))]]
    both = [Next(i, False) for i in chosen] + [Next(int(i), True) for i in drawn]
    return [both[i] for i in rng.permutation(len(both))]


def _farthest_first(z: Floats, n: int) -> Ints:
    """Return ``n`` rows, the first one first, then always the one farthest from those taken."""
    if not n:
        return np.zeros(0, np.int64)
    taken = [0]
    nearest = np.linalg.norm(z - z[0], axis=1)
    while len(taken) < n:
        nearest[taken] = -1.0
        taken.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(z - z[taken[-1]], axis=1))
    return np.array(taken, np.int64)
