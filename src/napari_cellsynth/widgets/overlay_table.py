"""What the overlay shows of each object: its classes by label or prediction, and whether it passes a filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.project import UNSURE, Project
from napari_cellsynth.widgets.frame_objects import each_once

LABELS_FIRST, PREDICTIONS, DIFFERENCES = "labels, else predictions", "predictions", "differences"
COLORED_BY = {
    LABELS_FIRST: "An object labelled by hand shows its label, every other one its prediction.",
    PREDICTIONS: "Every object shows its prediction, labelled or not.",
    DIFFERENCES: "Only objects whose prediction differs from their label, in the predicted class's colour.",
}


@dataclass
class OverlayFilter:
    """Which objects are shown.

    Attributes
    ----------
    hidden : set of int
        Classes that are not shown (`UNSURE` for the unsure ones); an object of several is hidden where all are.
    low, high : float
        Confidences that are shown, ends included. Objects without a prediction are shown at 0 to 1 only.
    """

    hidden: set[int] = field(default_factory=set)
    low: float = 0.0
    high: float = 1.0

    @property
    def is_open(self) -> bool:
        """Whether everything is shown."""
        return not self.hidden and self.low <= 0.0 and self.high >= 1.0

    def passing(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows of an overlay's table are shown."""
        shown = np.ones(len(table), bool)
        if self.low > 0.0 or self.high < 1.0:
            # Kept as 32 bits: 0.7 as it is typed must not lie above the 0.7 that was stored.
            confidence = table["confidence"].to_numpy(np.float32)
            shown &= (confidence >= np.float32(self.low)) & (confidence <= np.float32(self.high))
        if self.hidden:
            several = each_once(table["classes"], lambda has: bool(has) and set(has) <= self.hidden)
            shown &= ~(np.array(several, bool) | table["class_id"].isin(self.hidden & {UNSURE}).to_numpy())
        return shown


def overlay_table(objects: pd.DataFrame, project: Project, colored_by: str) -> pd.DataFrame:
    """Return what is shown of objects.

    Parameters
    ----------
    objects : DataFrame
        As `ProjectLayers.frame_objects`.
    project : Project
    colored_by : str
        One of `COLORED_BY`.

    Returns
    -------
    DataFrame
        Index ``object_id``; mask_label, predicted_id, predicted (tuple), confidence, unsure, label, label_id, labelled
        (tuple), differs, class_id (shown; `UNSURE` grey, 0 nothing), by_hand (that is a label) and classes (all that
        are shown, a tuple).
    """
    # Arrays, and one table of them at the end: at each step of the time slider pandas would take most of the time.
    label, unsure = objects["class_id"].to_numpy(), objects["unsure"].to_numpy(bool)
    labelled, theirs = each_once(objects["label"], project.classes_of), objects["predicted"].tolist()
    others = np.array([a != b for a, b in zip(labelled, theirs, strict=True)], bool)
    differs = (label > 0) & ~np.isnan(objects["confidence"].to_numpy(float)) & others & ~unsure
    predicted = np.where(unsure, UNSURE, objects["predicted_id"].to_numpy())
    shown = {
        LABELS_FIRST: np.where(label != 0, label, predicted),
        PREDICTIONS: predicted,
        DIFFERENCES: np.where(differs, predicted, 0),
    }[colored_by]
    by_hand = (label != 0) & (colored_by == LABELS_FIRST)
    columns = zip(by_hand.tolist(), shown.tolist(), labelled, theirs, strict=True)
    classes = [(mine if hand else their) if first > 0 else () for hand, first, mine, their in columns]
    kept = {
        name: objects[name] for name in ("mask_label", "predicted_id", "predicted", "confidence", "unsure", "label")
    }
    made = {"label_id": label, "labelled": _tuples(labelled), "differs": differs, "class_id": shown}
    return pd.DataFrame(kept | made | {"by_hand": by_hand, "classes": _tuples(classes)}, index=objects.index)


def shown_class(row: Mapping[str, Any], project: Project, colored_by: str) -> tuple[int, bool]:
    """Return the class that one object is shown as and whether that is a label, as `overlay_table` tells it of all."""
    predicted = UNSURE if row["unsure"] else int(row["predicted_id"])
    label = int(row["class_id"])
    if colored_by == LABELS_FIRST:
        return label or predicted, label != 0
    if colored_by == PREDICTIONS:
        return predicted, False
    answered = label > 0 and not row["unsure"] and not np.isnan(row["confidence"])
    return predicted if answered and project.classes_of(int(row["label"])) != row["predicted"] else 0, False


def _tuples(values: list[tuple[int, ...]]) -> NDArray[np.object_]:
    """Return tuples as a column; numpy would make a table of equally long ones."""
    column = np.empty(len(values), object)
    column[:] = values
    return column
