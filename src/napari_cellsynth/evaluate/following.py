"""Following objects from frame to frame by their overlap, and what classes they go through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

LEAST_OVERLAP = 0.3
"""Objects of two frames are the same only from this intersection over union on, as in TrackMate's overlap tracker."""


def matched(overlap: ArrayLike, least: float = LEAST_OVERLAP) -> NDArray[np.int64]:
    """Return which objects of two frames are the same: one to one, with the greatest overlap in all.

    Parameters
    ----------
    overlap : array_like of shape (M, N)
        Intersection over union of every object of a frame with every one of the next, in [0, 1].
    least : float
        Pairs that overlap less are none.

    Returns
    -------
    ndarray of int64, shape (P, 2)
        Positions in the two frames, in order of the first.

    Notes
    -----
    An assignment problem (Kuhn 1955), solved apart for every cluster of objects that overlap each other.
    """
    iou = np.asarray(overlap, np.float64)
    iou = np.where(iou >= least, iou, 0.0)
    m, n = iou.shape
    rows, columns = np.nonzero(iou)
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    graph = csr_array((np.ones(len(rows)), (rows, m + columns)), shape=(m + n, m + n))
    _, cluster = connected_components(graph, directed=False)
    pairs = []
    for number in np.unique(cluster[rows]):
        first, second = np.flatnonzero(cluster[:m] == number), np.flatnonzero(cluster[m:] == number)
        a, b = linear_sum_assignment(iou[np.ix_(first, second)], maximize=True)
        chosen = iou[first[a], second[b]] > 0
        pairs.append(np.column_stack([first[a], second[b]])[chosen])
    found = np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
    return found[np.argsort(found[:, 0], kind="stable")].astype(np.int64)


def tracks(objects: Sequence[int], pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return the track of every object, numbered from 1: objects that are followed into each other share one.

    Parameters
    ----------
    objects : sequence of int
        Ids, frame by frame.
    pairs : iterable of (int, int)
        An object and what it is in the next frame, in order of the frames.
    """
    before = {after: first for first, after in pairs}
    found: dict[int, int] = {}
    last = 0
    for each in objects:
        if each in before and before[each] in found:
            found[each] = found[before[each]]
        else:
            last += 1
            found[each] = last
    return found


def transition_counts(first: ArrayLike, second: ArrayLike, class_names: Sequence[str]) -> pd.DataFrame:
    """Count how often followed objects go from one class to another between two frames.

    Parameters
    ----------
    first, second : array_like of int, shape (P,)
        Class of an object and of the same one in the next frame, as positions in ``class_names``; pairs with -1
        (unknown) are left out.
    class_names : sequence of str, length K
        Names of the classes.

    Returns
    -------
    DataFrame
        One row a pair of classes: ``from``, ``to``, ``count``, and ``share`` of all that start in that class (NaN where
        none does).
    """
    a, b = np.asarray(first, np.int64), np.asarray(second, np.int64)
    known = (a >= 0) & (b >= 0)
    k = len(class_names)
    counts = np.bincount(a[known] * k + b[known], minlength=k * k).reshape(k, k)
    starts = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        share = counts / starts
    return pd.DataFrame(
        {
            "from": np.repeat(np.asarray(class_names, dtype=object), k),
            "to": np.tile(np.asarray(class_names, dtype=object), k),
            "count": counts.ravel(),
            "share": share.ravel(),
        }
    )
