"""Balancing rows of features: oversampling, undersampling and SMOTE (S4), inside a training alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NEIGHBOURS = 5


def resampled(
    table: NDArray[np.float64], labels: NDArray[np.int64], balance: str, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return rows and classes after balancing.

    Parameters
    ----------
    table : ndarray of float, shape (M, d)
        Standardised features.
    labels : ndarray of int, shape (M,)
        Their classes.
    balance : {"none", "weights", "oversample", "undersample", "smote"}
        ``oversample``: rows of the rarer classes are drawn again until all classes have as many as the commonest.
        ``undersample``: rows are left out until all have as few as the rarest. ``smote``: the rarer classes get new
        rows on the lines between a row and one of its 5 nearest neighbours in its class (Chawla et al. 2002; S4
        section 5), or fewer where the class has fewer; a class with one row has it repeated. The others change nothing.
    seed : int
        Of the draws.
    """
    counts = np.bincount(labels)
    if balance in ("none", "weights"):
        return table, labels
    if balance == "smote":
        return _smote(table, labels, counts, seed)
    rng = np.random.default_rng(seed)
    wanted = counts.max() if balance == "oversample" else counts[counts > 0].min()
    kept = []
    for number in np.flatnonzero(counts):
        rows = np.flatnonzero(labels == number)
        if balance == "undersample":
            kept.append(rng.permutation(rows)[:wanted])
        else:
            kept.append(np.concatenate([rows, rng.choice(rows, wanted - len(rows))]))
    chosen = np.concatenate(kept)
    return table[chosen], labels[chosen]


def _smote(
    table: NDArray[np.float64], labels: NDArray[np.int64], counts: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from imblearn.over_sampling import SMOTE

    most = int(counts.max())
    tables, classes = [table], [labels]
    for number in np.flatnonzero((counts > 0) & (counts < most)).tolist():
        missing = most - int(counts[number])
        if counts[number] == 1:
            new = table[labels == number].repeat(missing, axis=0)
        else:
            # A class at a time, because imbalanced-learn takes one number of neighbours for all.
            nearest = min(_NEIGHBOURS, int(counts[number]) - 1)
            smote = SMOTE(sampling_strategy={number: most}, k_neighbors=nearest, random_state=seed % 2**32)
            new = smote.fit_resample(table, labels)[0][len(table) :]
        tables.append(new)
        classes.append(np.full(missing, number))
    return np.concatenate(tables), np.concatenate(classes)
