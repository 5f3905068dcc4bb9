"""Train a classifier on real crops, alone or with synthetic patches; stoppable and resumable at any step."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.classify import classical, ensemble, model
from napari_cellsynth.classify.batches import Mode, Part, Stage, stages
from napari_cellsynth.classify.history import History
from napari_cellsynth.classify.learning_sets import Labelled, LearningSets, checked
from napari_cellsynth.classify.loop import Loop
from napari_cellsynth.classify.outcome import outcome
from napari_cellsynth.classify.predict import calibrated, predict_batches
from napari_cellsynth.classify.recipe_base import ClassifierRecipe, NetworkRecipe
from napari_cellsynth.classify.recipes_best import BestRecipe
from napari_cellsynth.classify.recipes_classical import FeatureRecipe
from napari_cellsynth.classify.scoring import score
from napari_cellsynth.classify.state import State, fresh, identity_of
from napari_cellsynth.classify.targets import is_multi_label
from napari_cellsynth.evaluate.multi_label import HALF
from napari_cellsynth.events import Event, Progress, Saved, Stop, Stopped, never
from napari_cellsynth.training.loader import CropStore


def train(
    real: CropStore,
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    recipe: ClassifierRecipe,
    folder: Path,
    *,
    synthetic: Labelled | None = None,
    mode: Mode = "mixed",
    validation: Labelled | None = None,
    held_out: Labelled | None = None,
    groups: ArrayLike | None = None,
    groups_held_out: ArrayLike | None = None,
    calibration: Labelled | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    stop: Stop = never,
    resume: bool = False,
    meta: dict[str, Any] | None = None,
) -> Iterator[Event]:
    """Train a classifier and yield what happens.

    The number of optimiser steps comes from the recipe and the number of real crops alone, so that arms
    with and without synthetic patches are compared at equal training. The held-out crops are scored, for
    the curves and at the end, and have no influence on the weights: where a recipe stops early or keeps its
    best epoch, it goes by validation crops, which are of the training groups and are not learned from.

    Parameters
    ----------
    real : CropStore
        Real training crops; windows of the recipe's size.
    labels : ndarray of int, shape (N,) or (N, K)
        Their classes, 0..K-1, or 0/1 for each class where crops have several; all other labels are alike.
    class_names : sequence of str, length K
        Names of the classes.
    recipe : ClassifierRecipe
        Network or classical classifier (see `classical.train` for what is different there), and hyperparameters.
    folder : Path
        The run's folder; gets ``metrics.csv``, ``checkpoint.safetensors`` on the way and
        ``model.safetensors`` at the end.
    synthetic : (CropStore, ndarray of int), optional
        Synthetic patches and their classes.
    mode : {"mixed", "pretrained", "real"}
        What to do with them (see `batches.stages`); ``real`` leaves them aside.
    validation : (CropStore, ndarray of int), optional
        Real crops of training groups that are in neither of the other two, for recipes that choose by them
        (see `validation.validation_part`).
    held_out : (CropStore, ndarray of int), optional
        Real crops of other groups, and their classes.
    groups : array_like, optional
        The groups of the real training crops; classical classifiers are calibrated by them.
    groups_held_out : array_like, optional
        The groups of the held-out crops; gives intervals.
    calibration : (CropStore, ndarray of int), optional
        Real crops that are neither learned from nor held out, for the temperature (`evaluate.calibration`).
    seed : int
        Fixes initial weights, batches, augmentation and dropout. On a CPU the same seed gives the same bits.
    device : torch.device or str
        Where the network is.
    stop : callable
        Polled before every step; the training then keeps its checkpoint and ends with ``Stopped``.
    resume : bool
        Go on from the checkpoint in ``folder`` (from the start if it was killed before the first).
    meta : dict, optional
        JSON values to keep with the model: intensity range, class ids and the like.

    Yields
    ------
    Event
        ``Progress`` in steps, ``Metric`` once an epoch (``train_loss``, ``learning_rate``; ``validation_loss``,
        ``validation_macro_f1`` and ``validation_micro_f1`` where epochs are judged; now and then
        ``held_out_accuracy``, ``held_out_balanced_accuracy``, ``held_out_loss``), ``Saved``, and last
        ``Finished`` with ``scores`` (see `evaluate.summary.summarise`; empty without held-out crops),
        ``confusion``, ``classes``, ``calibration`` (``temperature`` and ``crops``), ``seconds``, ``steps``,
        ``kept_step``, ``best`` (value and step of each validation figure), ``parameters``, ``crops`` and
        ``notices``; or ``Stopped``.

    Raises
    ------
    UserError
        If a class has no crop, there is one class only, patches do not match, the loss is no number, or a
        resumed training is finished or was started otherwise.
    """
    sets = checked(
        (real, labels),
        class_names,
        recipe,
        synthetic=synthetic,
        mode=mode,
        validation=validation,
        held_out=held_out,
    )
    folder = Path(folder)
    if isinstance(recipe, FeatureRecipe):
        yield from classical.train(
            sets.learned,
            sets.held_out,
            sets.notices,
            class_names,
            recipe,
            folder,
            mode=mode,
            groups=groups,
            groups_held_out=groups_held_out,
            seed=seed,
            stop=stop,
            resume=resume,
            meta=dict(meta or {}),
        )
        return
    assert isinstance(recipe, NetworkRecipe)
    yield from _train_network(
        sets,
        class_names,
        recipe,
        folder,
        mode=mode,
        groups_held_out=groups_held_out,
        calibration=calibration,
        seed=seed,
        device=torch.device(device),
        stop=stop,
        resume=resume,
        meta=dict(meta or {}),
    )


def _train_network(
    sets: LearningSets,
    class_names: Sequence[str],
    recipe: NetworkRecipe,
    folder: Path,
    *,
    mode: Mode,
    groups_held_out: ArrayLike | None,
    calibration: Labelled | None,
    seed: int,
    device: torch.device,
    stop: Stop,
    resume: bool,
    meta: dict[str, Any],
) -> Iterator[Event]:
    """Train a network, choose its weights, calibrate and score it."""
    parts, held = sets.learned, sets.held_out
    identity = identity_of(recipe, parts, mode, class_names, seed)
    at_start = not (resume and (folder / model.CHECKPOINT_FILE).exists())
    state = fresh(recipe, parts[0].store.channels, len(class_names), seed, device, start=at_start)
    if resume:
        state.restore(folder, identity)
    folder.mkdir(parents=True, exist_ok=True)
    history = History(folder / "metrics.csv")
    history.cut_after(state.step)
    plan = stages(recipe, parts[0], parts[1] if len(parts) > 1 else None, mode, len(class_names))
    yield Progress(state.step, plan[-1].first + plan[-1].steps, "steps", " ".join(sets.notices))
    for event in Loop(state, plan, sets, recipe, seed, device, folder, identity, history).run(stop):
        yield event
        if isinstance(event, Stopped):
            return
    classifier = yield from _kept(state, plan, recipe, class_names, meta, calibration, seed, stop)
    found: dict[str, Any] | None = {}
    if classifier is not None and held is not None:
        found = _scored(classifier, folder, held, groups_held_out, seed, stop)
    if classifier is None or found is None:
        yield Saved(folder.name, str(state.save(folder, identity)))
        yield Stopped(folder.name)
        return
    path = ensemble.save(folder, classifier)
    (folder / model.CHECKPOINT_FILE).unlink(missing_ok=True)
    yield Saved(folder.name, str(path))
    yield outcome(
        parts,
        class_names,
        found,
        temperature=classifier.temperature,
        thresholds=classifier.thresholds,
        calibration_crops=0 if calibration is None else len(calibration[1]),
        notices=[*sets.notices, *_early(state, plan[-1].first + plan[-1].steps)],
        seconds=state.seconds,
        steps=state.step,
        kept_step=state.judge.kept_step(state.step),
        best=state.judge.best,
        parameters=sum(parameter.numel() for parameter in state.network.parameters()),
    )


def _kept(
    state: State,
    plan: Sequence[Stage],
    recipe: NetworkRecipe,
    class_names: Sequence[str],
    meta: dict[str, Any],
    calibration: Labelled | None,
    seed: int,
    stop: Stop,
) -> Generator[Event, None, model.Classifier | None]:
    """Return the classifier of the best weights, with its partner if it has one, calibrated; None if stopped."""
    parts = plan[-1].parts
    state.judge.put_back(state.network)
    halves = (HALF,) * len(class_names) if is_multi_label(parts[0].labels) else None
    channels = parts[0].store.channels
    classifier = model.Classifier(state.network, recipe, tuple(class_names), channels, meta, thresholds=halves)
    if isinstance(recipe, BestRecipe):
        both = yield from ensemble.fit(classifier, recipe, parts, seed, stop)
        if both is None:
            return None
        classifier = both
    if calibration is not None:
        classifier = calibrated(classifier, *calibration, stop=stop)
    return None if stop() else classifier


def _scored(
    classifier: model.Classifier, folder: Path, held: Part, groups: ArrayLike | None, seed: int, stop: Stop
) -> dict[str, Any] | None:
    """Return the scores of the held-out crops; None if stopped."""
    predicted = list(predict_batches(classifier, held.store, stop=stop))
    if stop():
        return None
    return score(
        folder,
        held.store,
        held.labels,
        np.concatenate(predicted),
        classifier.class_names,
        groups=groups,
        seed=seed,
        thresholds=classifier.thresholds,
        with_size=classifier.recipe.with_size,
    )


def _early(state: State, steps: int) -> list[str]:
    """Return the notice of a training that was over before its last step."""
    if state.step >= steps:
        return []
    return [f"Stopped early at step {state.step} of {steps}: no better validation for {state.judge.patience} epochs."]
