"""The verbs of synthetic patches: `train-gan`, `generate`, `draw`, `quality`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
from napari_cellsynth.console import do, note, overrides, show, show_quality
from napari_cellsynth.errors import UserError


def train_gan(
    context: typer.Context,
    project: ProjectPath,
    recipe: Annotated[str, typer.Option(help="The recipe, by name (`recipes` lists them).")] = "cellsynth",
    class_names: Annotated[list[str] | None, typer.Option("--class", help="A class (may be repeated), or all.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps.")] = None,
    fold: Annotated[int | None, typer.Option(min=0, help="Leave this fold's groups out too.")] = None,
    seed: Seed = 0,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a stopped run.")] = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    device: Device = "auto",
    changes: Set = None,
    as_json: Json = False,
) -> None:
    """Train a GAN on the real training crops of a class, of every class in turn, or of all together (conditional)."""
    from napari_cellsynth.project import Project
    from napari_cellsynth.synthesis.recipes import gan_recipe

    refuse_beside_resume(context)
    refuse_workers_beside_scheduler(context)
    chosen = gan_recipe(recipe, **overrides(changes))  # what is wrong for every class is told once
    wanted = class_names or ["all"]
    with Project.open(project, read_only=True) as opened:
        known = [record.name for record in opened.classes()]
    if not known:
        raise UserError("This project has no classes.", "Label crops in the window, or import labelled ones.")
    if unknown := sorted(set(wanted) - {"all", *known}):
        raise UserError(f"There is no class {unknown[0]!r}.", f"The classes are {', '.join(known)}.")
    if resume is not None:
        trainings: list[list[str]] = [[]]
    elif chosen.conditional:
        trainings = [[] if "all" in wanted else wanted]
    else:
        trainings = [[name] for name in (known if "all" in wanted else wanted)]
    jobs = [
        {
            "classes": classes,
            "recipe": recipe,
            "steps": steps,
            "fold": fold,
            "seed": seed,
            "resume": resume,
            "overrides": overrides(changes),
            "device": device,
        }
        for classes in trainings
    ]
    spread = scheduler is not None or (workers > 1 and len(jobs) > 1)
    results = _at_once(project, jobs, workers, scheduler) if spread else _in_turn(project, jobs)
    show({"runs": results}, as_json)


def _in_turn(project: Path, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Train one after the other; a class with too few crops must not keep the others from training."""
    from napari_cellsynth.jobs.job import TrainGanParameters

    results: list[dict[str, Any]] = []
    for job in jobs:
        if len(jobs) > 1:
            note(f"{job['classes'][0]}:")
        try:
            results.append(do(project, TrainGanParameters, **job))
        except UserError as error:
            if len(jobs) == 1 or (job is jobs[-1] and not any("run" in result for result in results)):
                raise
            note(f"skipped: {error}")
            results.append({"class": job["classes"][0], "error": error.message})
    return results


def _at_once(project: Path, jobs: list[dict[str, Any]], workers: int, scheduler: str | None) -> list[dict[str, Any]]:
    from napari_cellsynth.jobs.job import AtOnceParameters

    parts = [
        {"kind": "train-gan", "parameters": job, "title": ", ".join(job["classes"]) or job["recipe"]} for job in jobs
    ]
    done = do(project, AtOnceParameters, jobs=parts, workers=workers, scheduler=scheduler)
    results: list[dict[str, Any]] = done["results"]
    for job, result in zip(jobs, results, strict=True):
        if "error" in result:
            note(f"skipped {', '.join(job['classes'])}: {result['error']}")
    return results


def generate(
    project: ProjectPath,
    run: Annotated[str, typer.Option(help="The GAN run.")],
    n: Annotated[int, typer.Option("-n", help="How many patches a class.")] = 500,
    class_names: Annotated[
        list[str] | None, typer.Option("--class", help="Of this class alone; may be repeated.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw synthetic patches from a trained GAN into the project."""
    from napari_cellsynth.jobs.job import GenerateParameters

    show(do(project, GenerateParameters, run=run, n=n, classes=class_names or [], seed=seed), as_json)


def draw(
    project: ProjectPath,
    class_name: Annotated[str, typer.Option("--class", help="The class that the patches stand for.")],
    drawing: Annotated[
        str, typer.Option("--drawing", help="circle, rings, or a colony: dense, spread, debris, differentiated.")
    ] = "circle",
    n: Annotated[int, typer.Option("-n", help="How many patches.")] = 500,
    size: Annotated[int, typer.Option(help="Side of a patch, px.")] = 64,
    fit: Annotated[str, typer.Option(help="The classifier's fit that they go with: auto, window or whole.")] = "auto",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw artificial patches (circles of Perlin noise, simulated colonies) into the project, without a GAN."""
    from napari_cellsynth.jobs.job import DrawParameters

    made = do(project, DrawParameters, class_name=class_name, drawing=drawing, n=n, size=size, fit=fit, seed=seed)
    show(made, as_json)


def quality(
    project: ProjectPath,
    run: Annotated[str, typer.Option(help="The GAN run.")],
    n: Annotated[int, typer.Option("-n", help="How many patches of either kind at most.")] = 500,
    extractor: Annotated[
        str, typer.Option(help="What describes patches: auto, inception, network, handmade, random-conv.")
    ] = "auto",
    inception: Annotated[str | None, typer.Option(help="File of torchvision's Inception v3 weights.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a run's synthetic patches against held-out real ones, each figure beside what real patches get."""
    from napari_cellsynth.jobs.job import QualityParameters

    figures = do(project, QualityParameters, run=run, n=n, extractor=extractor, inception=inception)
    if as_json:
        show(figures, as_json)
        return
    for name, table in figures["classes"].items():
        show_quality(f"{figures['run']} · {name}", table)
