"""Writing a project's objects as a table that `import_objects_csv` and spreadsheets read."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.classes import SEPARATOR
from napari_cellsynth.project.project import Project

_COLUMNS = [
    "image", "x0", "y0", "x1", "y1", "label", "split", "group", "frame", "object_id", "source", "predicted",
    "confidence", "entropy", "margin", "unsure", "prediction_run",
]  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_csv(project: Project, out_path: str | Path) -> Path:
    """Write every active object with its label and newest prediction.

    Parameters
    ----------
    project : Project
        Open.
    out_path : str or Path
        The file to write; replaced in one step where it exists. Written as ``objects.csv`` its folder can be imported
        again: the images' paths are relative to it. In a multi-label project the classes of an object, and those
        predicted, stand with ``|`` between them, and each class's probability has a column.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UserError
        When the file cannot be written.

    Notes
    -----
    A text that a spreadsheet would take for a formula is written with an apostrophe before it.
    """
    out = Path(out_path).expanduser().absolute()
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerows(_rows(project, out.parent))
        os.replace(beside, out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UserError(f"{out} cannot be written: {error.strerror}.", "Choose another place.") from error
    return out


def original_cell(cell: str) -> str:
    """Return a cell as it was before `export_csv` put an apostrophe before it."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell


def _rows(project: Project, folder: Path) -> list[list[object]]:
    objects = project.objects()
    names = project._class_names()
    predicted = project.predictions()
    shares = [name for name in predicted if name.startswith("p_")] if project.multi_label and len(predicted) else []
    paths = {number: _relative(path, folder) for number, path in project.images()["path"].items()}
    guesses: dict[int, list[object]] = {}
    told = ["confidence", "entropy", "margin", *shares]
    for number, classes, unsure, run, *figures in predicted[["classes", "unsure", "run", *told]].to_records():
        words = [f"{figure:.6g}" for figure in figures]
        answer = SEPARATOR.join(names[class_id] for class_id in classes)
        guesses[int(number)] = [answer, *words[:3], "yes" if unsure else "no", run, *words[3:]]
    wanted = ["image_id", "x0", "y0", "x1", "y1", "label", "split", "group", "frame", "source"]
    labels = {label: project.label_words(label) for label in objects["label"].unique().tolist()}
    rows: list[list[object]] = [[*_COLUMNS, *shares]]
    for number, image_id, *box, label, split, group, frame, source in objects[wanted].to_records().tolist():
        cells = [paths[image_id], *box, labels[label], split, group, frame, number, source]
        rows.append([safe_cell(cell) for cell in [*cells, *guesses.get(number, [""] * (6 + len(shares)))]])
    return rows


def _relative(path: str, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # Windows: another drive has no relative path.
        return path


def safe_cell(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
