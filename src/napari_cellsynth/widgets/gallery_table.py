"""Which patches the gallery shows, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_cellsynth.widgets.gallery_model import COLUMNS, REAL, SYNTHETIC

NEWEST = "newest"
"""In place of a run: of every class the newest one."""

ORDERS = {
    "newest first": "Patches made last come first.",
    "likely copies first": "Synthetic patches nearest to a real one come first.",
    "most unusual first": "Synthetic patches farthest from any real one come first.",
    "not reviewed first": "Patches without a verdict come first.",
}
"""The orders and what they are good for."""


@dataclass(frozen=True)
class Choice:
    """What a person has chosen to see.

    ``show`` is "synthetic", "real" or "both"; ``class_id`` and ``run`` are None for all (``run`` may be `NEWEST`);
    ``review`` is "all", "not reviewed", "accepted" or "rejected"; ``order`` is one of `ORDERS`; ``objects`` are the
    only real crops to show, labelled or not.
    """

    show: str = "synthetic"
    class_id: int | None = None
    run: str | None = NEWEST
    review: str = "all"
    order: str = "newest first"
    objects: Sequence[int] | None = None


def gallery_table(project: Any, synthetic: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Return the patches to show, in order, with the columns of the gallery's model.

    Parameters
    ----------
    project : Project
        Its labelled objects are the real crops.
    synthetic : DataFrame
        `Project.synthetic`.
    choice : Choice
        What to show.
    """
    parts = []
    if choice.show != "real":
        parts.append(_of_run(synthetic, choice.run).assign(kind=SYNTHETIC, id=lambda table: table.index))
    if choice.show != "synthetic":
        parts.append(_real(project, choice.objects))
    # An empty part would make all columns objects.
    filled = [part[COLUMNS] for part in parts if len(part)]
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)
    if choice.class_id is not None:
        table = table[table["class_id"] == choice.class_id]
    if choice.review != "all":
        table = table[table["review"] == ("" if choice.review == "not reviewed" else choice.review)]
    return _ordered(table, choice.order)


def _real(project: Any, chosen: Sequence[int] | None) -> pd.DataFrame:
    objects = project.objects()
    objects = objects[objects["class_id"] > 0 if chosen is None else objects.index.isin(chosen)]
    return pd.DataFrame({"class_id": objects["class_id"]}).assign(
        kind=REAL, id=objects.index, run="", review="", reason="", nearest_object=0, distance=np.nan
    )


def _of_run(synthetic: pd.DataFrame, run: str | None) -> pd.DataFrame:
    if run is None:
        return synthetic
    if run != NEWEST:
        return synthetic[synthetic["run"] == run]
    newest = synthetic.groupby("class_id")["run"].last()
    return synthetic[synthetic["run"] == synthetic["class_id"].map(newest)]


def _ordered(table: pd.DataFrame, order: str) -> pd.DataFrame:
    if order == "newest first":
        return table.iloc[::-1]
    if order == "not reviewed first":
        return table.sort_values("review", key=lambda column: column != "", kind="stable")
    ascending = order == "likely copies first"
    return table.sort_values("distance", ascending=ascending, kind="stable", na_position="last")
