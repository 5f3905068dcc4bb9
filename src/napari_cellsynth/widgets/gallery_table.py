"""Which patches the gallery shows, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.evaluate.patch_figures import PATCH_FIGURES
from napari_cellsynth.widgets.gallery_model import ACCEPTED, COLUMNS, REJECTED
from napari_cellsynth.widgets.gallery_search import found_by
from napari_cellsynth.widgets.gallery_source import GallerySource
from napari_cellsynth.widgets.suggestion_table import Suggested

NEWEST = "newest"
"""In place of a run: of every class the newest one."""

ORDERS = {
    "newest first": "Patches made last come first.",
    "oldest first": "Patches come in the order in which they were made.",
    "not reviewed first": "Patches without a verdict come first.",
    "least realistic first": "Patches least like any real one come first.",
    "most realistic first": "Patches that lie among the real ones come first.",
    "least sure class first": "Patches that a classifier takes for another class come first.",
    "surest class first": "Patches that a classifier takes for their own class come first.",
    "nearest to real first": "Patches nearest to a real one come first.",
    "most unusual first": "Patches farthest from any real one come first.",
    "likely copies first": "Patches much nearer to one real object than to any other come first.",
    "unlikely copies first": "Patches about as near to several real objects come first.",
}
"""The orders and what they are good for."""

BY_FIGURE = {
    "least realistic first": ("realism", True),
    "most realistic first": ("realism", False),
    "least sure class first": ("confidence", True),
    "surest class first": ("confidence", False),
    "nearest to real first": ("distance", True),
    "most unusual first": ("distance", False),
    "likely copies first": ("copy", True),
    "unlikely copies first": ("copy", False),
}
"""The orders by a figure: its name in `PATCH_FIGURES`, and whether the smallest come first."""


@dataclass(frozen=True)
class Choice:
    """What a person has chosen to see.

    ``show`` is "synthetic", "real" or "both"; ``class_id`` and ``run`` are None for all (``run`` may be `NEWEST`);
    ``review`` is "all", "not reviewed", "accepted" or "rejected"; ``order`` is one of `ORDERS`; ``objects`` are the
    only real crops to show, labelled or not. With "real" ``class_id`` may also be that of unlabelled, unsure or badly
    segmented ones. ``certainty`` is what is suggested for objects, by their ids, where that is their order. ``text``
    is searched for; ``beside`` is a second run, to compare with. ``every`` shows all real crops, whatever their label.
    """

    show: str = "synthetic"
    class_id: int | None = None
    run: str | None = NEWEST
    review: str = "all"
    order: str = "newest first"
    objects: Sequence[int] | None = None
    text: str = ""
    beside: str | None = None
    certainty: Suggested = field(default_factory=dict)
    every: bool = False


def gallery_table(project: Any, source: GallerySource, choice: Choice) -> pd.DataFrame:
    """Return the patches to show, in order, with the columns of the gallery's model.

    Parameters
    ----------
    project : Project
        Its labelled objects are the real crops.
    source : GallerySource
        What was read of the project.
    choice : Choice
        What to show.
    """
    parts = []
    if choice.show != "real":
        parts.append(_of_run(source.synthetic(project), choice.run, choice.beside))
    if choice.show != "synthetic" and choice.beside is None:
        parts.append(source.real(project, choice.objects, choice.class_id, choice.certainty, choice.every))
    # An empty part would make all columns objects.
    filled = [part for part in parts if len(part)]
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)
    wanted = np.ones(len(table), bool)
    if choice.class_id is not None:
        wanted &= (table["class_id"] == choice.class_id).to_numpy()
    if choice.review != "all":
        wanted &= (table["review"] == ("" if choice.review == "not reviewed" else choice.review)).to_numpy()
    if choice.text.strip():
        names = {record.id: record.name for record in project.classes()}
        wanted &= found_by(table, choice.text, names, source.images(project), source.objects(project))
    return _ordered(table if wanted.all() else table[wanted], choice.order)


def _of_run(synthetic: pd.DataFrame, run: str | None, beside: str | None) -> pd.DataFrame:
    if beside is not None:
        return synthetic[synthetic["run"].isin([run, beside])]
    if run is None:
        return synthetic
    if run != NEWEST:
        return synthetic[synthetic["run"] == run]
    # Numbers in place of the words, of which comparing tens of thousands takes longer than all the rest.
    codes, classes = pd.factorize(synthetic["run"])[0], synthetic["class_id"].to_numpy()
    newest = dict(zip(classes.tolist(), codes.tolist(), strict=True))
    wanted = np.zeros(len(synthetic), bool)
    for class_id, code in newest.items():
        wanted |= (classes == class_id) & (codes == code)
    return synthetic if wanted.all() else synthetic[wanted]


def _ordered(table: pd.DataFrame, order: str) -> pd.DataFrame:
    if order == "newest first":
        return table.iloc[::-1]
    if order == "not reviewed first":
        return table.sort_values("review", key=lambda column: column != "", kind="stable")
    if order not in BY_FIGURE:
        return table
    name, ascending = BY_FIGURE[order]
    # The distance decides where the figure itself was not measured; what has neither comes last.
    columns = list(dict.fromkeys([PATCH_FIGURES[name].column, "distance"]))
    return table.sort_values(columns, ascending=ascending, kind="stable", na_position="last")


def table_words(table: pd.DataFrame, order: str) -> tuple[str, int]:
    """Return what the table holds in words, and of how many patches the order's figure is not known."""
    words = f"{len(table):,} patches"
    counts = table["review"].value_counts()
    for verdict in (ACCEPTED, REJECTED):
        count = int(counts.get(verdict, 0))
        words += f" · {count:,} {verdict}" if count else ""
    name, _ = BY_FIGURE.get(order, ("", True))
    unknown = int(table[PATCH_FIGURES[name].column].isna().sum()) if name else 0
    return words + (f" · {unknown:,} not scored" if unknown else ""), unknown


def order_by(name: str, *, ascending: bool) -> str:
    """Return the order by a figure, its smallest or its greatest first."""
    return next(order for order, sorts in BY_FIGURE.items() if sorts == (name, ascending))


def beyond(table: pd.DataFrame, name: str, *, below: bool, threshold: float) -> NDArray[np.bool_]:
    """Return for every patch whether a figure is beyond a threshold; what was not measured is not."""
    values = table[PATCH_FIGURES[name].column].to_numpy(dtype=np.float64)
    found: NDArray[np.bool_] = values < threshold if below else values > threshold
    return found
