"""The steps of a training, from where it stands to its end, with its curves and checkpoints on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.classify.batches import Batches, Part, Stage, mixed_seed
from napari_cellsynth.classify.history import History
from napari_cellsynth.classify.learning_sets import LearningSets
from napari_cellsynth.classify.losses import loss_of
from napari_cellsynth.classify.predict import probabilities
from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.schedules import epochs_of, learning_rate
from napari_cellsynth.classify.state import State, seeded
from napari_cellsynth.classify.targets import curve_figures, is_multi_label, validation_figures
from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Metric, Progress, Saved, Stop, Stopped
from napari_cellsynth.training.device import autocast_dtype

CHECKPOINT_SECONDS = 60.0
"""Time between two checkpoints; a killed training loses no more than this."""
_PROGRESS_SECONDS = 0.25
_CURVE_POINTS = 10
"""How often the held-out crops are scored on the way, for the curves."""
_BATCH = 256


class Loop:
    """Takes the remaining steps of a training.

    Parameters
    ----------
    state : State
        Where the training stands; changed in place.
    plan : sequence of Stage
        Which parts each step draws from.
    sets : LearningSets
        What it learns from, chooses by and is tested on.
    recipe : NetworkRecipe
        Its hyperparameters.
    seed, device, folder, identity, history
        As in `train.train`; ``identity`` is what a resumed training must still be.
    """

    def __init__(
        self,
        state: State,
        plan: Sequence[Stage],
        sets: LearningSets,
        recipe: NetworkRecipe,
        seed: int,
        device: torch.device,
        folder: Path,
        identity: dict[str, Any],
        history: History,
    ) -> None:
        self._state, self._plan, self._recipe, self._seed, self._device = state, plan, recipe, seed, device
        self._folder, self._identity, self._history, self._sets = folder, identity, history, sets
        self._batches = Batches(recipe, seed, device)
        self._weights = [torch.from_numpy(stage.weights).to(device) for stage in plan]
        self._amp = autocast_dtype(device)
        self._total = plan[-1].first + plan[-1].steps
        # The losses of an epoch are added up on the device: reading each one would make a GPU wait.
        self._losses = torch.zeros((), device=device)
        self._clock = time.monotonic()
        self._epochs = epochs_of(recipe, len(sets.learned[0].labels))

    def run(self, stop: Stop) -> Iterator[Event]:
        """Yield the events of the steps; the last is ``Stopped`` if the user stopped them.

        Early stopping ends the last stage, which alone is judged: pretraining always takes its share.
        """
        state = self._state
        saved = told = time.monotonic()
        for stage in self._plan:
            while state.step < stage.first + stage.steps and not state.judge.exhausted:
                if stop():
                    yield self._save()
                    yield Stopped(self._folder.name)
                    return
                self._losses += self._step(stage)
                state.step += 1
                state.loss_steps += 1
                now = time.monotonic()
                if self._epochs.ends_after(state.step) or state.step == self._total:
                    yield self._metric(stage)
                if now - told >= _PROGRESS_SECONDS or state.step == self._total:
                    told = now
                    yield Progress(state.step, self._total, "steps", f"epoch {self._epochs.of(state.step - 1) + 1}")
                if now - saved >= CHECKPOINT_SECONDS and state.step < self._total:
                    saved = now
                    yield self._save()
        self._keep_time()

    def _step(self, stage: Stage) -> torch.Tensor:
        """Take one optimiser step and return its loss."""
        network, optimiser, step = self._state.network, self._state.optimiser, self._state.step
        x, y, others, share = self._batches.draw(stage, step)
        for group in optimiser.param_groups:
            group["lr"] = self._rate(stage, step)
        self._recipe.to_training_mode(network, self._epochs.of(step))
        optimiser.zero_grad(set_to_none=True)
        with (
            seeded(mixed_seed(self._seed, 4, step), self._device),
            torch.autocast(self._device.type, dtype=self._amp, enabled=self._amp is not None),
        ):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        loss = loss_of(self._recipe, logits, y, self._weights[stage.number])
        if others is not None:
            loss = share * loss + (1 - share) * loss_of(self._recipe, logits, others, self._weights[stage.number])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss.detach()

    def _rate(self, stage: Stage, step: int) -> float:
        epoch = self._epochs.of(step) - self._epochs.of(stage.first)
        return learning_rate(self._recipe, step - stage.first, stage.steps, epoch)

    def _metric(self, stage: Stage) -> Metric:
        """Return the figures of the epoch that ends here, and write them down."""
        state = self._state
        self._collect_losses()
        values = {
            "train_loss": state.loss_sum / state.loss_steps,
            "learning_rate": self._rate(stage, state.step - 1),
        }
        if not math.isfinite(values["train_loss"]):
            raise UserError(
                f"The training failed at step {state.step}: the loss is no number any more.",
                "Lower the learning rate.",
            )
        state.loss_sum, state.loss_steps = 0.0, 0
        if self._sets.validation is not None and stage is self._plan[-1]:
            figures = validation_figures(self._sets.validation.labels, self._quick(self._sets.validation))
            state.judge.look(figures, state.step, state.network)
            values |= figures
        between = max(1, len(self._epochs.ends) // _CURVE_POINTS)
        last = state.step == self._total or state.judge.exhausted
        if self._sets.held_out is not None and ((self._epochs.of(state.step - 1) + 1) % between == 0 or last):
            values |= curve_figures(self._sets.held_out.labels, self._quick(self._sets.held_out))
        self._history.append(state.step, values)
        return Metric(state.step, values)

    def _quick(self, part: Part) -> NDArray[np.float32]:
        """Return probabilities (N, K) by the middle windows alone."""
        self._state.network.eval()
        once = self._recipe.model_copy(update={"windows": 1, "symmetries": False})
        n, several = len(part.labels), is_multi_label(part.labels)
        rows = [torch.arange(start, min(start + _BATCH, n)) for start in range(0, n, _BATCH)]
        network = self._state.network
        found = [probabilities(network, part.store, each, once, several=several).cpu().numpy() for each in rows]
        return np.concatenate(found)

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
