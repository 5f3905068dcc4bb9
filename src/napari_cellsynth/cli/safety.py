"""The verbs that keep a project safe: `check` looks it over, `restore` goes back to a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_cellsynth.cli.options import Json, ProjectPath
from napari_cellsynth.console import note, show
from napari_cellsynth.errors import UserError


def check(
    project: ProjectPath,
    mend: Annotated[bool, typer.Option("--mend", help="Mend what can be mended safely.")] = False,
    as_json: Json = False,
) -> None:
    """Verify a project end to end: database, journal, images, masks, patches, runs and backups."""
    from napari_cellsynth.project.checking import check as checked

    findings = checked(project, mend=mend)
    left = [finding for finding in findings if not finding.mended]
    for finding in findings:
        note(f"mended: {finding.message}" if finding.mended else f"found: {finding.message} {finding.hint}".rstrip())
    show(
        {
            "found": [{"message": each.message, "hint": each.hint, "mended": each.mended} for each in findings]
            if as_json
            else len(findings),
            "mended": len(findings) - len(left),
            "left": len(left),
        },
        as_json,
    )
    if left:
        raise typer.Exit(2)


def restore(
    project: Annotated[Path, typer.Argument(help="Project folder.")],
    list_: Annotated[bool, typer.Option("--list", help="Only tell which backups there are.")] = False,
    from_: Annotated[
        str | None, typer.Option("--from", help="Number or name of a backup, or a database file; else the newest.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go back to a backup of the project's database; the current one is kept aside first."""
    from napari_cellsynth.project.backups import Backup, backups
    from napari_cellsynth.project.backups import restore as restored
    from napari_cellsynth.project.checking import mend_masks
    from napari_cellsynth.project.project import place_of

    folder = place_of(project)
    if not folder.is_dir():
        raise UserError(f"There is no project {project}.", "Check the path.")
    if list_:
        known = backups(folder)
        rows = [{"number": b.number, "time": b.time, "why": b.why, "file": str(b.file)} for b in known]
        if as_json:
            show({"backups": rows}, True)
        for row in () if as_json else rows:
            print(f"{row['number']:>6}  {row['time']}  {row['why']}".rstrip())
        if not rows and not as_json:
            note("There is no backup.")
        return
    chosen, aside = restored(folder, from_)
    for finding in mend_masks(folder):
        note(finding.message)
    file = chosen.file if isinstance(chosen, Backup) else chosen
    made = chosen.time if isinstance(chosen, Backup) else ""
    show({"restored": file.name, "made": made, "kept": str(aside or "")}, as_json)
