"""The objects as AnnData (``.h5ad``): one observation an object, its size as variables, all else beside."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from multiprocessing.spawn import get_executable
from pathlib import Path
from typing import Any

import numpy as np

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.classes import SEPARATOR
from napari_cellsynth.project.export import objects_table
from napari_cellsynth.project.formats.parquet import MOST_BYTES, MOST_ROWS, rows_of_texts
from napari_cellsynth.project.formats.place import file_beside, library
from napari_cellsynth.project.project import Project

_MEASURED = ["area", "height", "width"]
_MOST_SECONDS = 300
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from napari_cellsynth.project.formats.h5ad import tell; tell(sys.argv[2])"
)
_DEEPEST = 2
"""Observations are columns, and a column has at most categories and codes below it."""


def write_h5ad(project: Project, out_path: str | Path) -> Path:
    """Write the objects as AnnData.

    ``X`` holds area (px²; of the box where there is no mask), height and width (px), ``obs`` the table of
    `objects_table`, ``obsm["spatial"]`` the centres (x, y), ``obsm["probabilities"]`` those of the newest prediction
    for each class, and ``uns`` the classes with their colours, ``label_colors`` as scanpy has it among them.

    Raises
    ------
    UserError
        When it cannot be written, or anndata is not installed.
    """
    anndata = library("anndata", "AnnData")
    with file_beside(out_path) as (beside, out):
        table = objects_table(project, out.parent)
        objects = project.objects().loc[table.index]
        measured = objects.assign(height=objects["y1"] - objects["y0"], width=objects["x1"] - objects["x0"])[_MEASURED]
        records = project.classes()
        colors = {record.name: record.color for record in records}
        kinds = [record.name for record in records if (table["label"] == record.name).any()]
        kinds += sorted(set(table["label"]) - set(kinds))
        obs = table.assign(object_id=table.index.to_numpy(), label=table["label"].astype("category"))
        obs["label"] = obs["label"].cat.set_categories(kinds)
        obs.index = obs.index.map(str).rename(None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of texts that it makes categories of
            made = anndata.AnnData(X=measured.to_numpy(np.float32), obs=obs)
            made.var_names = _MEASURED
            made.obsm["spatial"] = objects[["cx", "cy"]].to_numpy(np.float64)
            predicted = project.predictions().reindex(table.index)
            shares = [name for name in predicted if name.startswith("p_")]
            if shares:
                made.obsm["probabilities"] = predicted[shares].to_numpy(np.float32)
            made.uns["classes"] = [record.name for record in records]
            made.uns["class_colors"] = [record.color for record in records]
            made.uns["label_colors"] = [colors.get(kind.split(SEPARATOR)[0], "#bbbbbb") for kind in kinds]
            made.uns["probabilities"] = [name.removeprefix("p_") for name in shares]
            made.write_h5ad(beside)
    return out


def h5ad_rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the observations of an ``.h5ad`` file as a table of texts has them, numbered from 1.

    They are read in a process of its own: HDF5's library can be made to run for ever by a damaged file, or to crash.

    Raises
    ------
    UserError
        When it is no such file, or anndata is not installed.
    """
    library("anndata", "AnnData")
    command = [get_executable(), "-c", _START, json.dumps(sys.path), str(file)]
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would flash a console
    try:
        done = subprocess.run(command, capture_output=True, timeout=_MOST_SECONDS, creationflags=flags, check=True)
        columns, rows = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, LookupError) as error:
        raise UserError(f"{file} cannot be read as AnnData.", "Export it again.") from error
    yield from rows_of_texts(file, columns, rows)


def tell(file: str) -> None:
    """Print a file's columns and rows as JSON; the work of `h5ad_rows` in the other process."""
    reader, h5py = library("anndata.io", "AnnData"), library("h5py", "AnnData")
    warnings.simplefilter("ignore")
    with h5py.File(file, "r") as opened:
        _check(opened, "obs", h5py)  # nothing but the observations is read
        table = reader.read_elem(opened["obs"])
    columns = [str(name) for name in table.columns]
    rows = table.set_axis(columns, axis=1).astype(object).to_dict("records")
    texts = [{name: None if cell is None or cell != cell else str(cell) for name, cell in row.items()} for row in rows]
    print(json.dumps([columns, texts]))


def _check(group: Any, name: str, h5py: Any, depth: int = 0) -> None:
    """Refuse links, which may lead to other files or in circles, and arrays larger than a table of objects has."""
    here = group[name]
    direct = isinstance(group.get(name, getlink=True), h5py.HardLink)
    if not direct or depth > _DEEPEST:
        raise ValueError(f"{name} leads elsewhere")
    if isinstance(here, h5py.Group):
        for below in here:
            _check(here, below, h5py, depth + 1)
    elif here.size > MOST_ROWS or here.nbytes > MOST_BYTES or here.external or here.is_virtual:
        raise ValueError(f"{name} is too large, or elsewhere")
