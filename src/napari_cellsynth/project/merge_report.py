"""What a merge of sources did, as it is kept in the project that it made."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_cellsynth.project.export import safe_cell

FOLDER = "merge"
"""Within the project: ``merge.json`` and ``copies.csv``."""
_COLUMNS = (
    "copy", "likeness", "kept_source", "kept_image", "kept_box", "kept_type", "source", "image", "box", "type",
    "conflict",
)  # fmt: skip


@dataclass
class MergeReport:
    """What a merge did.

    Attributes
    ----------
    images, objects : int
        In the project.
    identical, near_identical : int
        Objects that were left out as copies of one that was kept, pixel by pixel or nearly.
    conflicts : int
        Those among them whose class differed from the kept one's.
    types : dict
        For each type its ``class``, how many objects the sources had (``before``), and how many were kept (``after``).
    sources : list of dict
        ``name``, ``path``, ``images`` and ``objects`` as they came.
    copies : str
        The table of all copies.
    notices : list of str
        One sentence for each thing that was decided.
    """

    images: int = 0
    objects: int = 0
    identical: int = 0
    near_identical: int = 0
    conflicts: int = 0
    types: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    copies: str = ""
    notices: list[str] = field(default_factory=list)


def write_merge(project: Path, report: MergeReport, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the report and the table of copies into the project."""
    folder = project / FOLDER
    folder.mkdir(exist_ok=True)
    report.copies = str(folder / "copies.csv")
    with Path(report.copies).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, _COLUMNS)
        writer.writeheader()
        writer.writerows({name: safe_cell(value) for name, value in row.items()} for row in rows)
    (folder / "merge.json").write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")


def merge_report(project: Path) -> dict[str, Any]:
    """Return what the merge that made a project did, as of `MergeReport`; empty where it was made otherwise."""
    file = project / FOLDER / "merge.json"
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return told
