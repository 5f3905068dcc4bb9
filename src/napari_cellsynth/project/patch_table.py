"""What is told of a synthetic patch, as a table: its columns, and rows of the database in the columns' types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from napari_cellsynth.project.database import Row

Verdict = Literal["", "accepted", "rejected"]
VERDICTS = ("", "accepted", "rejected")
FIGURES = ("realism", "confidence", "copy_ratio")
"""What `set_figures` keeps of a patch, besides its nearest object and the distance to it."""
COLUMNS = [
    "run", "checkpoint", "class_id", "seed", "index_in_run", "review", "reason", "nearest_object", "distance", "size",
    "channels", "realism", "confidence", "copy_ratio",
]  # fmt: skip


def patch_table(rows: Sequence[Row], heirs: Mapping[int, int]) -> pd.DataFrame:
    """Return rows of an id and `COLUMNS` as a table by ``patch_id``; ``heirs`` tells which class a merged one is now.

    A column at a time and with its type: what pandas would find out by itself takes longer than the reading.
    """
    ids, *values = zip(*rows, strict=True) if rows else [()] * (1 + len(COLUMNS))
    columns: dict[str, Any] = dict(zip(COLUMNS, values, strict=True))
    columns["review"] = [VERDICTS[code] for code in columns["review"]]
    columns["nearest_object"] = [number or 0 for number in columns["nearest_object"]]
    columns["class_id"] = [heirs.get(number, number) for number in columns["class_id"]]
    data = {name: _typed(name, column) for name, column in columns.items()}
    return pd.DataFrame(data, index=pd.Index(np.array(ids, np.int64), name="patch_id"))


def _typed(name: str, values: Sequence[Any]) -> Any:
    """Return a column of `Project.synthetic` in its type; NULL among figures becomes not-a-number."""
    if name in ("run", "checkpoint", "review", "reason"):
        return pd.array(values, dtype="str")
    return np.array(values, np.float64 if name in ("distance", *FIGURES) else np.int64)
