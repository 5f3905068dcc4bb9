"""The verbs about labels and classes: ``classes``, ``agreement``, ``undo`` and ``redo``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_cellsynth.cli.options import Json, ProjectPath
from napari_cellsynth.cli.pairs import pairs
from napari_cellsynth.console import show
from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    from napari_cellsynth.project import Project

User = Annotated[str | None, typer.Option(help="Who acts; the login name when left out.")]
Words = list[str] | None


def classes(
    project: ProjectPath,
    add: Annotated[Words, typer.Option(metavar="NAME", help="Add a class; may be repeated.")] = None,
    rename: Annotated[Words, typer.Option(metavar="NAME NEW", help="Give it another name; may be repeated.")] = None,
    color: Annotated[
        Words, typer.Option(metavar="NAME #RRGGBB", help="Give it another colour; may be repeated.")
    ] = None,
    key: Annotated[
        Words, typer.Option(metavar="NAME KEY", help="Give it a key, 1 to 9, or ''; may be repeated.")
    ] = None,
    merge: Annotated[
        Words, typer.Option(metavar="NAME INTO", help="Make its objects those of another; may be repeated.")
    ] = None,
    delete: Annotated[
        Words, typer.Option(metavar="NAME", help="Take a class away that nothing has; may be repeated.")
    ] = None,
    user: User = None,
    as_json: Json = False,
) -> None:
    """List the classes, or change them: all that is asked for or, where a part fails, nothing.

    Every change is a step of undo.
    """
    asked = {"rename": rename, "color": color, "key": key, "merge": merge}
    two = {name: pairs(f"--{name}", words) for name, words in asked.items()}
    changing = bool(add or delete or any(two.values()))
    with _opened(project, user, read_only=not changing) as opened:
        moved = []
        with opened.at_once() if changing else nullcontext():
            for name in add or []:
                opened.add_class(name)
            for name, new in two["rename"]:
                opened.rename_class(_id(opened, name), new)
            for name, code in two["color"]:
                opened.recolor_class(_id(opened, name), code)
            for name, digit in two["key"]:
                opened.set_class_key(_id(opened, name), digit)
            for name, into in two["merge"]:
                moved.append(opened.merge_class(_id(opened, name), _id(opened, into)))
            for name in delete or []:
                opened.delete_class(_id(opened, name))
        counts = opened.label_counts()
        told: dict[str, object] = {
            record.name: {"key": record.key, "color": record.color, "objects": counts.get(record.id, 0)}
            for record in opened.classes()
        }
        show({"classes": told} | ({"moved": sum(moved)} if moved else {}), as_json)


def agreement(
    project: ProjectPath,
    first: Annotated[str | None, typer.Option(help="A labeller; with --second two people are compared.")] = None,
    second: Annotated[str | None, typer.Option(help="Another labeller.")] = None,
    user: Annotated[str | None, typer.Option(help="Whose answers when asked again; all when left out.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="CSV", help="Write the disagreements into a file.")] = None,
    as_json: Json = False,
) -> None:
    """Tell how far people agree: with themselves when asked again, or two with each other (Cohen's kappa)."""
    from napari_cellsynth.jobs.agreement import (
        between,
        comparable,
        in_words,
        labellers,
        self_agreement,
        write_disagreements,
    )
    from napari_cellsynth.project import Project

    if (first is None) != (second is None):
        raise UserError("Two labellers are compared.", "Give both --first and --second.")
    with Project.open(project, read_only=True) as opened:
        if first is not None and second is not None:
            figures, differing = between(opened, first, second)
            told = in_words(opened, figures) | {
                "disagreements": [each.object_id for each in differing],
                "decided": sum(each.decided for each in differing),
            }
            if out is not None:
                told["file"] = str(write_disagreements(opened, first, second, differing, out))
            show(told, as_json)
            return
        if out is not None:
            raise UserError("Disagreements are between two labellers.", "Give --first and --second.")
        if user is not None:
            show(in_words(opened, self_agreement(opened, user)), as_json)
            return
        known = labellers(opened)
        asked = [name for name in known if len(opened.repeats(name))]
        figures_of = {name: in_words(opened, self_agreement(opened, name)) for name in asked}
        show({"labellers": known, "comparable": comparable(opened), "asked_again": figures_of}, as_json)


def undo(project: ProjectPath, user: User = None, as_json: Json = False) -> None:
    """Take back the last label, review, answer or change of a class."""
    with _opened(project, user) as opened:
        _tell(opened.undo_step(), "undo", as_json)


def redo(project: ProjectPath, user: User = None, as_json: Json = False) -> None:
    """Do again what was taken back last."""
    with _opened(project, user) as opened:
        _tell(opened.redo_step(), "redo", as_json)


def _tell(step: object, verb: str, as_json: bool) -> None:
    from napari_cellsynth.project.actions import Step

    if not isinstance(step, Step):
        raise UserError(f"There is nothing to {verb}.")
    show({"kind": step.kind, "changed": len(step.targets), "classes": len(step.class_ids)}, as_json)


def _opened(path: Path, user: str | None, *, read_only: bool = False) -> Project:
    from napari_cellsynth.project import Project

    opened = Project.open(path, read_only=read_only)
    if user is not None:
        opened.user = user
    return opened


def _id(project: Project, name: str) -> int:
    return project.class_named(name).id
