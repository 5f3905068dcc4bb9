"""How far two sets of labels of the same objects agree: percent, Cohen's kappa, and who calls what how."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.statistics import Interval

_Z95 = 1.959964


class Agreement(NamedTuple):
    """Two labellings of n objects, or one person's first and second answers.

    Attributes
    ----------
    n, agreed : int
        Objects, and those with the same label in both.
    share : Interval
        agreed / n in [0, 1] with Wilson's 95 % interval.
    kappa : Interval
        Cohen's kappa in [-1, 1] with its 95 % interval; NaN where both gave one and the same label to all objects.
    labels : list of int
        The K labels that occur, ascending.
    table : ndarray of int, shape (K, K)
        Objects by first (rows) and second label (columns).
    """

    n: int
    agreed: int
    share: Interval
    kappa: Interval
    labels: list[int]
    table: NDArray[np.int64]


def agreement(first: ArrayLike, second: ArrayLike) -> Agreement:
    """Compare two labellings of the same objects.

    Parameters
    ----------
    first, second : array_like of int, shape (N,)
        Labels; every number is a category of its own, also those of unsure and of bad segmentations.

    Raises
    ------
    UserError
        Where there is no object that both have labelled.

    Notes
    -----
    Kappa after Cohen (1960), its standard error after Fleiss, Cohen and Everitt (1969), for objects that are
    independent of each other; crops of one video are not quite, so the true interval is wider.
    """
    a, b = np.asarray(first, np.int64), np.asarray(second, np.int64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"the labels are {a.shape} and {b.shape}, not of the same objects")
    if not len(a):
        raise UserError("There is no object that both have labelled.", "Label some objects twice, without looking.")
    labels, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    table = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(table, (places[: len(a)], places[len(a) :]), 1)
    agreed = int(np.trace(table))
    from scipy.stats import binomtest

    bounds = binomtest(agreed, len(a)).proportion_ci(method="wilson")
    share = Interval(agreed / len(a), float(bounds.low), float(bounds.high))
    return Agreement(len(a), agreed, share, cohens_kappa(table), labels.tolist(), table)


def cohens_kappa(table: ArrayLike) -> Interval:
    """Return Cohen's kappa of a table of counts (K, K) with its 95 % interval; NaN where chance alone agrees fully."""
    counts = np.asarray(table, np.float64)
    n = counts.sum()
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float(np.trace(p)), float(rows @ columns)
    if chance >= 1:
        return Interval(float("nan"), float("nan"), float("nan"))
    kappa = (observed - chance) / (1 - chance)
    own = np.diag(p)
    a = (own * (1 - (rows + columns) * (1 - kappa)) ** 2).sum()
    sums = (columns[:, None] + rows[None, :]) ** 2 * p
    b = (1 - kappa) ** 2 * (sums.sum() - np.trace(sums))
    c = (kappa - chance * (1 - kappa)) ** 2
    error = np.sqrt(max(0.0, a + b - c) / n) / (1 - chance)
    return Interval(kappa, max(-1.0, kappa - _Z95 * error), min(1.0, kappa + _Z95 * error))
