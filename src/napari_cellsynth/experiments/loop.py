"""An experiment's trainings, one after the other, fold by fold: stoppable, and never doing a finished one again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from napari_cellsynth.events import Event, Progress, Stop, Stopped
from napari_cellsynth.experiments import work
from napari_cellsynth.experiments.analysis import Predictions
from napari_cellsynth.experiments.bench import ASKED, MADE, TRAINING, Bench
from napari_cellsynth.experiments.design import ClassifierTask, GanTask, Plan, QualityTask, Task


def go(plan: Plan, bench: Bench, stop: Stop) -> Iterator[Event]:
    """Do what is not done yet.

    Yields
    ------
    Event
        ``Progress`` in trainings with the time that the rest will take, counted from trainings of the same kind; last
        ``Stopped`` if it was stopped, and nothing else if not.
    """
    total = len(plan.tasks)
    for number, task in enumerate(plan.tasks):
        if bench.is_done(task):
            continue
        if stop():
            yield Stopped()
            return
        note = f"{title(task, bench.dataset.class_names)}{_left(plan.tasks[number:], plan.tasks, bench)}"
        yield Progress(number, total, "trainings", note)
        told = time.monotonic()
        for event in work.do(task, bench, stop):
            if isinstance(event, Stopped):
                yield event
                return
            if isinstance(event, Progress) and time.monotonic() - told > 1:
                told = time.monotonic()
                yield Progress(number, total, "trainings", f"{note} · step {event.done:,} of {event.total:,}")
    yield Progress(total, total, "trainings")


def predictions(plan: Plan, bench: Bench) -> list[Predictions]:
    """Return what the finished classifiers said."""
    return [
        Predictions(
            task.arm.name,
            task.fold,
            task.gan_seed,
            task.seed,
            bench.probabilities(task),
            **_told(task, bench),
            training=bench.answers(task, TRAINING),
            made=bench.answers(task, MADE),
            asked=bench.answers(task, ASKED),
            thresholds=bench.thresholds(task),
        )
        for task in plan.tasks
        if isinstance(task, ClassifierTask)
    ]


def qualities(plan: Plan, bench: Bench) -> list[dict[str, Any]]:
    """Return what the finished comparisons of GANs found, with repeat and fold, as `quality.compare` tells it."""
    return [
        {"repeat": task.fold.repeat, "fold": task.fold.number, "gan": name} | figures
        for task in plan.tasks
        if isinstance(task, QualityTask)
        for name, figures in bench.result(task)["gans"].items()
    ]


def _told(task: Task, bench: Bench) -> dict[str, float]:
    result = bench.result(task)
    return {name: float(result.get(name, "nan")) for name in ("seconds", "least_loss")}


def title(task: Task, class_names: Sequence[str]) -> str:
    """Return what a task is, for a person who waits for it."""
    where = f"repeat {task.fold.repeat + 1} fold {task.fold.number + 1}{', inner' * task.fold.is_inner}"
    if isinstance(task, GanTask):
        what = ", ".join(class_names[number] for number in task.classes)
        return f"{where}: GAN {what}"
    if isinstance(task, QualityTask):
        return f"{where}: GANs compared"
    return f"{where}: classifier “{task.arm.name}”"


def seconds_left(left: Sequence[Task], every: Sequence[Task], bench: Bench) -> float | None:
    """Return how long tasks will take, from finished ones of the same kind; None while a kind has none."""
    told: dict[type, list[float]] = {GanTask: [], ClassifierTask: [], QualityTask: []}
    for task in every:
        if bench.is_done(task):
            told[type(task)].append(float(bench.result(task).get("seconds", 0.0)))
    waiting = [type(task) for task in left if not bench.is_done(task)]
    if any(not told[kind] for kind in waiting):
        return None
    return sum(sum(told[kind]) / len(told[kind]) for kind in waiting)


def _left(left: Sequence[Task], every: Sequence[Task], bench: Bench) -> str:
    seconds = seconds_left(left, every, bench)
    return "" if seconds is None else f" · about {max(1, round(seconds / 60))} min of training left"
