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
    show(merged(project, sources, types), as_json)


def merged(project: Path, sources: list[Path], types: Path | None) -> dict[str, Any]:
    """Merge with progress on stderr, and return what came of it: a project, or the table that is to be edited."""
    from napari_cellsynth.jobs.job import MergeParameters

    named = None if types is None else str(types)
    result = do(project, MergeParameters, sources=[str(source) for source in sources], types=named)
    if "written" in result:
        note(f"Every type is in {result['written']} now. Group them in its column class, then give this command again.")
    for notice in result.get("notices", []):
        note(notice)
    return result
