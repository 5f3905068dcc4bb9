"""The verb `runs`: list the trainings, compare them, put them into the bin and take them back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from napari_cellsynth.cli.options import Json, ProjectPath
from napari_cellsynth.console import show
from napari_cellsynth.errors import UserError


def runs(
    project: ProjectPath,
    names: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs, by id; none: list all.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="What differs, and scores, side by side.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Move them, with what they made, into the bin.")] = False,
    restore: Annotated[bool, typer.Option("--restore", help="Take them back out of the bin.")] = False,
    empty_bin: Annotated[
        bool, typer.Option("--empty-bin", help="Delete what is in the bin (or the named runs of it) for good.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --empty-bin: do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """List the runs of a project and those in its bin; compare, delete, restore the named ones; empty the bin."""
    from napari_cellsynth.project import Project

    wanted = list(dict.fromkeys(names or []))
    if compare + delete + restore + empty_bin > 1:
        raise UserError("One thing at a time.", "Give one of --compare, --delete, --restore and --empty-bin.")
    if (delete or restore) and not wanted:
        raise UserError("No runs were named.", "Name them: runs PROJECT gan-0001 --delete")
    if compare and len(wanted) < 2:
        raise UserError("Two runs at least are compared.", "Name them: runs PROJECT gan-0001 gan-0002 --compare")
    with Project.open(project, read_only=not (delete or restore or empty_bin)) as opened:
        if compare:
            _compare(opened, wanted, as_json)
            return
        if empty_bin:
            _empty_bin(opened, wanted, yes, as_json)
            return
        for run_id in wanted if delete else ():
            opened.delete_run(run_id)
        for run_id in wanted if restore else ():
            opened.restore_run(run_id)
        listed = [opened.run(run_id) for run_id in wanted] if wanted and not (delete or restore) else opened.runs()
        patches = opened.synthetic()["run"].value_counts()
        rows = [_row(run, int(patches.get(run.id, 0))) for run in listed]
        if as_json:
            show({"runs": rows, "bin": opened.deleted_runs()}, as_json)
            return
        for row in rows:
            print("  ".join(str(value) for value in row.values() if value != ""))
        if opened.deleted_runs():
            print("in the bin:", ", ".join(opened.deleted_runs()))


def _empty_bin(project: Any, wanted: list[str], yes: bool, as_json: bool) -> None:
    from napari_cellsynth.project.run_bin import size_words

    there = [name for name in project.deleted_runs() if not wanted or name in wanted]
    size = project.bin_size(wanted or None)
    if there and not yes:
        question = f"Delete {', '.join(there)} for good? That frees {size_words(size)} and cannot be undone."
        typer.confirm(question, abort=True, err=True)
    show({"deleted": project.empty_bin(wanted or None), "freed": size if as_json else size_words(size)}, as_json)


def _row(run: Any, patches: int) -> dict[str, Any]:
    return {
        "id": run.id,
        "recipe": run.recipe,
        "status": run.status,
        "created": run.created[:16].replace("T", " "),
        "seed": f"seed {run.seed}",
        "patches": f"{patches:,} patches" if patches else "",
    }


def _compare(project: Any, wanted: list[str], as_json: bool) -> None:
    from napari_cellsynth.project.run_comparison import compare_runs

    found = compare_runs(project, wanted)
    differing = {name: found.parameters[name] for name in found.differing}
    if as_json:
        show({"runs": wanted, "parameters": differing, "scores": found.scores}, as_json)
        return
    width = max(len(name) for name in ("run", *differing, *found.scores))
    for name, values in {"run": wanted, **differing, **found.scores}.items():
        texts = (
            "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value) for value in values
        )
        print(name.ljust(width), *(text.ljust(18) for text in texts), sep="  ")
