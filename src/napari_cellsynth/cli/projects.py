"""The verbs that make a project, fill it and tell what is in it: `init`, `info`, `import`, `segment`, `export`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_cellsynth.cli.options import (
    Json,
    ProjectPath,
    Scheduler,
    Workers,
    refuse_of_another_method,
    refuse_workers_beside_scheduler,
)
from napari_cellsynth.console import do, note, overrides, show
from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    from napari_cellsynth.project import Project

GROUP_HELP = r"What must not straddle a split: the bracketed part of a pattern, found in each path, as in '(plate\d+)'."
MultiLabel = Annotated[bool, typer.Option("--multi-label", help="Objects may have several classes each.")]


def init(
    project: ProjectPath,
    images: Annotated[
        list[str] | None, typer.Argument(help="Images, folders of frames or videos, plates, globs.")
    ] = None,
    pixel_size: Annotated[float | None, typer.Option(help="Pixel size in µm.")] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help=GROUP_HELP,
        ),
    ] = None,
    classes: Annotated[str | None, typer.Option(help="Class names, comma separated.")] = None,
    multi_label: MultiLabel = False,
    as_json: Json = False,
) -> None:
    """Make a project (or add images to it)."""
    from napari_cellsynth.imaging.series import series_in
    from napari_cellsynth.project.groups import groups_in_words

    names = [name.strip() for name in (classes or "").split(",") if name.strip()]
    with _made_or_opened(project, classes=names, pixel_size_um=pixel_size, multi_label=multi_label) as opened:
        known = {record.name for record in opened.classes()}
        for name in names:
            if name not in known:
                opened.add_class(name)
        for image in images or []:
            for notice in series_in(image).notices:
                note(notice)
        added = opened.add_images([Path(image) for image in images], group_by=group_by) if images else []
        if group_by and added:
            note(groups_in_words(opened.images().loc[added, "group"]))
        show({"project": str(opened.path), "images": len(opened.images()), "added": len(set(added))}, as_json)


def info(project: ProjectPath, as_json: Json = False) -> None:
    """Tell what is in a project."""
    from napari_cellsynth.project import Project

    with Project.open(project, read_only=True) as opened:
        images, objects, counts = opened.images(), opened.objects(), opened.label_counts()
        synthetic = opened.synthetic()
        show(
            {
                "project": str(opened.path),
                "images": len(images),
                "frames": int(images["frames"].sum()) if len(images) else 0,
                "missing_images": int(images["missing"].sum()) if len(images) else 0,
                "groups": int(images["group"].nunique()) if len(images) else 0,
                "held_out_groups": sum(split == "test" for split in opened.splits().values()),
                "objects": len(objects),
                "multi_label": opened.multi_label,
                "labels": {record.name: counts.get(record.id, 0) for record in opened.classes()},
                "unlabelled": counts.get(0, 0),
                "unsure": counts.get(-1, 0),
                "bad_segmentation": counts.get(-2, 0),
                "synthetic_patches": len(synthetic),
                "runs": [
                    {"id": run.id, "kind": run.kind, "recipe": run.recipe, "status": run.status}
                    for run in opened.runs()
                ],
            },
            as_json,
        )


def import_(
    project: ProjectPath,
    folder: Annotated[Path, typer.Argument(help="A folder or file: tables, GeoJSON, COCO, label images, crops.")],
    multi_label: MultiLabel = False,
    relabel: Annotated[bool, typer.Option("--relabel", help="Boxes that are there take the imported label.")] = False,
    as_json: Json = False,
) -> None:
    """Import objects with their images: a table (several classes as A|B), GeoJSON, COCO, masks, a folder a class."""
    from napari_cellsynth.project import Project
    from napari_cellsynth.project.exchange import import_folder

    made = not Project.is_project(project)
    with _made_or_opened(project, multi_label=multi_label) as opened:
        report = import_folder(opened, folder, relabel=relabel)
        for notice in report.notices:
            note(notice)
        told = {
            "project": str(opened.path),
            "made": made,
            "images": report.images,
            "objects": report.objects,
            "classes": list(report.classes),
            "notices": report.notices,
        }
        if not as_json:
            # For people: what is new is said in words, and what is empty is left out; notices were told above.
            told["project"] = f"{opened.path}{' (made: there was none)' if told.pop('made') else ''}"
            told["classes"] = ", ".join(report.classes)
            told = {name: value for name, value in told.items() if name != "notices" and value != ""}
        show(told, as_json)


def segment(
    context: typer.Context,
    project: ProjectPath,
    method: Annotated[str, typer.Option(help="entropy, or another segmenter that is installed.")] = "entropy",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A setting of another method than entropy: diameter=30."),
    ] = None,
    enhance: Annotated[str, typer.Option(help="none, he, ahe or clahe.")] = "none",
    radius: Annotated[int, typer.Option(help="Texture radius in px.")] = 9,
    opening: Annotated[int, typer.Option(help="Opening radius in px.")] = 5,
    min_area: Annotated[int, typer.Option(help="Smallest object in px.")] = 500,
    flat_field_px: Annotated[float | None, typer.Option(help="Even out light over this distance in px.")] = None,
    split_touching: Annotated[bool, typer.Option(help="Part touching objects.")] = False,
    cell_width_px: Annotated[float | None, typer.Option(help="Width of a cell in px: parts confluent cells.")] = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Find the objects in every frame; labels are carried over from an earlier segmentation."""
    refuse_of_another_method(context, method)
    refuse_workers_beside_scheduler(context)
    from napari_cellsynth.jobs.job import SegmentParameters

    result = do(
        project,
        SegmentParameters,
        method=method,
        options=overrides(changes),
        enhance=enhance,
        radius=radius,
        opening=opening,
        min_area=min_area,
        flat_field_px=flat_field_px,
        split_touching=split_touching,
        cell_width_px=cell_width_px,
        workers=workers,
        scheduler=scheduler,
    )
    show(result, as_json)


def export(
    project: ProjectPath,
    out: Annotated[Path, typer.Argument(help="The file or folder to write; its ending tells the format.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", help="By name where the ending does not tell it; a wrong one lists them."),
    ] = None,
    run: Annotated[str | None, typer.Option(help="The run whose patches, or whose network, is written.")] = None,
    as_json: Json = False,
) -> None:
    """Write objects with labels and predictions in a format that other programs read."""
    from napari_cellsynth.jobs.model_export import export as write
    from napari_cellsynth.project import Project

    with Project.open(project, read_only=True) as opened:
        written = write(opened, out, format_, run=run)
        show({"objects": len(opened.objects()), "file": str(written)}, as_json)


@contextmanager
def _made_or_opened(
    path: Path, *, classes: Sequence[str] = (), pixel_size_um: float | None = None, multi_label: bool = False
) -> Iterator[Project]:
    """Open the project, or make it; one that was made for work that then failed is taken away again."""
    from napari_cellsynth.project import Project

    if Project.is_project(path):
        if pixel_size_um is not None:
            raise UserError("The pixel size is set when a project is made.", "Leave --pixel-size out.")
        with Project.open(path) as opened:
            if multi_label and not opened.multi_label:
                opened.set_multi_label(True)
            yield opened
        return
    made = Project.create(path, classes=classes, pixel_size_um=pixel_size_um, multi_label=multi_label)
    try:
        with made:
            yield made
    except BaseException:
        shutil.rmtree(made.path)
        raise
