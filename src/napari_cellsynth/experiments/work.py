"""Doing one task of an experiment: everything that is learned in a fold comes from its training crops alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.atomic import write_text
from napari_cellsynth.classify import train as classifier_training
from napari_cellsynth.classify.predict import load, predict, trained_file
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.classify.targets import one_hot, suited
from napari_cellsynth.classify.validation import calibrating_part, validation_part
from napari_cellsynth.errors import LeakError
from napari_cellsynth.evaluate.splits import assert_no_leak
from napari_cellsynth.events import Event, Finished, Stop, Stopped
from napari_cellsynth.experiments import filtering, quality
from napari_cellsynth.experiments.bench import (
    ASKED,
    DONE,
    MADE,
    PREDICTIONS,
    THRESHOLDS,
    TRAINING,
    Bench,
    fold_range,
    learned_from,
)
from napari_cellsynth.experiments.design import ClassifierTask, GanTask, QualityTask, Synthetic, Task
from napari_cellsynth.synthesis import sample as sampling
from napari_cellsynth.synthesis import selection
from napari_cellsynth.synthesis import train as gan_training
from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.training.loader import CropStore

_BEYOND = 1_000_000
"""Patches of this index and more are tested on, where a paper does so; the ones below are learned from."""

_WINDOWS = 1000
"""Real patches of a class that synthetic ones are compared with, where crops are larger than a patch."""


def do(task: Task, bench: Bench, stop: Stop) -> Iterator[Event]:
    """Do a task, or go on with one that was interrupted.

    Yields
    ------
    Event
        What its training tells; nothing after `Stopped`.

    Raises
    ------
    LeakError
        If a group is on both sides of the fold.
    UserError
        If the training cannot work.
    """
    if not bench.as_published:
        assert_no_leak(bench.dataset.groups[task.fold.train], bench.dataset.groups[task.fold.test])
    folder = bench.folder / task.id
    if isinstance(task, QualityTask):
        events = quality.compare(task, bench, stop)
    else:
        events = _train_gan(task, bench, stop) if isinstance(task, GanTask) else _train_classifier(task, bench, stop)
    result: dict[str, Any] = {}
    for event in events:
        yield event
        if isinstance(event, Stopped):
            return
        if isinstance(event, Finished):
            result = event.result
    kept: dict[str, Any] = {
        key: result[key] for key in ("seconds", "steps", "checkpoint", "chosen_kid", "gans") if key in result
    }
    if isinstance(task, ClassifierTask) and (losses := _losses(folder / "metrics.csv")):
        kept["least_loss"] = min(losses)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / DONE, json.dumps(kept))


def _train_gan(task: GanTask, bench: Bench, stop: Stop) -> Iterator[Event]:
    recipe = gan_recipe(task.generator.recipe, **({"size": bench.dataset.size} | task.generator.changes))
    fold = task.fold
    index = np.arange(len(bench.dataset)) if task.generator.leaky else learned_from(bench.dataset, fold, task.sample)
    # A crop of several classes is an example of each: a GAN of all classes sees it once for every one.
    members = [index[bench.dataset.has(number, index)] for number in task.classes]
    order = np.argsort(np.concatenate(members), kind="stable")
    of_class = np.repeat(np.arange(len(members)), [len(each) for each in members])[order]
    index = np.concatenate(members)[order]
    aside = selection.held_back(bench.dataset.groups[index].tolist(), of_class, task.seed)
    aside = np.isin(index, index[aside])  # in all its classes, or in none
    low, high = fold_range(bench.dataset, fold)

    def stored(part: NDArray[np.bool_]) -> CropStore:
        crops = [bench.dataset.crops[number] for number in index[part]]
        classes = of_class[part] if recipe.conditional else None
        return CropStore(crops, low, high, recipe.size, bench.device, classes=classes)

    store = stored(~aside)
    judge = selection.Judge(store, stored(aside)) if aside.any() else None
    yield from gan_training.train(
        store,
        recipe,
        bench.folder / task.id,
        seed=task.seed,
        device=bench.device,
        stop=stop,
        resume=True,
        judge=judge,
    )


def _train_classifier(task: ClassifierTask, bench: Bench, stop: Stop) -> Iterator[Event]:
    data, fold, arm, folder = bench.dataset, task.fold, task.arm, bench.folder / task.id
    recipe = classifier_recipe(arm.recipe, **({"size": data.size} | arm.changes))
    recipe, _ = suited(recipe, several=data.several, asked="balance" in arm.changes)
    index = learned_from(data, fold, arm.sample)
    low, high = fold_range(data, fold)

    def stored(positions: NDArray[np.int64]) -> CropStore:
        return CropStore([data.crops[number] for number in positions], low, high, data.size, bench.device)

    judging = validation_part(recipe, data.groups[index], data.labels[index], task.seed)
    calibrating = calibrating_part(recipe, judging, data.groups[index], data.labels[index], task.seed)
    learned = index[~(judging | calibrating)]
    # Counted from what is learned, so that the arm without real crops takes as many steps as the others.
    synthetic = synthetic_patches(task, bench, learned)
    real, labels = stored(learned), data.labels[learned]

    def apart(part: NDArray[np.bool_]) -> tuple[CropStore, NDArray[np.int64]] | None:
        return (stored(index[part]), data.labels[index[part]]) if part.any() else None

    validation, calibration = apart(judging), apart(calibrating)
    if not arm.real:  # then no real crop chooses among its epochs either, nor makes it surer or less sure
        assert synthetic is not None
        (real, labels), synthetic, validation, calibration = synthetic, None, None, None
    if trained_file(folder) is None:  # killed between its training and its predictions
        for event in classifier_training.train(
            real,
            labels,
            data.class_names,
            recipe,
            folder,
            synthetic=synthetic,
            mode=arm.mode,
            validation=validation,
            calibration=calibration,
            groups=data.groups[learned] if arm.real else None,
            seed=task.seed,
            device=bench.device,
            stop=stop,
            resume=True,
        ):
            yield event
            if isinstance(event, Stopped):
                return
    yield from _answer(task, bench, learned, stored, stop)


def _answer(
    task: ClassifierTask,
    bench: Bench,
    learned: NDArray[np.int64],
    stored: Callable[[NDArray[np.int64]], CropStore],
    stop: Stop,
) -> Iterator[Event]:
    """Write what a trained classifier answers for the fold's test crops, and for what else the arm asks it."""
    fold, arm, folder = task.fold, task.arm, bench.folder / task.id
    trained = load(folder, bench.device)
    if trained.thresholds is not None:
        np.save(folder / THRESHOLDS, np.array(trained.thresholds))
    asked = [(PREDICTIONS, fold.test, stored(fold.test))]
    if arm.answers_training:
        asked.append((TRAINING, learned, stored(learned)))
    for which, patches in ((MADE, arm.synthetic if arm.tested_on_synthetic else None), (ASKED, arm.asked)):
        if patches and (drawn := _drawn(task, patches, bench, fold.test, _BEYOND)):
            asked.append((which, drawn[1], drawn[0]))
    for name, of, store in asked:
        found = predict(trained, store, stop=stop)
        if len(found) < len(of):
            yield Stopped(folder.name)
            return
        if name == PREDICTIONS:
            np.save(folder / name, found)
        else:
            np.savez(folder / f"{name}.npz", of=of, probabilities=found)
    file = trained_file(folder)
    assert file is not None
    file.unlink()  # hundreds of classifiers would fill the disk


