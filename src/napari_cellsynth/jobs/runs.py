"""How a training's run record follows its events: stopped, finished or failed is on disk before it is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from napari_cellsynth.errors import LeakError, UserError
from napari_cellsynth.events import Event, Finished, Stopped
from napari_cellsynth.jobs.job import TrainClassifierParameters, TrainGanParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord, RunStatus

R = TypeVar("R", bound=Any)


def ended(project: Project, run: RunRecord, events: Iterator[Event], extra: dict[str, Any]) -> Iterator[Event]:
    """Pass a training's events on, and write how it ended into the run's record first.

    A run whose process is killed keeps the status "running"; like a stopped one it can be resumed.
    """
    status: RunStatus | None = "failed"
    try:
        for event in events:
            if isinstance(event, Finished):
                result = {"run": run.id} | extra | event.result
                project.update_run(run.id, status="finished", result=result)
                status = None
                yield Finished(result)
            elif isinstance(event, Stopped):
                project.update_run(run.id, status="stopped")
                status = None
                yield Stopped(run.id)
            else:
                yield event
    except GeneratorExit:
        status = "stopped"
        raise
    finally:
        if status:
            project.update_run(run.id, status=status)


def intact(project: Project, run_id: str, kind: str) -> RunRecord:
    """Return a run's record, after a look at whether it is of the kind and holds what a training writes.

    Raises
    ------
    UserError
        Where there is no such run, it is of another kind, or its record is damaged.
    """
    run = project.run(run_id)
    if run.kind != kind:
        raise UserError(f"{run_id} is a {run.kind} run, not a {kind} run.", "`info` lists the runs.")
    if missing := sorted({"recipe", "low", "high"} - set(run.parameters)):
        raise UserError(f"The record of {run_id} is damaged: it has no {missing[0]!r}.", "Train again.")
    return run


def resumed(project: Project, parameters: TrainGanParameters | TrainClassifierParameters, kind: str) -> RunRecord:
    """Return the run to go on with, marked as running again.

    Raises
    ------
    UserError
        Where there is no such run, it is of another kind, it is finished, it saw a group that is held out by now, or
        another recipe, seed or field than its own is asked for.
    """
    assert parameters.resume is not None
    run_id = parameters.resume
    run = intact(project, run_id, kind)
    _goes_on_as_it_began(run, parameters)
    if run.status == "finished" and kind == "classifier":
        raise UserError(f"{run_id} is finished.", "Start a new run.")
    held_out = {group for group, split in project.splits().items() if split == "test"}
    if leaked := sorted(held_out & set(run.groups)):
        raise LeakError(f"{run_id} learned from group {leaked[0]}, which is held out now.", "Start a new run.")
    return project.update_run(run_id, status="running")


def _goes_on_as_it_began(run: RunRecord, parameters: TrainGanParameters | TrainClassifierParameters) -> None:
    defaults, recorded = type(parameters)(), run.parameters["recipe"]
    own = {"recipe": run.recipe, "seed": run.seed}
    asked = {name: getattr(parameters, name) for name in own if getattr(parameters, name) != getattr(defaults, name)}
    differing = [name for name, value in asked.items() if value != own[name]]
    differing += [name for name, value in parameters.overrides.items() if recorded.get(name) != value]
    if differing:
        raise UserError(
            f"{run.id} goes on as it began; another {differing[0]} would change nothing.",
            "Leave it out, or start a new run.",
        )


def resolved(project: Project, recipe: R) -> R:
    """Return the recipe with ``fit="auto"`` decided for this project, the same for a generator and a classifier."""
    if recipe.fit != "auto":
        return recipe
    boxes_only = bool((project.objects()["mask_label"] == 0).all())
    decided: R = recipe.model_copy(update={"fit": "whole" if boxes_only else "window"})
    return decided


def hold_out_if_undecided(project: Project) -> None:
    """Choose the held-out groups before anything is learned, unless somebody has chosen already.

    A project whose labels all lie in one group has nothing to hold out; its trainings then have no score.
    """
    labelled = project.training_objects()
    if any(project.splits().values()) or labelled["group"].nunique() < 2:
        return
    project.hold_out()
