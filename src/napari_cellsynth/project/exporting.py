"""Which formats a project can be exported to, and the choice among them by name or by a file's ending."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.project import Project


@dataclass(frozen=True)
class Format:
    """A format: its name, the endings that mean it, what it holds, and the function ``(project, out) -> Path``."""

    name: str
    endings: tuple[str, ...]
    holds: str
    writer: str
    of_run: bool = False


_HERE = "napari_cellsynth.project.formats"
FORMATS = (
    Format("csv", (".csv",), "objects, labels, predictions", "napari_cellsynth.project.export:export_csv"),
    Format("parquet", (".parquet",), "the same, numbers as numbers", f"{_HERE}.parquet:write_parquet"),
    Format("geojson", (".geojson",), "outlines and classes for QuPath", f"{_HERE}.geojson:write_geojson"),
    Format("coco", (".json",), "boxes, masks and categories", f"{_HERE}.coco:write_coco"),
    Format("ome-zarr", (".zarr",), "pixels, label images, tables (0.5)", f"{_HERE}.ome_zarr:write_ome_zarr"),
    Format("ome-zarr-0.4", (".zarr",), "the same, version 0.4", f"{_HERE}.ome_zarr:write_ome_zarr_04"),
    Format("anndata", (".h5ad",), "objects as observations", f"{_HERE}.h5ad:write_h5ad"),
    Format("imagefolder", (), "crops in one folder a class", f"{_HERE}.image_folder:write_image_folder"),
    Format("synthetic", (), "synthetic patches with a data card", f"{_HERE}.synthetic:write_synthetic", of_run=True),
)
"""What a project itself is written as; classifiers are exported by `jobs.model_export`."""


def export(project: Project, out: str | Path, format: str | None = None, *, run: str | None = None) -> Path:
    """Write a project in a format.

    Parameters
    ----------
    project : Project
        Open.
    out : str or Path
        The file or folder to write.
    format : str, optional
        A name of `FORMATS`; told by the ending of ``out`` where it is left out.
    run : str, optional
        Of a run alone, for the formats that know of runs.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    UserError
        When the format is unknown or does not fit the ending, or the place cannot be written.
    """
    chosen = format_of(out, format, FORMATS)
    module, _, name = chosen.writer.partition(":")
    writer = getattr(importlib.import_module(module), name)
    if run is not None and not chosen.of_run:
        raise UserError(f"{chosen.name} is about the whole project, not about a run.", "Leave --run out.")
    written: Path = writer(project, out, run=run) if chosen.of_run else writer(project, out)
    return written


def format_of(out: str | Path, name: str | None, known: tuple[Format, ...]) -> Format:
    """Return the format that is asked for by name or ending.

    Raises
    ------
    UserError
        When there is none, or the ending is that of another format.
    """
    ending = Path(out).suffix.lower()
    of_ending = next((each for each in known if any(str(out).lower().endswith(end) for end in each.endings)), None)
    listed = ", ".join(f"{each.name} ({each.endings[0]})" if each.endings else each.name for each in known)
    if name is None:
        if of_ending is None:
            what = f"{ending} is no format that" if ending else f"{Path(out).name} does not tell which format"
            raise UserError(f"{what} can be written.", f"Give --format, or an ending: {listed}.")
        return of_ending
    chosen = next((each for each in known if each.name == name), None)
    if chosen is None:
        raise UserError(f"There is no export format {name!r}.", f"The formats are {listed}.")
    if of_ending is not None and not set(of_ending.endings) & set(chosen.endings):
        raise UserError(f"{Path(out).name} ends like {of_ending.name}, not {name}.", "Change the name or the format.")
    if of_ending is None and chosen.endings and ending and not _takes_folders(chosen):
        wanted = Path(out).with_suffix(chosen.endings[0]).name
        raise UserError(f"{Path(out).name} does not end in {chosen.endings[0]}.", f"Name it {wanted}.")
    return chosen


def _takes_folders(chosen: Format) -> bool:
    return chosen.name in ("geojson", "ome-zarr", "ome-zarr-0.4")