def synthetic_patches(
    task: ClassifierTask, bench: Bench, index: NDArray[np.int64]
) -> tuple[CropStore, NDArray[np.int64]] | None:
    """Return an arm's synthetic patches and their classes, drawn from the fold's finished GANs; None without any.

    ``index`` are the positions of the crops that the arm learns from.
    """
    if task.arm.synthetic is None:
        return None
    if any(gan.fold.name != task.fold.name for gan in task.gans):
        raise LeakError("A classifier asked for patches of another fold's GAN.", "This is a bug: please report it.")
    return _drawn(task, task.arm.synthetic, bench, index, 0)


def _drawn(
    task: ClassifierTask, patches: Synthetic, bench: Bench, beside: NDArray[np.int64], first: int
) -> tuple[CropStore, NDArray[np.int64]] | None:
    """Return the patches, from an index on, that are wanted beside these real crops."""
    wanted = patches.counts(bench.dataset.counts(beside).tolist())
    drawn, labels = [], []
    for gan in task.gans:
        for place, number in enumerate(gan.classes):
            if wanted[number]:
                count = wanted[number] * (filtering.DRAWN if patches.filtered else 1)
                made = sampling.generate(
                    bench.folder / gan.id,
                    count,
                    gan.seed,
                    class_index=place,
                    first_index=first,
                    device=bench.device,
                )
                if patches.filtered:
                    made = made[filtering.kept(made, *_seen(bench, task, number), wanted[number])]
                drawn.append(made)
                labels.append(np.full(len(made), number, np.int64))
    if not drawn:
        return None
    made_for = np.concatenate(labels)
    # A synthetic patch has the class that it was made for and no other.
    taught = one_hot(made_for, len(bench.dataset.class_names)) if bench.dataset.several else made_for
    return CropStore.from_patches(np.concatenate(drawn), bench.device), taught


def _seen(bench: Bench, task: ClassifierTask, number: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return patches (n, C, S, S) that a class's GAN may have seen, in the fold's range, and the crop each is of.

    A window of a large crop is one of many, so large crops are looked at several times.
    """
    data = bench.dataset
    index = learned_from(data, task.fold, task.arm.sample)
    members = index[data.has(number, index)]
    store = CropStore([data.crops[i] for i in members], *fold_range(data, task.fold), data.size, bench.device)
    every = torch.arange(len(members))
    if store.exceeds_size(every):
        every = every.repeat(-(-_WINDOWS // len(members)))[:_WINDOWS]
        patches = store.windows(every.to(bench.device), torch.Generator(bench.device).manual_seed(0))
    else:
        patches = store.centred(every.to(bench.device))
    return patches.cpu().numpy(), every.numpy()


def _losses(file: Path) -> list[float]:
    """Return the training losses of a classifier's epochs; none of one that has no epochs."""
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as rows:
        return [float(value) for _, name, value in csv.reader(rows) if name == "train_loss"]
