"""What every part of a project stands on: its folder, its database and its signals."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from psygnal import Signal

from napari_cellsynth.project.database import Database, Row

UNLABELLED = 0
UNSURE = -1
BAD_SEGMENTATION = -2
RESERVED_NAMES = {UNLABELLED: "unlabelled", UNSURE: "unsure", BAD_SEGMENTATION: "bad segmentation"}
"""What the reserved class ids are called in tables that leave the project."""

SOURCES = ("", "hand", "bulk", "accepted prediction", "import", "carried over", "undo", "redo", "decision")
"""Where a label can come from; the object's row keeps the place in this tuple."""


ZARR_ERRORS = (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, MemoryError)
"""What zarr raises, undocumented, on missing files, bad JSON (of wrong shape too) and chunks that do not decode."""


class ProjectPart:
    """The folder, the database and the signals that all parts of a project share.

    Signals are emitted after the change is on disk, once a transaction.
    """

    labels_changed = Signal(list)
    objects_changed = Signal()
    images_changed = Signal()
    classes_changed = Signal()
    synthetic_changed = Signal()
    runs_changed = Signal()
    predictions_changed = Signal()

    def __init__(self, path: Path, database: Database) -> None:
        self.path = path
        self._db = database
        self._labels_touched: list[int] = []

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed."""
        return self._db.read_only

    def _changed(self, name: str) -> None:
        """Emit a signal without arguments after the running transaction."""
        self._db.after_commit(name, lambda: getattr(self, name).emit())

    def _labels_changed(self, object_ids: Iterable[int]) -> None:
        self._labels_touched.extend(object_ids)
        self._db.after_commit("labels_changed", self._emit_labels)

    def _emit_labels(self) -> None:
        touched, self._labels_touched = self._labels_touched, []
        self.labels_changed.emit(touched)


def as_json(ids: Iterable[int]) -> str:
    """Return ids as the JSON list that ``json_each(?)`` reads, which has no limit of parameters."""
    return json.dumps([int(number) for number in ids])


def table(rows: list[Row], columns: list[str], index: str) -> pd.DataFrame:
    """Return rows of mixed types as a table, empty ones with their columns."""
    return pd.DataFrame(rows, columns=[index, *columns]).set_index(index)


def numeric(rows: list[Row], columns: int) -> NDArray[np.float64]:
    """Return rows of numbers as float64 (rows, columns); NULL becomes not-a-number."""
    return np.array(rows, np.float64).reshape(len(rows), columns)


def plain(value: Any) -> Any:
    """Return NumPy scalars and arrays as plain Python values, for JSON."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
