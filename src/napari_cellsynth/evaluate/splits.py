"""Splits that never let a group (video, slide, well, animal) straddle training and test."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.errors import LeakError, UserError

Fold = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Positions of what is learned from and of what is tested on."""

_TRIALS = 200
_WORK = 100_000
"""Bounds of the search in `grouped_holdout`: shufflings tried, and groups looked at in all of them."""


def assert_no_leak(train_groups: Iterable[Any], test_groups: Iterable[Any]) -> None:
    """Raise if a group is both learned from and tested on.

    Parameters
    ----------
    train_groups, test_groups : iterable
        The groups of the two parts; repeats are fine.

    Raises
    ------
    LeakError
        Naming (some of) the groups that straddle.
    """
    shared = sorted({str(group) for group in train_groups} & {str(group) for group in test_groups})
    if shared:
        more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""
        raise LeakError(
            f"Group {', '.join(shared[:3])}{more} is in the training and in the test.",
            "Keep every video, slide or animal on one side of the split.",
        )


def grouped_folds(groups: ArrayLike, y: ArrayLike, k: int = 5, seed: int = 0) -> list[Fold]:
    """Split objects into ``k`` folds by whole groups, with class shares as even as the groups allow.

    Parameters
    ----------
    groups : array_like of shape (N,)
        The group of every object.
    y : array_like of shape (N,) or (N, K)
        Its class, or 0/1 for each of K classes.
    k : int
        Number of folds, at least 2.
    seed : int
        Fixes the shuffling of the groups.

    Returns
    -------
    list of (train, test)
        Positions (int64) of every fold; each object is tested exactly once.

    Raises
    ------
    UserError
        If there are fewer groups than folds, or no class has ``k`` objects.
    """
    names, classes = _checked(groups, y)
    n_groups = len(np.unique(names))
    if k < 2:
        raise UserError(f"Cross-validation needs at least 2 folds, not {k}.")
    if n_groups < k:
        raise UserError(
            f"{n_groups} groups cannot be split into {k} folds.", "Use fewer folds, or images of more groups."
        )
    if _class_sizes(classes).max() < k:
        raise UserError(f"No class has {k} objects, one for each fold.", "Label more objects, or use fewer folds.")
    deal = _folds_of_sets if classes.ndim == 2 else _folds_of_classes
    folds = deal(names, classes, k, seed)
    if any(len(test) == 0 for _, test in folds):
        raise UserError(f"The groups are too uneven for {k} folds: one of them is empty.", "Use fewer folds.")
    for train, test in folds:
        assert_no_leak(names[train], names[test])
    return folds


def group_counts(group_of: NDArray[np.int64], y: ArrayLike) -> NDArray[np.float64]:
    """Count the objects of every class in every group, (groups, classes).

    Parameters
    ----------
    group_of : ndarray of int, shape (N,)
        The group of every object, 0 to the number of groups.
    y : array_like of shape (N,) or (N, K)
        Its class, or 0/1 for each of K classes; a class that no object has is left out.
    """
    classes = np.asarray(y)
    if classes.ndim == 2:
        rows = classes[:, classes.any(axis=0)].astype(np.float64)
    else:
        _, class_of = np.unique(classes, return_inverse=True)
        rows = np.eye(class_of.max(initial=-1) + 1)[class_of]
    counts = np.zeros((int(group_of.max(initial=-1)) + 1, rows.shape[1]))
    np.add.at(counts, group_of, rows)
    return counts


def _class_sizes(classes: NDArray[Any]) -> NDArray[np.int64]:
    if classes.ndim == 2:
        return np.asarray(classes.astype(bool).sum(axis=0))
    return np.asarray(np.unique(classes, return_counts=True)[1])


def _folds_of_sets(names: NDArray[Any], classes: NDArray[Any], k: int, seed: int) -> list[Fold]:
    """Deal the groups out, the largest first, each to the fold whose shares of the classes it evens out most."""
    _, group_of = np.unique(names, return_inverse=True)
    counts = np.column_stack([group_counts(group_of, classes), np.bincount(group_of)])
    shares = counts / counts.sum(axis=0)
    mixed = np.random.default_rng(seed).permutation(len(counts))
    fold_of, filled = np.zeros(len(counts), np.int64), np.zeros((k, shares.shape[1]))
    for g in mixed[np.argsort(-shares[mixed].sum(axis=1), kind="stable")]:
        # The sum of squared shares grows least where the group goes to the fold that lacks its classes most.
        fold_of[g] = (filled @ shares[g]).argmin()
        filled[fold_of[g]] += shares[g]
    tested = fold_of[group_of]
    return [(np.flatnonzero(tested != number), np.flatnonzero(tested == number)) for number in range(k)]


