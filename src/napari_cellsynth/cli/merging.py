"""The verb `merge`: several sources into one project, without copies, their types grouped by an editable table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_cellsynth.cli.options import Json, ProjectPath
from napari_cellsynth.console import do, note, show

Types = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV",
        help="The class of every type (columns type, class). Written with all types where it is not there yet: "
        "edit it, then give it again.",
    ),
]


def merge(
    project: ProjectPath,
    sources: Annotated[
        list[Path], typer.Argument(help="Folders with an objects.csv or one folder a class, and projects.")
    ],
    types: Types = None,
    as_json: Json = False,
) -> None:
    """Merge sources into a new project: copies left out, types grouped into classes, groups kept apart by source."""
    if written := first_types(sources, types):
        show(written, as_json)
        return
    show(merged(project, sources, types), as_json)


def first_types(sources: list[Path], types: Path | None) -> dict[str, Any]:
    """Write the first mapping where a name for one is given and it is not there; return what to show then."""
    if types is None or types.exists():
        return {}
    from napari_cellsynth.project.sources import read_sources
    from napari_cellsynth.project.types import write_types

    file = write_types(types, read_sources(sources))
    note(f"Every type is in {file} now. Group them in its column class, then give the same command again.")
    return {"types": str(file)}


def merged(project: Path, sources: list[Path], types: Path | None) -> dict[str, Any]:
    """Merge with progress on stderr, and return what came of it."""
    from napari_cellsynth.jobs.job import MergeParameters

    result = do(project, MergeParameters, sources=[str(source) for source in sources], types=types and str(types))
    for notice in result["notices"]:
        note(notice)
    return result
