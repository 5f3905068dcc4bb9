"""The verb `experiment`: run a protocol by name, go on with one, or tell what it would train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_cellsynth.cli.merging import Types, merged
from napari_cellsynth.cli.options import Scheduler, Workers, refuse_beside_resume, refuse_workers_beside_scheduler
from napari_cellsynth.console import do, note, overrides, show
from napari_cellsynth.errors import UserError


def experiment(
    context: typer.Context,
    project: Annotated[Path, typer.Argument(metavar="P", help="The project folder, NAME.cellsynth.")],
    protocol: Annotated[str | None, typer.Argument(help="The protocol by name; left out, they are listed.")] = None,
    preset: Annotated[str, typer.Option(help="How thoroughly: smoke (minutes), small or full.")] = "full",
    folds: Annotated[int | None, typer.Option(help="Outer folds, by whole groups.")] = None,
    repeats: Annotated[int | None, typer.Option(help="How often the folds are drawn anew.")] = None,
    classes: Annotated[list[str] | None, typer.Option("--class", help="Only these classes (repeat).")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a setting of the protocol.")
    ] = None,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Leak as the paper does; the report says what leaks.")
    ] = False,
    sources: Annotated[
        list[Path] | None,
        typer.Option("--source", help="Merge this folder or project into P first, as `merge` does (repeat)."),
    ] = None,
    types: Types = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with an interrupted experiment.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only tell what would be trained, and how long.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; progress to stderr.")] = False,
) -> None:
    """Ask a question of a project by cross-validation over its groups, and write a report."""
    from napari_cellsynth.experiments import protocol as named
    from napari_cellsynth.jobs.experiment import planned_trainings
    from napari_cellsynth.jobs.experiment_pace import minutes_words
    from napari_cellsynth.jobs.job import ExperimentParameters, TimeExperimentParameters
    from napari_cellsynth.project import Project

    refuse_beside_resume(context)
    refuse_workers_beside_scheduler(context)
    where = {"workers": workers, "scheduler": scheduler, "device": device}
    if resume is not None:
        show(do(project, ExperimentParameters, resume=resume, **where), as_json)
        return
    if protocol is None:
        _list_protocols(as_json)
        return
    given = {"folds": folds, "repeats": repeats, "classes": classes or None, "as_published": as_published or None}
    changed = overrides(changes) | {name: value for name, value in given.items() if value is not None}
    named(protocol).checked(preset, changed)
    if sources:
        made = merged(project, sources, types)
        if "project" not in made:
            show(made, as_json)
            return
    elif types is not None:
        raise UserError("--types groups the types of sources.", "Give them with --source.")
    with Project.open(project, read_only=True) as opened:
        counts = planned_trainings(opened, protocol, preset, changed)
    asked = {"protocol": protocol, "preset": preset, "changes": changed}
    if plan:
        told = do(project, TimeExperimentParameters, **asked, device=device)
        show(counts | {"time": minutes_words(told["seconds"]), "seconds": round(told["seconds"])}, as_json)
        return
    note(f"{counts['gans']} GANs and {counts['classifiers']} classifiers over {counts['folds']} folds")
    show(do(project, ExperimentParameters, **asked, **where), as_json)


def _list_protocols(as_json: bool) -> None:
    from napari_cellsynth.experiments import PROTOCOLS

    if as_json:
        raise UserError("No protocol is given.", f"Choose one of {', '.join(PROTOCOLS)}.")
    for name, each in PROTOCOLS.items():
        print(f"{name}: {each.title} ({each.source}) · presets {', '.join(each.presets)}")