def _folds_of_classes(names: NDArray[Any], classes: NDArray[Any], k: int, seed: int) -> list[Fold]:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_splits=k, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer objects than folds is ordinary here: rare classes are why the product exists.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        return [
            (train.astype(np.int64), test.astype(np.int64))
            for train, test in splitter.split(np.zeros((len(classes), 1)), classes, names)
        ]


def grouped_holdout(groups: ArrayLike, y: ArrayLike, fraction: float = 0.25, seed: int = 0) -> NDArray[np.bool_]:
    """Choose whole groups to hold out, so that every class is held out at about the wanted fraction.

    Groups are gone through in many shuffled orders and taken while that brings the held-out share of the
    classes nearer to ``fraction``; the best choice wins. No class is ever held out whole: one that lives in
    a single group stays in training (and goes untested).

    Parameters
    ----------
    groups : array_like of shape (N,)
        The group of every object.
    y : array_like of shape (N,) or (N, K)
        Its class, or 0/1 for each of K classes.
    fraction : float
        Wanted share of the objects to hold out, in (0, 1).
    seed : int
        Fixes the shuffled orders.

    Returns
    -------
    ndarray of bool, shape (N,)
        True for held-out objects; at least one is held out, and at least one of every class is not.

    Raises
    ------
    UserError
        If there are fewer than two groups, or if no group can go without taking a class whole.
    """
    names, classes = _checked(groups, y)
    if not 0 < fraction < 1:
        raise UserError(f"The held-out fraction is {fraction}, but it must lie between 0 and 1.")
    unique_groups, group_of = np.unique(names, return_inverse=True)
    if len(unique_groups) < 2:
        raise UserError(
            "All labelled objects are of one group, so none can be held out.",
            "Label objects of a second image, or set the groups so that independent images differ.",
        )
    counts = group_counts(group_of, classes)
    held = _choose(counts, fraction, np.random.default_rng(seed))
    if not held.any():
        raise UserError(
            "No group can be held out: each is the only one of some class.",
            "Label objects of every class in at least two groups.",
        )
    return np.asarray(held[group_of])


def _checked(groups: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    names, classes = np.asarray(groups), np.asarray(y)
    if len(names) != len(classes):
        raise ValueError(f"{len(names)} groups do not go with {len(classes)} classes")
    if len(names) == 0:
        raise UserError("There is no labelled object to split.", "Label some objects first.")
    return names, classes


def _choose(counts: NDArray[np.float64], fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return the best set of groups to hold out, given the (groups, classes) table of counts."""
    n_groups = len(counts)
    shares = counts / counts.sum(axis=0)
    # The share of all objects counts like one more class, so that the size of the held-out part is right too.
    shares = np.column_stack([shares, counts.sum(axis=1) / counts.sum()])
    testable = (counts > 0).sum(axis=0) >= 2
    best, best_loss = np.zeros(n_groups, bool), np.inf
    for _ in range(max(1, min(_TRIALS, _WORK // n_groups))):
        held, share = np.zeros(n_groups, bool), np.zeros(shares.shape[1])
        left = counts.sum(axis=0)
        for g in rng.permutation(n_groups):
            takes_a_class_whole = bool(np.any((counts[g] > 0) & (left - counts[g] <= 0)))
            nearer = np.sum((share + shares[g] - fraction) ** 2) < np.sum((share - fraction) ** 2)
            if takes_a_class_whole or not nearer:
                continue
            held[g] = True
            share += shares[g]
            left = left - counts[g]
        untested = int(np.sum((share[:-1] == 0) & testable))
        loss = untested * 10 + float(np.sum((share - fraction) ** 2))
        if loss < best_loss:
            best, best_loss = held, loss
    return best if best.any() else _smallest_possible(counts)


def _smallest_possible(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Hold out the smallest group that takes no class whole: with few groups all may overshoot."""
    held = np.zeros(len(counts), bool)
    total = counts.sum(axis=0)
    for g in np.argsort(counts.sum(axis=1), kind="stable"):
        if not np.any((counts[g] > 0) & (counts[g] >= total)):
            held[g] = True
            break
    return held
