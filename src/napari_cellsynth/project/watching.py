"""Noticing what other programs, or another window, have changed in a project that is open here."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from napari_cellsynth.project.base import ProjectPart
from napari_cellsynth.project.database import Database
from napari_cellsynth.project.run_bin import binned
from napari_cellsynth.project.schema import FIRST_PATCH_ID

_ASKED = {
    "images_changed": ("SELECT * FROM images", "SELECT * FROM groups"),
    "classes_changed": ("SELECT * FROM classes", "SELECT * FROM settings WHERE name = 'multi_label'"),
    "objects_changed": (
        "SELECT count(*), total(active * id), total(active * mask_label), total(orphan) FROM objects",
        "SELECT count(*) FROM masks",
    ),
    "predictions_changed": ("SELECT run, number FROM prediction_runs",),
    "synthetic_changed": (
        "SELECT count(*), max(id), total(id * review), count(distance), total(realism), total(confidence), "
        "total(copy_ratio) FROM patches",
        "SELECT count(*) FROM blind_rounds",
    ),
}
"""By signal the queries whose answers change with it, cheap beside reading the tables themselves."""


class Watched(ProjectPart):
    """Compares the project with what it was and emits its signals for what others have changed."""

    def __init__(self, path: Path, database: Database) -> None:
        super().__init__(path, database)
        self._version: object = None
        self._state: dict[str, Any] = {}

    def catch_up(self, leave: Collection[str] = ()) -> None:
        """Emit the signals of what was changed elsewhere since the last call; the first call only looks.

        It costs next to nothing while nobody else writes. What was changed through this object may be told again.

        Parameters
        ----------
        leave : collection of str
            Signals that are left for a later call.
        """
        version = (self._db.read("PRAGMA data_version"), _modified(self.path / "runs"))
        if version == self._version:
            return
        before, now = self._state, self._look()
        self._state = now | {name: before[name] for name in leave if name in before}
        # What was left is compared again at the next call, whether anybody has written by then or not.
        self._version = None if leave else version
        for name in now if before else ():
            if name in leave or now[name] == before[name]:
                continue
            if name == "labels_changed":
                self.labels_changed.emit(self._labelled_after(before[name]))
            else:
                getattr(self, name).emit()

    def _look(self) -> dict[str, Any]:
        """Return, by signal, what tells two states of the project apart."""
        found: dict[str, Any] = {name: [self._db.read(sql) for sql in asked] for name, asked in _ASKED.items()}
        for name in ("synthetic_changed", "predictions_changed"):
            found[name].append(binned(self.path))
        records = sorted((self.path / "runs").glob("*/run.json"))
        found["runs_changed"] = [(str(record), _modified(record)) for record in records]
        [(found["labels_changed"],)] = self._db.read("SELECT ifnull(max(id), 0) FROM journal")
        return found

    def _labelled_after(self, entry: int) -> list[int]:
        rows = self._db.read("SELECT DISTINCT target FROM journal WHERE id > ? AND target < ?", (entry, FIRST_PATCH_ID))
        return [row[0] for row in rows]


def _modified(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
