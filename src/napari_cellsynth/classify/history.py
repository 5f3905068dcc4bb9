"""The figures of a training on disk: ``metrics.csv`` with one row a figure (step, name, value)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from napari_cellsynth.atomic import replacing

_HEADER = ("step", "name", "value")


class History:
    """Appends figures to a file as a training goes on.

    Parameters
    ----------
    path : Path
        The file; its folder must exist when the first figure comes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def cut_after(self, step: int) -> None:
        """Drop what is later than ``step``: a resumed training writes it anew."""
        kept = [row for row in self._rows() if int(row[0]) <= step] if step > 0 else []
        with replacing(self._path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([_HEADER, *kept])

    def append(self, step: int, values: Mapping[str, float]) -> None:
        """Add the figures of a step."""
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([step, name, repr(float(value))] for name, value in values.items())

    def _rows(self) -> list[list[str]]:
        """Return the whole rows; a kill may have left half of the last one."""
        if not self._path.exists():
            return []
        with self._path.open(newline="", encoding="utf-8") as file:
            return [row for row in csv.reader(file) if len(row) == len(_HEADER) and row[0].isdigit() and row[2]]
