"""Which features a classical classifier goes by: how much worse it gets when a family of them is shuffled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.classify.feature_model import raw_probabilities
from napari_cellsynth.classify.targets import is_multi_label
from napari_cellsynth.evaluate import scores
from napari_cellsynth.imaging.features import families

_REPEATS = 3
_ROWS = 1000


def importance(
    estimator: Any,
    names: list[str],
    held_out: tuple[NDArray[np.float64], NDArray[np.int64]] | None,
    seed: int,
) -> list[dict[str, Any]]:
    """Return the importance of each family of features, the greatest first.

    Parameters
    ----------
    estimator : Pipeline
        A fitted scaler (step ``scale``) and classifier (step ``classify``).
    names : list of str, length d
        Names of the features.
    held_out : (ndarray of float, shape (M, d), ndarray of int, shape (M,)), optional
        Features of held-out crops and their classes; 1000 of them are looked at, at most.
    seed : int
        Of the shuffles.

    Returns
    -------
    list of dict
        ``features`` (the family's name, see `imaging.features.families`), ``columns`` (how many), ``permutation``: by
        how much the balanced accuracy (the mean ROC AUC for several classes a crop) on the held-out crops falls
        when the family's columns are shuffled together between crops, mean of three shuffles (Breiman 2001; a family
        at a time, because features of one kind can stand in for each other), None without held-out crops; and
        ``impurity``: the share of a random forest's decrease of Gini impurity, None for other classifiers.
    """
    classifier = estimator.named_steps["classify"]
    gini = getattr(classifier, "feature_importances_", None)
    drops: dict[str, float] = {} if held_out is None else _drops(estimator, names, *held_out, seed)
    found = [
        {
            "features": name,
            "columns": len(columns),
            "permutation": drops.get(name),
            "impurity": None if gini is None else float(gini[columns].sum()),
        }
        for name, columns in families(names).items()
    ]
    key = "permutation" if drops else "impurity"
    return sorted(found, key=lambda row: -(row[key] or 0.0)) if drops or gini is not None else []


def _drops(
    estimator: Any, names: list[str], table: NDArray[np.float64], labels: NDArray[np.int64], seed: int
) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    if len(table) > _ROWS:
        chosen = rng.choice(len(table), _ROWS, replace=False)
        table, labels = table[chosen], labels[chosen]

    def score(values: NDArray[np.float64]) -> float:
        p = raw_probabilities(estimator, values)
        return (
            scores.roc_auc(labels, p) if is_multi_label(labels) else scores.balanced_accuracy(labels, p.argmax(axis=1))
        )

    whole, found = score(table), {}
    for name, columns in families(names).items():
        falls = []
        for _ in range(_REPEATS):
            shuffled = table.copy()
            shuffled[:, columns] = table[rng.permutation(len(table))][:, columns]
            falls.append(whole - score(shuffled))
        found[name] = float(np.mean(falls))
    return found
