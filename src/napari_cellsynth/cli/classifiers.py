"""The verbs of classifiers: `train-classifier` and `predict`."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_cellsynth.cli.options import (
    Device,
    Json,
    ProjectPath,
    Scheduler,
    Seed,
    Set,
    Workers,
    refuse_beside_resume,
    refuse_workers_beside_scheduler,
)
from napari_cellsynth.console import do, overrides, show, show_scores


def train_classifier(
    context: typer.Context,
    project: ProjectPath,
    recipe: Annotated[str, typer.Option(help="The recipe, by name (`recipes` lists them).")] = "fast",
    synthetic: Annotated[int, typer.Option(help="Synthetic patches a class.")] = 0,
    up_to: Annotated[
        int | None, typer.Option(metavar="N", help="Instead: fill rare classes up to N patches, real and synthetic.")
    ] = None,
    share: Annotated[
        float | None, typer.Option(metavar="S", help="Instead: S synthetic patches for each real crop.")
    ] = None,
    balance: Annotated[
        str | None,
        typer.Option(help="none, weights, oversample, undersample, majority-dropout, or smote for features."),
    ] = None,
    mode: Annotated[str, typer.Option(help="mixed, or pretrained (synthetic first, then real).")] = "mixed",
    seed: Seed = 0,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a stopped run.")] = None,
    scheduler: Scheduler = None,
    device: Device = "auto",
    changes: Set = None,
    as_json: Json = False,
) -> None:
    """Train a classifier and score it on real crops of groups that nothing was learned from."""
    from napari_cellsynth.jobs.job import AtOnceParameters, TrainClassifierParameters

    refuse_beside_resume(context)
    asked = {
        "recipe": recipe,
        "synthetic": synthetic,
        "up_to": up_to,
        "share": share,
        "mode": mode,
        "seed": seed,
        "resume": resume,
        "overrides": overrides(changes) | ({} if balance is None else {"balance": balance}),
        "device": device,
    }
    if scheduler is None:
        result = do(project, TrainClassifierParameters, **asked)
    else:
        parts = [{"kind": "train-classifier", "parameters": asked, "title": recipe}]
        result = do(project, AtOnceParameters, jobs=parts, scheduler=scheduler)["results"][0]
    show(result, True) if as_json else show_scores(result)


def predict(
    context: typer.Context,
    project: ProjectPath,
    images: Annotated[list[int] | None, typer.Argument(help="Image ids; all when left out.")] = None,
    run: Annotated[str | None, typer.Option(help="The classifier run; the newest when left out.")] = None,
    unsure_below: Annotated[
        float | None, typer.Option(help="Answer unsure below this confidence; kept for the project.")
    ] = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Predict the class of every object."""
    from napari_cellsynth.jobs.job import PredictParameters

    refuse_workers_beside_scheduler(context)
    where = {"workers": workers, "scheduler": scheduler}
    asked = {"run": run, "images": images or None, "unsure_below": unsure_below}
    show(do(project, PredictParameters, **asked, **where), as_json)
