"""Labels of several classes: one number stands for a set of classes, so that all else knows of one number an object.

A label is 0 (none), a reserved negative number, a class's id or, in a multi-label project, the id of a *label set*: two
classes or more. Journal, undo and carrying over keep labels without looking into them; here they are taken apart.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.base import RESERVED_NAMES, UNLABELLED
from napari_cellsynth.project.classes import SEPARATOR, Classes
from napari_cellsynth.project.database import Database
from napari_cellsynth.project.schema import FIRST_SET_ID


class LabelSets(Classes):
    """Whether an object may have several classes, and what the numbers of labels mean."""

    _sets: dict[int, tuple[int, ...]]

    def __init__(self, path: Any, database: Database) -> None:
        super().__init__(path, database)
        # A set that is kept never changes, so what was read once holds.
        self._sets = {}

    @property
    def multi_label(self) -> bool:
        """Whether an object may have several classes; see `set_multi_label`."""
        return bool(self._db.read("SELECT 1 FROM settings WHERE name = 'multi_label'"))

    def set_multi_label(self, on: bool) -> None:
        """Let objects have several classes, or one only; labels that were given stay as they are.

        Raises
        ------
        UserError
            When it is switched off after an object has had several classes: its history still knows them.
        """
        with self._db.transaction():
            if on:
                self._db.write("INSERT OR REPLACE INTO settings VALUES ('multi_label', 'yes')")
            elif self._db.read("SELECT 1 FROM label_sets"):
                raise UserError(
                    f"{self.path.name} has labels of several classes, in its history at least.",
                    "Make a new project for one class an object.",
                )
            else:
                self._db.write("DELETE FROM settings WHERE name = 'multi_label'")
            self._changed("classes_changed")

    def classes_of(self, label: int) -> tuple[int, ...]:
        """Return the ids of a label's classes in their order; empty for 0, unsure and bad segmentations."""
        label = int(label)
        if label < FIRST_SET_ID:
            return (label,) if label > 0 else ()
        if label not in self._sets:
            rows = self._db.read("SELECT id, classes FROM label_sets")
            self._sets = {int(number): tuple(json.loads(classes)) for number, classes in rows}
        return self._sets[label]

    def count_classes(self, counts: Mapping[int, int]) -> dict[int, int]:
        """Return how many objects have each class, of how many have each label; what is no class counts like one."""
        found: dict[int, int] = {}
        for label, count in counts.items():
            for class_id in self.classes_of(label) or (int(label),):
                found[class_id] = found.get(class_id, 0) + int(count)
        return found

    def label_words(self, label: int) -> str:
        """Return a label as tables write it: a class's name, several with ``|`` between, or a reserved word."""
        names = self._class_names()
        return names[label] if label in names else SEPARATOR.join(names[each] for each in self.classes_of(label))

    def indicators(self, labels: ArrayLike, class_ids: Sequence[int]) -> NDArray[np.bool_]:
        """Return which of K classes each of N labels has, shape (N, K)."""
        kinds, place = np.unique(np.asarray(labels, np.int64), return_inverse=True)
        known = [set(self.classes_of(kind)) for kind in kinds.tolist()]
        table = np.array([[c in has for c in class_ids] for has in known], bool)
        return table.reshape(len(known), len(class_ids))[place]

    def per_class(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table of objects (`objects`) with an object's row once for each of its classes, as ``class_id``.

        What counts or collects a class's objects reads this; where objects have one class each it is the table itself.
        """
        labels = table["label"].to_numpy()
        if not (labels >= FIRST_SET_ID).any():
            return table
        kinds, place = np.unique(labels, return_inverse=True)
        known = [self.classes_of(kind) or (kind,) for kind in kinds.tolist()]
        rows = np.repeat(np.arange(len(table)), np.array([len(has) for has in known])[place])
        classes = [class_id for kind in place.tolist() for class_id in known[kind]]
        return table.iloc[rows].assign(class_id=np.array(classes, np.int64))

    def of_one_class(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the objects of a table that have one class and no second: examples of that class alone."""
        return table[(table["label"] > 0) & (table["label"] < FIRST_SET_ID)]

    def require_single_label(self, what: str) -> None:
        """Refuse what knows of one class an object only.

        Raises
        ------
        UserError
            In a multi-label project.
        """
        if self.multi_label:
            raise UserError(
                f"{what} needs a single-label project; {self.path.name} is multi-label.",
                "Take a project in which every object has one class.",
            )

    def _label_of(self, wanted: int | Collection[int]) -> int:
        """Return the number of a label, made where it is a new set; to be called inside a transaction."""
        asked = [wanted] if isinstance(wanted, (int, np.integer)) else list(wanted)
        classes = sorted({self._checked_class(each, reserved=len(asked) == 1) for each in asked})
        if len(classes) < 2:
            return classes[0] if classes else UNLABELLED
        if not self.multi_label:
            raise UserError(
                f"{self.path.name} takes one class an object.",
                "Make it multi-label first: “Several classes an object” in the project's menu, or init --multi-label.",
            )
        text = json.dumps(classes)
        self._db.write("INSERT OR IGNORE INTO label_sets (classes) VALUES (?)", (text,))
        return int(self._db.read("SELECT id FROM label_sets WHERE classes = ?", (text,))[0][0])


def first_classes(labels: NDArray[np.int64], sets: LabelSets) -> NDArray[np.int64]:
    """Return the first class of every label (N,), in the order of the classes; what is no class stays as it is."""
    if not (labels >= FIRST_SET_ID).any():
        return labels
    kinds, place = np.unique(labels, return_inverse=True)
    return np.array([(sets.classes_of(kind) or (kind,))[0] for kind in kinds.tolist()], np.int64)[place]


def parts_of(cell: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return the class names in a table's label cell, in order and each once; the cell itself where it is no list.

    A class of an older project may have ``|`` in its name: where ``known`` holds the whole cell, it is that class.
    """
    if SEPARATOR not in cell or cell in known:
        return (cell,)
    return tuple(dict.fromkeys(part.strip() for part in cell.split(SEPARATOR) if part.strip()))


def checked_parts(cell: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return `parts_of` a cell, after a look at whether they can stand together.

    Raises
    ------
    UserError
        When there is no name between the bars, or a reserved word stands beside a class.
    """
    parts = parts_of(cell, known)
    if not parts:
        raise UserError(f"the label {cell!r} names no class", "Write the classes with | between them.")
    if parts != (cell,) and not all(part.strip() for part in cell.split(SEPARATOR)):
        raise UserError(
            f"the label {cell!r} has a | without a class beside it", "Write the classes with | between them."
        )
    reserved = [part for part in parts if part.casefold() in RESERVED_NAMES.values()]
    if reserved and len(parts) > 1:
        raise UserError(f"{reserved[0]!r} cannot stand beside a class in {cell!r}", "Leave one of them out.")
    return parts
