"""Bringing annotated images into a project: the choice among the formats, and ``objects.csv`` with its images."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.export import export_csv
from napari_cellsynth.project.folders import (
    class_folder_plan,
    find_class_folders,
    find_label_images,
    import_class_folders,
    import_label_images,
)
from napari_cellsynth.project.formats import coco, geojson, h5ad, ome_zarr, parquet
from napari_cellsynth.project.importing import carry_out
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.plan import ImportPlan, ImportReport
from napari_cellsynth.project.project import Project
from napari_cellsynth.project.tables import csv_rows, table_plan

TABLE = "objects.csv"
_READERS: dict[str, Callable[[Path], Iterator[tuple[int, dict[str, str]]]]] = {
    ".csv": csv_rows,
    ".parquet": parquet.parquet_rows,
    ".h5ad": h5ad.h5ad_rows,
}

__all__ = [
    "ImportReport",
    "export_csv",
    "import_class_folders",
    "import_folder",
    "import_label_images",
    "import_objects_csv",
]


def import_folder(project: Project, folder: str | Path, *, relabel: bool = False) -> ImportReport:
    """Import an annotated folder or file, whatever it is.

    Parameters
    ----------
    project : Project
        Open for writing.
    folder : str or Path
        A table (``.csv``, ``.parquet``, ``.h5ad``), a GeoJSON (``.geojson``) or a COCO file (``.json``); or an OME-Zarr
        image with labels, or a folder with such images, with an ``objects`` table, with GeoJSON files, with one COCO
        file, with label images, or with one folder of images for each class, looked for in that order.
    relabel : bool
        Give boxes that are in the project already the imported label, where that is another one; else they keep theirs,
        and how many there are is told.

    Raises
    ------
    UserError
        When it is none of these, or something in it is wrong; nothing is imported then.

    Examples
    --------
    >>> import napari_cellsynth as cs
    >>> with cs.Project.create("cells.cellsynth") as project:
    ...     report = cs.import_folder(project, "objects.csv")
    >>> report.objects, report.classes
    (1, ('round',))
    """
    known = {record.name for record in project.classes()}
    images = project.images()
    names = dict(zip([Path(path).stem for path in images["path"]], images["path"], strict=True))
    place = usable(folder)
    if place.is_file():
        plan = _file_plan(place, known, names)
        if plan is None:
            kinds = ", ".join([*_READERS, geojson.ENDING, ".json (COCO)"])
            raise UserError(f"{place} is of no kind that can be imported.", f"These can: {kinds}.")
        return carry_out(project, plan, relabel=relabel)
    place = existing_folder(place)
    plan = _folder_plan(place, known, names)
    if plan is not None:
        return carry_out(project, plan, relabel=relabel)
    if find_label_images(place):
        return import_label_images(project, place)
    if find_class_folders(place):
        return carry_out(project, class_folder_plan(place), relabel=relabel)
    raise UserError(
        f"{place} holds neither an {TABLE}, nor label images, nor a folder of images for each class.",
        "To segment plain images, a plate or a folder of videos, add them as images: `init P FOLDER`.",
    )


def _folder_plan(place: Path, known: Collection[str], names: Mapping[str, str]) -> ImportPlan | None:
    """Return the plan of the file, or of the files of one kind, that a folder is about; None where there is none."""
    if images := ome_zarr.find_ome_zarr(place):
        return ome_zarr.ome_zarr_plan(images, names)
    tables = [place / f"objects{ending}" for ending in _READERS if (place / f"objects{ending}").is_file()]
    if tables:
        return _file_plan(tables[0], known, names)
    outlines = sorted(file for file in place.glob(f"*{geojson.ENDING}") if not file.name.startswith("."))
    if outlines:
        return geojson.geojson_plan(outlines, names)
    collections = [file for file in sorted(place.glob("*.json")) if coco.is_coco(file)]
    if len(collections) > 1:
        raise UserError(f"{place} holds {len(collections)} COCO files.", "Import one after the other, by name.")
    return coco.coco_plan(collections[0]) if collections else None


def _file_plan(file: Path, known: Collection[str], names: Mapping[str, str]) -> ImportPlan | None:
    ending = file.suffix.lower()
    if ending in _READERS:
        return table_plan(file, known, _READERS[ending](file))
    if ending == geojson.ENDING:
        return geojson.geojson_plan([file], names)
    return coco.coco_plan(file) if ending == ".json" else None


def folder_plan(folder: str | Path) -> ImportPlan:
    """Return what an import of a folder with types would write: its ``objects.csv``, else one folder a class.

    Raises
    ------
    UserError
        When the folder is neither, or something in it is wrong.
    """
    place = existing_folder(folder)
    if (place / TABLE).is_file():
        return table_plan(place / TABLE, (), csv_rows(place / TABLE))
    if find_class_folders(place):
        return class_folder_plan(place)
    raise UserError(
        f"{place} holds neither an {TABLE} nor a folder of images for each class, and is no project.",
        "Import it into a project of its own, label it there, and give that project.",
    )


def import_objects_csv(project: Project, folder: str | Path) -> ImportReport:
    """Import boxes and labels from a folder's ``objects.csv`` together with the images it names.

    Parameters
    ----------
    project : Project
        Open for writing.
    folder : str or Path
        Holds ``objects.csv`` with the columns image (path relative to the folder), x0, y0, x1, y1 (pixels, origin top
        left, ends exclusive) and label, and where known split, group and frame. ``unlabelled`` or an empty label is
        none; the classes of an object that has several stand with ``|`` between them, which makes a project that has no
        labels yet multi-label. What is in the project already is left out, so importing twice is harmless.

    Returns
    -------
    ImportReport

    Raises
    ------
    UserError
        Naming file and line, when a column is missing, a cell is no number, an image is missing or damaged, or a box is
        empty, outside of its image, or given twice with different labels. Nothing is imported then.
    """
    file = existing_folder(folder) / TABLE
    if not file.is_file():
        raise UserError(f"{file} does not exist.", "Choose a folder with an objects.csv.")
    known = {record.name for record in project.classes()}
    return carry_out(project, table_plan(file, known, csv_rows(file)))


def existing_folder(folder: str | Path) -> Path:
    """Return a folder's path, refusing one that is not there."""
    place = usable(folder)
    if not place.is_dir():
        raise UserError(f"There is no folder {place}.", "Check the path.")
    return place
