"""The verbs that look into a classifier, at the labels and over time: ``explain``, ``label-help``, ``over-time``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_cellsynth.cli.options import Json, ProjectPath, Seed
from napari_cellsynth.console import do, note, show, show_label_help


def explain(
    project: ProjectPath,
    object_id: Annotated[int, typer.Option("--object", help="The object's id (`export` lists them).")],
    run: Annotated[str | None, typer.Option(help="The classifier run; the newest when left out.")] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            help="deconvolution, guided-backprop, grad-cam, occlusion, kernels, feature-maps; may be repeated.",
        ),
    ] = None,
    class_name: Annotated[str | None, typer.Option("--class", help="What speaks for this class.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures; the run's own when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Draw what a classifier looks at in an object."""
    from napari_cellsynth.jobs.job import EXPLANATIONS, ExplainParameters

    chosen = {"methods": methods or list(EXPLANATIONS), "class_name": class_name}
    place = str(out.absolute()) if out is not None else None
    show(do(project, ExplainParameters, object=object_id, run=run, out=place, **chosen), as_json)


def label_help(
    project: ProjectPath,
    n: Annotated[int, typer.Option("-n", help="How many objects to propose for labelling.")] = 50,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Find labels that are probably wrong, copies across groups, and the objects to label next."""
    from napari_cellsynth.jobs.job import LabelHelpParameters
    from napari_cellsynth.project import Project

    found = do(project, LabelHelpParameters, n=n, seed=seed)
    for text in found["notices"]:
        note(text)
    leaks = sum(pair["leak"] for pair in found["duplicates"])
    if leaks:
        note(f"{leaks} pairs of near-copies lie on both sides of the split: put their groups on one side.")
    if as_json:
        show(found, as_json)
        return
    with Project.open(project, read_only=True) as opened:
        show_label_help(found, {record.id: record.name for record in opened.classes()})


def over_time(
    project: ProjectPath,
    run: Annotated[str | None, typer.Option(help="The classifier run; the last that predicted when left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; in the project when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Count the classes of every frame, video and group, corrected for the classifier's errors, and follow objects."""
    from napari_cellsynth.jobs.job import OverTimeParameters

    found = do(project, OverTimeParameters, run=run, out=None if out is None else str(out.absolute()))
    for text in found["notices"]:
        note(text)
    show({name: value for name, value in found.items() if name != "notices" or as_json}, as_json)
