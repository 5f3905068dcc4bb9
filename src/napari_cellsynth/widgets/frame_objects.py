"""The objects of the frame on the canvas as a table: labels, predictions or suggestions, and words for the pointer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import UNLABELLED
from napari_cellsynth.project.classes import SEPARATOR
from napari_cellsynth.widgets.suggestion_table import Suggested, as_table

if TYPE_CHECKING:
    from napari_cellsynth.widgets.frames_ahead import FramesAhead
    from napari_cellsynth.widgets.session import Session

MOST_RELABELLED = 500
"""So many labels are taken over one by one; after more of them the frame is read again."""


class FrameObjects:
    """Reads the frame's objects once, and takes labels over as they are given.

    Parameters
    ----------
    session : Session
        The viewer's session.
    ahead : FramesAhead
        What was read of the frames beside the one on the canvas.
    """

    def __init__(self, session: Session, ahead: FramesAhead) -> None:
        self._session, self._ahead = session, ahead
        self._table: pd.DataFrame | None = None
        self._probabilities = pd.DataFrame()
        self._by_mask: dict[int, int] = {}

    def forget(self) -> None:
        """Read the objects again when they are asked for next."""
        self._table = None

    def table(self, image_id: int | None, frame: int) -> pd.DataFrame:
        """Return the objects of the frame; see `ProjectLayers.frame_objects`."""
        if self._table is None:
            project = self._session.need_project()
            if read := self._ahead.read(image_id, frame):
                found, self._table = read.predictions, read.objects.copy()
            else:
                found = project.predictions(image_id=image_id, frame=frame)
                self._table = with_predictions(project.objects(image_id=image_id, frame=frame), found)
            self._probabilities = found[[name for name in found.columns if str(name).startswith("p_")]]
            if suggested := self._session.suggested:
                self._table = _suggested(self._table, suggested)
            if self._session.labels_hidden:
                self._table = without_labels(self._table)
            elif (concealed := self._session.concealed) in self._table.index:
                one = self._table.index == concealed
                parts = [self._table[~one], without_labels(self._table[one])]
                self._table = pd.concat(parts).reindex(self._table.index)
            self._by_mask = dict(zip(self._table["mask_label"].tolist(), self._table.index.tolist(), strict=True))
        return self._table

    def with_mask(self, label: int) -> int | None:
        """Return the id of the object with this number in the mask; `table` must have been read."""
        return self._by_mask.get(label)

    def probabilities(self, object_id: int) -> list[tuple[str, float]]:
        """Return the classes of an object's prediction with their probabilities, the most probable first."""
        if self._session.labels_hidden or object_id == self._session.concealed:
            return []
        if suggested := self._session.suggested.get(object_id):
            names = {record.id: record.name for record in self._session.need_project().classes()}
            return [(names.get(suggested[0], ""), suggested[1])]
        if object_id not in self._probabilities.index:
            return []
        row = self._probabilities.loc[object_id]
        found = [(str(name)[2:], float(value)) for name, value in row.items()]
        return sorted(found, key=lambda each: -each[1])

    def relabel(self, object_ids: Iterable[int]) -> list[int] | None:
        """Take new labels over and return which objects of the frame have one; None: too many, read again."""
        ids = list(object_ids)
        if self._table is None or not ids or len(ids) > MOST_RELABELLED or self._session.labels_hidden:
            return None
        here = [number for number in ids if number in self._table.index]
        project = self._session.need_project()
        try:
            labels = project.labels_of(here)
        except UserError:  # a frame is being segmented again by somebody else
            return None
        for number, label in zip(here, labels, strict=True):
            if number == self._session.concealed:
                continue
            # Cell by cell: to put a column of a few rows into it takes pandas far longer.
            self._table.at[number, "label"] = label
            self._table.at[number, "class_id"] = (project.classes_of(label) or (label,))[0]
        return here

    def features(self, image_id: int | None, frame: int) -> pd.DataFrame:
        """Return what the status bar says of an object under the pointer."""
        objects = self.table(image_id, frame)
        names = {record.id: record.name for record in self._session.need_project().classes()}
        return pd.DataFrame(
            {
                "index": objects["mask_label"].to_numpy(),
                "object": objects.index.to_numpy(),
                "class": each_once(objects["label"], self.label_words),
                "predicted": each_once(objects["predicted"], lambda has: " + ".join(names.get(c, "") for c in has)),
                **{name: objects[name].round(2).to_numpy() for name in ("confidence", "entropy", "margin")},
                "unsure": objects["unsure"].to_numpy(),
                "area": objects["area"].to_numpy(),
            }
        )

    def label_words(self, label: int) -> str:
        """Return the names of a label's classes, or what a person called the object else; empty where it has none."""
        return "" if label == UNLABELLED else self._session.need_project().label_words(label).replace(SEPARATOR, " + ")


def with_predictions(objects: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Return a frame's objects with their predictions, as `ProjectLayers.frame_objects` tells of them."""
    predictions = found.reindex(objects.index)
    return objects.drop(columns="source").assign(
        predicted_id=predictions["class_id"].fillna(0).astype(int),
        predicted=[each if isinstance(each, tuple) else () for each in predictions["classes"]],
        **{name: predictions[name].astype(float) for name in ("confidence", "entropy", "margin")},
        unsure=predictions["unsure"].eq(True),
    )


def each_once(values: pd.Series, words: Callable[[Any], Any]) -> list[Any]:
    """Return what a function says of each value; it is asked once for equal ones."""
    told: dict[Any, Any] = {}
    return [told[value] if value in told else told.setdefault(value, words(value)) for value in values.tolist()]


def _suggested(table: pd.DataFrame, suggested: Suggested) -> pd.DataFrame:
    classes, confidence = as_table(suggested).of(table.index.to_numpy(np.int64))
    return table.assign(
        predicted_id=classes,
        predicted=[(class_id,) if class_id else () for class_id in classes.tolist()],
        confidence=confidence,
        entropy=np.nan,
        margin=np.nan,
        unsure=False,
    )


def without_labels(objects: pd.DataFrame) -> pd.DataFrame:
    """Return a frame's objects as if nobody had labelled them and nothing were suggested."""
    none = pd.Series([()] * len(objects), index=objects.index, dtype=object)
    nothing = dict.fromkeys(("confidence", "entropy", "margin"), np.nan)
    return objects.assign(class_id=0, label=0, predicted_id=0, predicted=none, unsure=False, **nothing)
