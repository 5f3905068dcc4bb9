"""Classes over time: a table of counts and fractions per frame, video or group, corrected and with bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.evaluate.class_shares import REPEATS, Confusion, composition

FRAMES, GROUP_FRAMES, VIDEOS, GROUPS = ("group", "video", "frame"), ("group", "frame"), ("group", "video"), ("group",)
"""What a table has a row a class for."""

FIGURES = {
    "objects": "Objects with a label or a prediction.",
    "labelled": "Of these with a person's label of this class: it counts as it is.",
    "predicted": "Objects without a label that the classifier takes for this class.",
    "count": "Labelled and predicted.",
    "fraction": "Their share of the objects.",
    "corrected_count": "Most likely number, given what the classifier takes for what on held-out crops.",
    "count_low": "Band of that number of these very objects.",
    "count_high": "Band of that number of these very objects.",
    "corrected_fraction": "The corrected count's share of the objects.",
    "fraction_low": "Band of the share that further objects like these would have.",
    "fraction_high": "Band of the share that further objects like these would have.",
}
"""Column to its meaning."""


def class_table(
    objects: pd.DataFrame,
    class_names: Sequence[str],
    confusion: Confusion | None,
    by: Sequence[str],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> pd.DataFrame:
    """Count classes in every frame, video or group.

    A label is believed; predictions count for the objects without one, and they alone are corrected: a classifier
    errs less on crops that it has learned from than on held-out ones.

    Parameters
    ----------
    objects : DataFrame
        One row an object and frame: ``group``, ``video``, ``frame``, and ``label`` and ``predicted`` as positions in
        ``class_names``, -1 for none. Objects with neither are left out.
    class_names : sequence of str, length K
        Names of the classes.
    confusion : Confusion or None
        Of the classifier on held-out crops, in the order of ``class_names``; without it nothing can be corrected, and
        those columns are NaN wherever something is predicted.
    by : sequence of str
        `FRAMES`, `GROUP_FRAMES`, `VIDEOS` or `GROUPS`. Where a row adds up frames, the frames of a video count as one
        witness: they show the same objects again.
    repeats, seed : int
        Of the draws behind the bands.

    Returns
    -------
    DataFrame
        The columns of ``by``, ``class``, and the `FIGURES`.
    """
    known = objects[(objects["label"] >= 0) | (objects["predicted"] >= 0)]
    keys = list(by)
    k = len(class_names)
    sets = known[keys].drop_duplicates().sort_values(keys).reset_index(drop=True)
    place = known[keys].merge(sets.reset_index(), on=keys, how="left")["index"].to_numpy()
    told, asked = np.zeros((len(sets), k)), np.zeros((len(sets), k))
    label, predicted = known["label"].to_numpy(), known["predicted"].to_numpy()
    believed = label >= 0
    np.add.at(told, (place[believed], label[believed]), 1)
    np.add.at(asked, (place[~believed], predicted[~believed]), 1)
    weight = np.ones(len(sets))
    if "frame" not in keys and len(sets):
        seen = known.groupby("video")["frame"].transform("nunique").to_numpy()
        weight = np.bincount(place, weights=1 / seen) / np.bincount(place)
    counts = told + asked
    objects_in = counts.sum(axis=1, keepdims=True)
    found = composition(
        told, asked, confusion or Confusion(np.zeros((0, k, k))), weight=weight, repeats=repeats, seed=seed
    )
    hidden = (asked.sum(axis=1, keepdims=True) > 0) & (confusion is None)

    def shown(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.where(hidden, np.nan, values).ravel())

    table = sets.loc[np.repeat(np.arange(len(sets)), k)].reset_index(drop=True)
    return table.assign(
        **{
            "class": np.tile(np.asarray(class_names, dtype=object), len(sets)),
            "objects": np.repeat(objects_in.ravel(), k).astype(int),
            "labelled": told.ravel().astype(int),
            "predicted": asked.ravel().astype(int),
            "count": counts.ravel().astype(int),
            "fraction": (counts / np.maximum(objects_in, 1)).ravel(),
            "corrected_count": shown(found.counts.estimate),
            "count_low": shown(found.counts.low),
            "count_high": shown(found.counts.high),
            "corrected_fraction": shown(found.shares.estimate),
            "fraction_low": shown(found.shares.low),
            "fraction_high": shown(found.shares.high),
        }
    )
