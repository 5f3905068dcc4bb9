"""The experiment job: all trainings of a protocol, fold by fold, here or on a cluster, and its report."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Saved, Stop, Stopped
from napari_cellsynth.jobs import experiment_cluster
from napari_cellsynth.jobs.job import ExperimentParameters, Job
from napari_cellsynth.jobs.runs import ended
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord

if TYPE_CHECKING:
    from napari_cellsynth.experiments.dataset import Dataset, Fold
    from napari_cellsynth.experiments.design import Plan
    from napari_cellsynth.experiments.protocol import Protocol, Settings

_SETS = "object_class_sets"
"""Where a record has 0/1 for each class of every object, since objects may have several."""


def experiment(job: Job, stop: Stop) -> Iterator[Event]:
    """Run a protocol, or go on with one that was interrupted; finished trainings are never done again.

    Yields
    ------
    Event
        ``Progress`` in trainings; ``Finished`` with ``run``, ``report`` (the HTML file), ``verdict`` and what else the
        protocol found, or ``Stopped``.
    """
    parameters = job.checked()
    assert isinstance(parameters, ExperimentParameters)
    with Project.open(job.project) as project:
        run = _resumed(project, parameters) if parameters.resume is not None else _new_run(project, parameters)
        yield Saved(run.id, str(run.folder))
        yield from ended(project, run, _whole(project, run, parameters, stop), {})


def planned_trainings(project: Project, protocol: str, preset: str, changes: dict[str, Any]) -> dict[str, int]:
    """Return how many ``gans`` and ``classifiers`` an experiment would train, over how many ``folds``.

    Raises
    ------
    UserError
        Where it cannot work: too few groups, a class that a fold could not learn, a wrong setting.
    """
    plan, _, _, folds = laid_out(project, protocol, preset, changes)
    return plan.counts | {"folds": folds}


def laid_out(
    project: Project, protocol: str, preset: str, changes: dict[str, Any]
) -> tuple[Plan, Dataset, Settings, int]:
    """Return what an experiment would train, on which objects (without their pixels), its settings and its folds."""
    from napari_cellsynth.experiments import protocol as named
    from napari_cellsynth.experiments.design import check, plan

    asked = named(protocol)
    settings = asked.checked(preset, changes)
    dataset = _labelled(project, asked, settings)
    folds = _folds(dataset, settings)
    design = asked.design(settings, dataset)
    check(design, settings.size)
    return plan(design, folds, len(dataset.class_names)), dataset, settings, len(folds)


def checked_crops(
    project: Project, protocol: Protocol, settings: Settings, dataset: Dataset
) -> tuple[Dataset, Literal["window", "whole"]]:
    """Return the data set with the crops that an experiment would learn from and test, and how they are cut.

    Raises
    ------
    LeakError
        If a crop, or nearly the same one, is in two groups, unless this is asked for as published.
    """
    from napari_cellsynth.experiments.dataset import assert_no_twins, with_crops
    from napari_cellsynth.imaging.near_copies import SIDE

    boxes_only = bool((project.objects()["mask_label"] == 0).all())
    fit: Literal["window", "whole"] = "whole" if boxes_only else "window"
    cutting = protocol.cutting(settings)
    dataset = with_crops(dataset, project, size=settings.size, fit=fit, **cutting)
    if not settings.as_published:
        # Shrunk crops look alike that are not: they are compared in a size of which it is known.
        finer = fit == "whole" and settings.size < SIDE
        assert_no_twins(with_crops(dataset, project, size=SIDE, fit=fit, **cutting) if finer else dataset)
    return dataset, fit


def _whole(project: Project, run: RunRecord, parameters: ExperimentParameters, stop: Stop) -> Iterator[Event]:
    """Do all folds, then look at what came out."""
    from napari_cellsynth.experiments import loop, report, sheets
    from napari_cellsynth.experiments.design import plan as planned
    from napari_cellsynth.experiments.protocol import Outcome

    started = time.monotonic()
    setup = _Setup(project, run, parameters.device)
    plan = planned(setup.design, setup.folds, len(setup.dataset.class_names))
    if parameters.workers > 1 or parameters.scheduler:
        told = parameters.workers, parameters.scheduler, parameters.device
        events = experiment_cluster.go(plan, setup.bench, *told, stop)
    else:
        events = loop.go(plan, setup.bench, stop)
    for event in events:
        yield event
        if isinstance(event, Stopped):
            return
    outcome = Outcome(loop.predictions(plan, setup.bench), loop.qualities(plan, setup.bench), setup.looked)
    found = setup.protocol.conclude(setup.settings, setup.dataset, outcome)
    shown, nearest = sheets.sections(plan, setup.bench)
    found.sections.extend(shown)
    found.tables |= {"nearest": nearest} if len(nearest) else {}
    about = {
        "trainings": len(plan.tasks),
        **plan.counts,
        "seconds of training": round(sum(setup.bench.result(task).get("seconds", 0.0) for task in plan.tasks)),
        "seeds": _seeds(setup.settings, plan.counts["gans"] > 0),
        "began": run.created,
        "device": str(setup.bench.device),
        "command": _command(project.path.name, run),
    }
    page = report.write(run.folder, setup.protocol, setup.settings, setup.dataset, setup.folds, found, about)
    yield Finished({"report": str(page), "seconds": round(time.monotonic() - started, 1), **plan.counts} | found.result)


class _Setup:
    """An experiment as its record tells it, so that labels given meanwhile do not change it."""

    def __init__(self, project: Project, run: RunRecord, device: str) -> None:
        from napari_cellsynth.experiments import protocol
        from napari_cellsynth.experiments.bench import Bench
        from napari_cellsynth.experiments.dataset import Dataset
        from napari_cellsynth.experiments.design import plan
        from napari_cellsynth.training.device import pick_device

        told = run.parameters
        self.protocol = protocol(run.recipe)
        self.settings = self.protocol.settings(**told["settings"])
        self.dataset = Dataset(
            project.crops(told["objects"], size=told["size"], fit=told["fit"], **told.get("cutting", {})),
            np.array(told[_SETS] if _SETS in told else told["object_classes"], dtype=np.int64),
            np.array(told["object_groups"], dtype=str),
            np.array(told["objects"], dtype=np.int64),
            tuple(told["class_names"]),
            told["size"],
        )
        if self.dataset.digest() != told["digest"]:
            raise UserError(
                f"The images behind {run.id} have changed since it began.", "Start a new experiment on what is there."
            )
        self.looked = told.get("looked", {})
        self.folds = _folds(self.dataset, self.settings)
        self.design = self.protocol.design(self.settings, self.dataset)
        self.bench = Bench(self.dataset, run.folder / "tasks", pick_device(device), self.settings.as_published)
        self.tasks = plan(self.design, self.folds, len(self.dataset.class_names)).tasks


def _new_run(project: Project, parameters: ExperimentParameters) -> RunRecord:
    from napari_cellsynth.experiments import protocol

    asked = protocol(parameters.protocol)
    # What cannot work is told before it starts.
    _, dataset, settings, _ = laid_out(project, asked.name, parameters.preset, parameters.changes)
    dataset, fit = checked_crops(project, asked, settings, dataset)
    return project.new_run(
        "experiment",
        asked.name,
        {
            "settings": settings.model_dump(mode="json"),
            "objects": dataset.ids.tolist(),
            _SETS if dataset.several else "object_classes": dataset.labels.tolist(),
            "object_groups": dataset.groups.tolist(),
            "class_names": list(dataset.class_names),
            "size": dataset.size,
            "fit": fit,
            "cutting": asked.cutting(settings),
            "looked": asked.look(settings, project, dataset.ids.tolist()),
            "digest": dataset.digest(),
        },
        groups=sorted(set(dataset.groups.tolist())),
        seed=settings.seed,
    )


def _labelled(project: Project, protocol: Protocol, settings: Settings) -> Dataset:
    """Return the labelled objects that a protocol is about, without their pixels."""
    from napari_cellsynth.experiments.dataset import labelled, thinned

    dataset = protocol.narrowed(settings, labelled(project, settings.classes, several=protocol.several))
    return thinned(dataset, settings.most, settings.seed)


def _folds(dataset: Dataset, settings: Settings) -> list[Fold]:
    from napari_cellsynth.experiments.dataset import outer_folds, with_inner

    if settings.as_published:
        # Every crop for itself: what the papers did, and what the report calls a leak.
        dataset = replace(dataset, groups=dataset.ids.astype(str))
    folds = outer_folds(dataset, settings.folds, settings.repeats, settings.seed)
    return with_inner(dataset, folds, settings.seed) if settings.chooses else folds


def _resumed(project: Project, parameters: ExperimentParameters) -> RunRecord:
    assert parameters.resume is not None
    run = project.run(parameters.resume)
    if run.kind != "experiment":
        raise UserError(f"{run.id} is a {run.kind} run, not an experiment.", "`info` lists the runs.")
    if run.status == "finished":
        raise UserError(f"{run.id} is finished; its report is {run.result.get('report', run.folder)}.", "Start anew.")
    return project.update_run(run.id, status="running")


def _seeds(settings: Settings, gans: bool) -> str:
    """Return the seeds of an experiment: they are counted from 0."""
    counts = {"GANs": settings.gan_seeds} if gans else {}
    told = {name: "0" if n == 1 else f"0 to {n - 1}" for name, n in (counts | {"classifiers": settings.seeds}).items()}
    return "; ".join([f"folds {settings.seed}", *(f"{name} {which}" for name, which in told.items())])


def _command(project: str, run: RunRecord) -> str:
    from napari_cellsynth.experiments import protocol

    defaults = protocol(run.recipe).checked("full", {}).model_dump(mode="json")  # what is left out of a command
    changed: dict[str, Any] = {k: v for k, v in run.parameters["settings"].items() if defaults[k] != v}
    told = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in changed.items()]
    flags = [part for each in told for part in ("--set", each)]
    return shlex.join(["napari-cellsynth", "experiment", project, run.recipe, *flags])
