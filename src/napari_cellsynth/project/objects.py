"""The objects of a project: segmented or imported as boxes; labels are carried over when they are found anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.actions import Change
from napari_cellsynth.project.base import SOURCES, UNLABELLED, as_json, numeric
from napari_cellsynth.project.carry import MIN_IOU, best_pairs, box_candidates, candidates_of, overlap
from napari_cellsynth.project.database import Row
from napari_cellsynth.project.journal import Labels
from napari_cellsynth.project.label_sets import first_classes
from napari_cellsynth.project.masks import Masks
from napari_cellsynth.project.values import telling_damage

_NUMBERS = ["image_id", "frame", "y0", "x0", "y1", "x1", "cy", "cx", "area", "mask_label"]
_SELECT = ", ".join(["id", *_NUMBERS, "class_id", "source"])
_INSERT = (
    "INSERT INTO objects (image_id, frame, y0, x0, y1, x1, cy, cx, area, mask_label, mask_hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
NewBox = tuple[int, int, int, int, float, float, float, int, str]
"""y0, x0, y1, x1, cy, cx, area, mask_label, mask_hash."""


@dataclass(frozen=True)
class SegmentationChange:
    """What segmenting a frame again did to its objects.

    Attributes
    ----------
    kept : int
        Objects whose mask is the same, with their ids and labels.
    new : int
        Objects that are new, or came back from an earlier segmentation.
    carried : int
        Labels that went from an old object to a new one.
    orphans : list of int
        Old objects whose label found no new object.
    """

    kept: int
    new: int
    carried: int
    orphans: list[int]


class Objects(Masks, Labels):
    """Putting objects into frames and listing them."""

    @telling_damage
    def set_objects(
        self,
        image_id: int,
        frame: int,
        boxes: pd.DataFrame,
        labels: NDArray[np.integer[Any]] | Path | None,
        *,
        least_overlap: float = MIN_IOU,
    ) -> SegmentationChange:
        """Replace the objects of a frame by those of a new segmentation, in one step.

        Parameters
        ----------
        image_id, frame : int
            The frame.
        boxes : DataFrame
            y0, x0, y1, x1 (pixels, ends exclusive) and, where known, cy, cx, area, mask_label and mask_hash, as
            `napari_cellsynth.imaging.boxes_of` gives them.
        labels : ndarray of int, shape (Y, X), or Path, or None
            The instance mask; that of a frame larger than memory as a label image at a place of `new_large_mask`. Then
            labels are carried over by the overlap of boxes.
        least_overlap : float
            Intersection over union from which on a label is carried over.

        Returns
        -------
        SegmentationChange
            An object with the same mask keeps its id. The label of another goes to the new object that overlaps it
            most, from `least_overlap` on; what finds none is listed.

        Raises
        ------
        UserError
            When there is no such image or frame, a box lies outside of it, or the mask has another size.
        """
        image_id, frame = int(image_id), int(frame)
        fresh = self._checked_boxes(image_id, frame, boxes)
        height, width = self._image_row(image_id, "height, width")
        made, mask = (labels, None) if isinstance(labels, Path) else (None, labels)
        if mask is not None and mask.shape != (height, width):
            raise UserError(f"The mask is {mask.shape}, the frame {(height, width)} pixels.", "Segment this frame.")
        with self._db.transaction():
            change = self._replace(image_id, frame, fresh, mask, least_overlap)
            if made is None:
                self._put_mask(image_id, frame, mask)
            else:
                self._put_large_mask(image_id, frame, made)
            self._changed("objects_changed")
        return change

    def add_boxes(self, image_id: int, frame: int, boxes: pd.DataFrame) -> list[int]:
        """Add objects without masks to a frame and return their ids.

        Parameters
        ----------
        image_id, frame : int
            The frame.
        boxes : DataFrame
            y0, x0, y1, x1 (pixels, ends exclusive).

        Raises
        ------
        UserError
            When there is no such image or frame, or a box lies outside of it.
        """
        fresh = self._checked_boxes(int(image_id), int(frame), boxes)
        with self._db.transaction():
            ids = [self._db.write(_INSERT, (int(image_id), int(frame), *box)) for box in fresh]
            self._changed("objects_changed")
        return ids

    @telling_damage
    def objects(
        self,
        *,
        image_id: int | None = None,
        frame: int | None = None,
        object_ids: Iterable[int] | None = None,
        active: bool = True,
    ) -> pd.DataFrame:
        """Return objects with their current labels.

        Parameters
        ----------
        image_id, frame : int, optional
            Only those of an image, of a frame.
        object_ids : iterable of int, optional
            Only these, as far as they are there.
        active : bool
            Only those of the frames' newest segmentation; False returns the superseded ones alone.

        Returns
        -------
        DataFrame
            Index ``object_id``; image_id, frame, y0, x0, y1, x1 (pixels, ends exclusive), cy, cx, area, mask_label (0
            without a mask), group, split, class_id (0 unlabelled, -1 unsure, -2 bad segmentation, else a class), label
            (the same; where an object has several classes a number that `classes_of` takes apart, and class_id is the
            first of them) and source.
        """
        where: list[str] = ["active = ?"]
        parameters: list[Any] = [int(active)]
        for column, value in (("image_id", image_id), ("frame", frame)):
            if value is not None:
                where.append(f"{column} = ?")
                parameters.append(int(value))
        if object_ids is not None:
            where.append("id IN (SELECT value FROM json_each(?))")
            parameters.append(as_json(object_ids))
            return self._object_table(" AND ".join(where), parameters)
        # Without an image nearly every row is wanted: reading the table in its order spares the sorting.
        return self._object_table(" AND ".join(where), parameters, "" if image_id is not None else "NOT INDEXED")

    @telling_damage
    def orphans(self) -> pd.DataFrame:
        """Return the superseded objects whose label found no new object, with that label."""
        rows = self._db.read("SELECT id FROM objects WHERE orphan = 1")
        return self._object_table("id IN (SELECT value FROM json_each(?))", [as_json(row[0] for row in rows)])

    def _object_table(self, where: str, parameters: Sequence[Any], index: str = "") -> pd.DataFrame:
        rows = self._db.read(f"SELECT {_SELECT} FROM objects {index} WHERE {where} ORDER BY id", parameters)
        values = numeric(rows, len(_NUMBERS) + 3)
        floats = ("cy", "cx", "area")
        data: dict[str, Any] = {
            name: values[:, column] if name in floats else values[:, column].astype(np.int64)
            for column, name in enumerate(_NUMBERS, start=1)
        }
        images = self._db.read("SELECT i.id, g.name, g.split FROM images i JOIN groups g ON g.name = i.group_name")
        which = np.searchsorted(np.array(sorted(row[0] for row in images), np.int64), data["image_id"])
        ordered = sorted(images)
        data["group"] = np.array([row[1] for row in ordered], object)[which]
        data["split"] = np.array([row[2] for row in ordered], object)[which]
        data["label"] = values[:, -2].astype(np.int64)
        data["class_id"] = first_classes(data["label"], self)
        data["source"] = np.array(SOURCES, object)[values[:, -1].astype(np.int64)]
        return pd.DataFrame(data, index=pd.Index(values[:, 0].astype(np.int64), name="object_id"))

    def _checked_boxes(self, image_id: int, frame: int, boxes: pd.DataFrame) -> list[NewBox]:
        name, frames, height, width = self._image_row(image_id, "name, frames, height, width")
        if not 0 <= frame < frames:
            raise UserError(f"{name} has frames 0 to {frames - 1}, not {frame}.")
        fresh = new_boxes(boxes)
        for y0, x0, y1, x1, *_ in fresh:
            if not (0 <= y0 < y1 <= height and 0 <= x0 < x1 <= width):
                raise UserError(
                    f"The box y {y0} to {y1}, x {x0} to {x1} does not lie inside {name} ({height} x {width} pixels).",
                    "Ends are exclusive; the origin is top left.",
                )
        return fresh

    def _replace(
        self,
        image_id: int,
        frame: int,
        fresh: list[NewBox],
        labels: NDArray[np.integer[Any]] | None,
        least_overlap: float,
    ) -> SegmentationChange:
        old = self._db.read(
            "SELECT id, y0, x0, y1, x1, mask_label, mask_hash, class_id, active, orphan FROM objects "
            "WHERE image_id = ? AND frame = ?",
            (image_id, frame),
        )
        active = {_identity(row[1:5], row[6]): row for row in old if row[8]}
        past = {_identity(row[1:5], row[6]): row for row in old if not row[8]}
        ids: list[int] = []
        kept: set[int] = set()
        came: list[tuple[int, int]] = []  # Places in `fresh` that are not kept, and the label each has so far.
        for place, box in enumerate(fresh):
            identity = _identity(box[:4], box[8])
            row = active.pop(identity, None)
            if row is not None:
                kept.add(row[0])
            else:
                row = past.pop(identity, None)
                # An orphan that comes back brings its label; another one's label lives on in its successor.
                came.append((place, row[7] if row is not None else UNLABELLED))
            if row is None:
                ids.append(self._db.write(_INSERT, (image_id, frame, *box)))
                continue
            ids.append(row[0])
            self._db.write(
                "UPDATE objects SET active = 1, successor = NULL, mask_label = ? WHERE id = ?", (box[7], row[0])
            )
        gone = [row for row in old if row[8] and row[0] not in kept]
        self._db.write_many("UPDATE objects SET active = 0 WHERE id = ?", [(row[0],) for row in gone])
        orphan_ids = {row[0] for row in old if row[9]}
        arrived = [(fresh[place], ids[place], was) for place, was in came]
        carried, orphans = self._carry(image_id, frame, gone, arrived, labels, orphan_ids, least_overlap)
        return SegmentationChange(len(kept), len(came), carried, orphans)

    def _carry(
        self,
        image_id: int,
        frame: int,
        gone: list[Row],
        came: list[tuple[NewBox, int, int]],
        labels: NDArray[np.integer[Any]] | None,
        were_orphans: set[int],
        least_overlap: float,
    ) -> tuple[int, list[int]]:
        """Hand the labels of the objects that are gone to those that came; return how many, and whose had no heir."""
        pairs: dict[int, int] = {}
        if gone and came:
            pairs = self._pairs(image_id, frame, gone, [box for box, _, _ in came], labels, least_overlap)
        self._db.write_many(
            "UPDATE objects SET successor = ? WHERE id = ?",
            [(came[new][1], gone[old][0]) for old, new in pairs.items()],
        )
        heir = {new: gone[old][7] for old, new in pairs.items()}
        changes, carried, heirs = [], 0, self._heirs()
        for place, (_, object_id, was) in enumerate(came):
            label = self._present(heir.get(place, was if object_id in were_orphans else UNLABELLED), heirs)
            carried += place in heir and label != UNLABELLED
            if label != was:
                changes.append(Change(object_id, was, label))
        if changes:
            self._act("label", "carried over", changes)
        self._db.write_many("UPDATE objects SET orphan = 0 WHERE id = ?", [(number,) for _, number, _ in came])
        orphans = [row[0] for place, row in enumerate(gone) if row[7] != UNLABELLED and place not in pairs]
        self._db.write_many("UPDATE objects SET orphan = 1 WHERE id = ?", [(number,) for number in orphans])
        return carried, orphans

    def _pairs(
        self,
        image_id: int,
        frame: int,
        gone: list[Row],
        came: list[NewBox],
        labels: NDArray[np.integer[Any]] | None,
        least_overlap: float,
    ) -> dict[int, int]:
        """Return which of those that are gone became which of those that came."""
        old, new = numeric([row[1:5] for row in gone], 4), numeric([box[:4] for box in came], 4)
        labelled = np.array([row[7] != UNLABELLED for row in gone])
        if labels is None:
            return best_pairs(*box_candidates(old, new, least_overlap), labelled)
        before = None
        # Segmenting again is how an unreadable mask is mended; then the boxes tell who is who.
        with suppress(UserError):
            before = self.mask(image_id, frame) if any(row[5] for row in gone) else None
        iou = overlap(old, new, [row[5] for row in gone], [box[7] for box in came], before, labels)
        return best_pairs(*candidates_of(iou, least_overlap), labelled)


def new_boxes(boxes: pd.DataFrame) -> list[NewBox]:
    """Return the rows of a table of boxes as plain tuples, with centre and area where the table has none."""
    missing = [column for column in ("y0", "x0", "y1", "x1") if column not in boxes]
    if missing:
        raise UserError(f"The table of boxes has no column {missing[0]}.", "It needs y0, x0, y1 and x1.")
    y0, x0, y1, x1 = (boxes[column].to_numpy(np.int64) for column in ("y0", "x0", "y1", "x1"))
    columns: dict[str, Any] = {"cy": (y0 + y1 - 1) / 2, "cx": (x0 + x1 - 1) / 2, "area": (y1 - y0) * (x1 - x0)}
    columns |= {"mask_label": np.zeros(len(boxes), np.int64), "mask_hash": np.full(len(boxes), "", object)}
    extra = [(boxes[name].to_numpy() if name in boxes else default).tolist() for name, default in columns.items()]
    return list(zip(y0.tolist(), x0.tolist(), y1.tolist(), x1.tolist(), *extra, strict=True))


def _identity(box: Sequence[int], mask_hash: str) -> tuple[Any, ...]:
    return (*box, mask_hash)
