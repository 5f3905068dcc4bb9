"""A project's objects as one table, and the CSV of it that `import_objects_csv` and spreadsheets read."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

from napari_cellsynth.project.classes import SEPARATOR
from napari_cellsynth.project.formats.place import file_beside
from napari_cellsynth.project.project import Project

_FIGURES = ["confidence", "entropy", "margin"]
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet would run, and what looks as if `safe_cell` had been there already."""


def objects_table(project: Project, folder: Path) -> pd.DataFrame:
    """Return every active object with its label and newest prediction.

    Parameters
    ----------
    project : Project
        Open.
    folder : Path
        The images' paths are relative to it.

    Returns
    -------
    DataFrame
        Index ``object_id``; image, x0, y0, x1, y1 (pixels, ends exclusive), label (classes with ``|`` between them,
        ``unlabelled``, ``unsure`` or ``bad segmentation``), split, group, frame, source and user of the label; of the
        newest prediction: predicted (``""`` where there is none), confidence, entropy, margin (NaN), unsure,
        prediction_run, and in a multi-label project each class's probability ``p_NAME``.
    """
    objects, names = project.objects(), project._class_names()
    paths = {number: relative(path, folder) for number, path in project.images()["path"].items()}
    words = {label: project.label_words(label) for label in objects["label"].unique().tolist()}
    table = pd.DataFrame({"image": objects["image_id"].map(paths).astype(object)}, index=objects.index)
    table = table.join(objects[["x0", "y0", "x1", "y1"]])
    table["label"] = objects["label"].map(words).astype(object)
    table = table.join(objects[["split", "group", "frame", "source"]])
    table["user"] = pd.Series(project.labelled_by(), dtype=object).reindex(table.index).fillna("")
    table.loc[objects["label"] == 0, "user"] = ""
    predicted = project.predictions().reindex(table.index)
    has = predicted["class_id"].notna()
    table["predicted"] = ""
    answers = [SEPARATOR.join(names[class_id] for class_id in classes) for classes in predicted["classes"][has]]
    table.loc[has, "predicted"] = np.array(answers, object)
    shares = [name for name in predicted if name.startswith("p_")] if project.multi_label and has.any() else []
    table = table.join(predicted[_FIGURES].astype("float64"))
    table["unsure"] = predicted["unsure"].eq(True) & has
    table["prediction_run"] = predicted["run"].where(has, "").astype(object)
    return table.join(predicted[shares].astype("float64"))


def export_csv(project: Project, out_path: str | Path) -> Path:
    """Write every active object with its label and newest prediction.

    Parameters
    ----------
    project : Project
        Open.
    out_path : str or Path
        The file to write; replaced in one step where it exists. Its folder can be imported again where it is called
        ``objects.csv``, and the file by any name: the images' paths are relative to it. In a multi-label project the
        classes of an object, and those predicted, stand with ``|`` between them, and each class's probability has a
        column.

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
    with file_beside(out_path) as (beside, out):
        table = objects_table(project, out.parent).reset_index()
        order = [name for name in table if name != "object_id"]
        order.insert(order.index("source"), "object_id")
        has = table["predicted"].ne("") | table["prediction_run"].ne("")
        unsure = np.where(has, np.where(table["unsure"], "yes", "no"), "")
        cells = table.assign(unsure=unsure)[order].astype(object)
        with beside.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow([safe_cell(name) for name in order])
            writer.writerows([_cell(cell) for cell in row] for row in cells.itertuples(index=False))
    return out


def safe_cell(cell: object) -> object:
    """Return a text that a spreadsheet would take for a formula with an apostrophe before it; all else as it is."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def original_cell(cell: str) -> str:
    """Return a cell as it was before `safe_cell`."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


def safe_table(table: pd.DataFrame) -> str:
    """Return a table as CSV with every text of it, its headings too, as `safe_cell` writes it."""
    made = table.map(safe_cell)
    made.columns = made.columns.map(safe_cell)
    made.index = made.index.map(safe_cell)
    return str(made.to_csv())


def relative(path: str, folder: Path) -> str:
    """Return the path of an image as seen from a folder, with ``/`` between folders."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # Windows: another drive has no relative path.
        return path


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.6g}"
    return safe_cell(value)
