"""Train a classifier on real crops, alone or with synthetic patches; stoppable and resumable at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.classify import classical, model
from napari_cellsynth.classify.batches import Batches, Mode, Part, Stage, learning_rate, mixed_seed, stages
from napari_cellsynth.classify.history import History
from napari_cellsynth.classify.losses import weighted_cross_entropy
from napari_cellsynth.classify.predict import predict_batches, probabilities
from napari_cellsynth.classify.recipe_base import ClassifierRecipe, NetworkRecipe
from napari_cellsynth.classify.recipes_classical import FeatureRecipe
from napari_cellsynth.classify.state import State, fresh, identity_of, seeded
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import scores
from napari_cellsynth.evaluate.summary import summarise
from napari_cellsynth.events import Event, Finished, Metric, Progress, Saved, Stop, Stopped, never
from napari_cellsynth.training.device import autocast_dtype
from napari_cellsynth.training.loader import CropStore

CHECKPOINT_SECONDS = 60.0
"""Time between two checkpoints; a killed training loses no more than this."""
_PROGRESS_SECONDS = 0.25
_CURVE_POINTS = 10
"""How often the held-out crops are scored on the way, for the curves."""
_BATCH = 256

Labelled = tuple[CropStore, NDArray[np.int64]]


def train(
    real: CropStore,
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    recipe: ClassifierRecipe,
    folder: Path,
    *,
    synthetic: Labelled | None = None,
    mode: Mode = "mixed",
    held_out: Labelled | None = None,
    groups: ArrayLike | None = None,
    groups_held_out: ArrayLike | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    stop: Stop = never,
    resume: bool = False,
    meta: dict[str, Any] | None = None,
) -> Iterator[Event]:
    """Train a classifier and yield what happens.

    The number of optimiser steps comes from the recipe and the number of real crops alone, so that arms
    with and without synthetic patches are compared at equal training. The held-out crops are scored, for
    the curves and at the end, and have no influence on the weights: there is no early stopping and no
    choice of checkpoint.

    Parameters
    ----------
    real : CropStore
        Real training crops; windows of the recipe's size.
    labels : ndarray of int, shape (N,)
        Their classes, 0..K-1.
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
    held_out : (CropStore, ndarray of int), optional
        Real crops of other groups, and their classes.
    groups : array_like, optional
        The groups of the real training crops; classical classifiers are calibrated by them.
    groups_held_out : array_like, optional
        The groups of the held-out crops; gives intervals.
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
        ``Progress`` in steps, ``Metric`` once an epoch (``train_loss``, ``learning_rate``, now and then
        ``held_out_accuracy``, ``held_out_balanced_accuracy``, ``held_out_loss``), ``Saved``, and last
        ``Finished`` with ``scores`` (see `evaluate.summary.summarise`; empty without held-out crops),
        ``confusion``, ``classes``, ``seconds``, ``steps``, ``parameters``, ``crops`` and ``notices``; or
        ``Stopped``.

    Raises
    ------
    UserError
        If a class has no crop, there is one class only, patches do not match, the loss is no number, or a
        resumed training is finished or was started otherwise.
    """
    parts, held, notices = _checked(real, labels, class_names, recipe, synthetic, mode, held_out)
    device, folder = torch.device(device), Path(folder)
    if isinstance(recipe, FeatureRecipe):
        yield from classical.train(
            parts,
            held,
            notices,
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
    identity = identity_of(recipe, parts, mode, class_names, seed)
    state = fresh(recipe, real.channels, len(class_names), seed, device)
    if resume:
        state.restore(folder, identity)
    folder.mkdir(parents=True, exist_ok=True)
    history = History(folder / "metrics.csv")
    history.cut_after(state.step)
    plan = stages(recipe, parts[0], parts[1] if len(parts) > 1 else None, mode, len(class_names))
    yield Progress(state.step, plan[-1].first + plan[-1].steps, "steps", " ".join(notices))
    for event in _Loop(state, plan, recipe, seed, device, folder, identity, history, held).run(stop):
        yield event
        if isinstance(event, Stopped):
            return
    classifier = model.Classifier(state.network, recipe, tuple(class_names), real.channels, dict(meta or {}))
    predicted = None if held is None else list(predict_batches(classifier, held.store, stop=stop))
    if stop():
        yield Saved(folder.name, str(state.save(folder, identity)))
        yield Stopped(folder.name)
        return
    found: dict[str, Any] = {}
    if held is not None and predicted is not None:
        found = summarise(held.labels, np.concatenate(predicted), class_names, groups=groups_held_out, seed=seed)
    path = model.save(folder, classifier)
    (folder / model.CHECKPOINT_FILE).unlink(missing_ok=True)
    yield Saved(folder.name, str(path))
    yield Finished(
        {
            "scores": found,
            "confusion": found.get("confusion", []),
            "classes": list(class_names),
            "seconds": state.seconds,
            "steps": state.step,
            "parameters": sum(parameter.numel() for parameter in state.network.parameters()),
            "crops": {
                "synthetic" if part.is_synthetic else "real": np.bincount(
                    part.labels, minlength=len(class_names)
                ).tolist()
                for part in parts
            },
            "notices": notices + found.get("notices", []),
        }
    )


class _Loop:
    """Takes the remaining steps of a training."""

    def __init__(
        self,
        state: State,
        plan: Sequence[Stage],
        recipe: NetworkRecipe,
        seed: int,
        device: torch.device,
        folder: Path,
        identity: dict[str, Any],
        history: History,
        held_out: Part | None,
    ) -> None:
        self._state, self._plan, self._recipe, self._seed, self._device = state, plan, recipe, seed, device
        self._folder, self._identity, self._history, self._held_out = folder, identity, history, held_out
        self._batches = Batches(recipe, seed, device)
        self._weights = [torch.from_numpy(stage.weights).to(device) for stage in plan]
        self._amp = autocast_dtype(device)
        self._total = plan[-1].first + plan[-1].steps
        # The losses of an epoch are added up on the device: reading each one would make a GPU wait.
        self._losses = torch.zeros((), device=device)
        self._clock = time.monotonic()
        real = next(part for stage in reversed(plan) for part in stage.parts if not part.is_synthetic)
        self._epoch = recipe.steps_per_epoch(len(real.labels))

    def run(self, stop: Stop) -> Iterator[Event]:
        """Yield the events of the steps; the last is ``Stopped`` if the user stopped them."""
        state = self._state
        saved = told = time.monotonic()
        for stage in self._plan:
            while state.step < stage.first + stage.steps:
                if stop():
                    yield self._save()
                    yield Stopped(self._folder.name)
                    return
                self._losses += self._step(stage)
                state.step += 1
                state.loss_steps += 1
                now = time.monotonic()
                if state.step % self._epoch == 0 or state.step == self._total:
                    yield self._metric(stage)
                if now - told >= _PROGRESS_SECONDS or state.step == self._total:
                    told = now
                    yield Progress(state.step, self._total, "steps", f"epoch {-(-state.step // self._epoch)}")
                if now - saved >= CHECKPOINT_SECONDS and state.step < self._total:
                    saved = now
                    yield self._save()
        self._keep_time()

    def _step(self, stage: Stage) -> torch.Tensor:
        """Take one optimiser step and return its loss."""
        network, optimiser, step = self._state.network, self._state.optimiser, self._state.step
        x, y, others, share = self._batches.draw(stage, step)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(self._recipe, step - stage.first, stage.steps)
        network.train()
        optimiser.zero_grad(set_to_none=True)
        with (
            seeded(mixed_seed(self._seed, 4, step), self._device),
            torch.autocast(self._device.type, dtype=self._amp, enabled=self._amp is not None),
        ):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        weights = self._weights[stage.number]
        loss = weighted_cross_entropy(logits, y, weights, self._recipe.label_smoothing)
        if others is not None:
            mixed_in = weighted_cross_entropy(logits, others, weights, self._recipe.label_smoothing)
            loss = share * loss + (1 - share) * mixed_in
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss.detach()

    def _metric(self, stage: Stage) -> Metric:
        """Return the figures of the epoch that ends here, and write them down."""
        state = self._state
        self._collect_losses()
        values = {
            "train_loss": state.loss_sum / state.loss_steps,
            "learning_rate": learning_rate(self._recipe, state.step - 1 - stage.first, stage.steps),
        }
        if not math.isfinite(values["train_loss"]):
            raise UserError(
                f"The training failed at step {state.step}: the loss is no number any more.",
                "Lower the learning rate.",
            )
        state.loss_sum, state.loss_steps = 0.0, 0
        between = max(1, self._total // self._epoch // _CURVE_POINTS) * self._epoch
        if self._held_out is not None and (state.step % between == 0 or state.step == self._total):
            values |= self._curve_point(self._held_out)
        self._history.append(state.step, values)
        return Metric(state.step, values)

    def _curve_point(self, held_out: Part) -> dict[str, float]:
        """Score the held-out crops by their middle windows alone, which is quick."""
        self._state.network.eval()
        once = self._recipe.model_copy(update={"windows": 1, "symmetries": False})
        n = len(held_out.labels)
        found = [
            probabilities(self._state.network, held_out.store, torch.arange(start, min(start + _BATCH, n)), once)
            .cpu()
            .numpy()
            for start in range(0, n, _BATCH)
        ]
        p = np.concatenate(found)
        return {
            "held_out_accuracy": scores.accuracy(held_out.labels, p.argmax(axis=1)),
            "held_out_balanced_accuracy": scores.balanced_accuracy(held_out.labels, p.argmax(axis=1)),
            "held_out_loss": scores.log_loss(held_out.labels, p),
        }

    def _save(self) -> Saved:
        self._collect_losses()
        self._keep_time()
        return Saved(self._folder.name, str(self._state.save(self._folder, self._identity)))

    def _collect_losses(self) -> None:
        self._state.loss_sum += float(self._losses)
        self._losses.zero_()

    def _keep_time(self) -> None:
        now = time.monotonic()
        self._state.seconds += now - self._clock
        self._clock = now


def _checked(
    real: CropStore,
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    recipe: ClassifierRecipe,
    synthetic: Labelled | None,
    mode: Mode,
    held_out: Labelled | None,
) -> tuple[list[Part], Part | None, list[str]]:
    """Return what to train on, what to test on, and what the user should know; raise on what cannot work."""
    k = len(class_names)
    if k < 2:
        raise UserError("A classifier needs at least two classes.", "Label crops of a second class.")
    parts = [_part(real, labels, k, False)]
    counts = np.bincount(parts[0].labels, minlength=k)
    empty = [class_names[i] for i in range(k) if counts[i] == 0]
    if empty:
        raise UserError(
            f"{', '.join(empty)} has no crop to learn from.",
            "Label some in images that are not held out, or leave the class out.",
        )
    model.check_patches(real, real.channels, recipe.size, f"The recipe '{recipe.name}' takes")
    notices = [f"{class_names[i]} has a single training crop." for i in range(k) if counts[i] == 1]
    if mode == "pretrained" and (synthetic is None or not len(synthetic[1])):
        raise UserError("There are no synthetic patches to pretrain on.", "Generate some, or choose another mode.")
    if synthetic is not None and len(synthetic[1]) and mode != "real":
        model.check_patches(synthetic[0], real.channels, recipe.size, "The real crops give")
        parts.append(_part(*synthetic, k, True))
    if held_out is None or not len(held_out[1]):
        return parts, None, [*notices, "No crops are held out, so nothing says how good the classifier is."]
    model.check_patches(held_out[0], real.channels, recipe.size, "The classifier is trained on")
    return parts, _part(*held_out, k, False), notices


def _part(store: CropStore, labels: NDArray[np.int64], k: int, is_synthetic: bool) -> Part:
    values = np.asarray(labels, dtype=np.int64)
    if len(values) != len(store):
        raise ValueError(f"{len(store)} crops do not go with {len(values)} labels")
    if len(values) and (values.min() < 0 or values.max() >= k):
        raise ValueError(f"labels must be 0..{k - 1}, not {values.min()}..{values.max()}")
    return Part(store, values, is_synthetic)
