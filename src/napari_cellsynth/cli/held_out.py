"""The verb that chooses what is never trained on: `hold-out`."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_cellsynth.cli.options import Json, ProjectPath
from napari_cellsynth.console import show
from napari_cellsynth.errors import UserError


def hold_out(
    project: ProjectPath,
    share: Annotated[
        float | None, typer.Option(help="Share of the labelled objects, above 0 and below 1; a quarter when left out.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Instead: this group and no other; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the choice.")] = 0,
    as_json: Json = False,
) -> None:
    """Choose whole groups (videos, slides, wells) that nothing learns from, to test on."""
    from napari_cellsynth.project import Project

    if group and share is not None:
        raise UserError("Give a share or groups, not both.", "Leave one of them out.")
    with Project.open(project) as opened:
        if group:
            known = {name: "test" if name in group else "train" for name in opened.splits()}
            opened.set_split(known | dict.fromkeys(group, "test"))
        else:
            opened.hold_out(fraction=0.25 if share is None else share, seed=seed)
        splits = opened.splits()
        told = {part: sorted(name for name in splits if splits[name] == part) for part in ("test", "train")}
        show({"held_out": told["test"], "training": told["train"]}, as_json)
