"""What a training step looks at: stages, seeded batches and augmentation.

Everything here is a function of the seed and the step, so that a resumed training draws the very batches
that an uninterrupted one would have drawn, without any generator state on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.classify.balance import EVERY_ONCE, class_weights, counts_in_pass, one_pass
from napari_cellsynth.classify.mixing import Batch, mixed
from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.schedules import epochs_of
from napari_cellsynth.training.loader import CropStore
from napari_cellsynth.training.moving import moved
from napari_cellsynth.training.shading import shaded

Mode = Literal["real", "mixed", "pretrained"]


@dataclass(frozen=True)
class Part:
    """Patches of one origin, with their labels (see `targets`)."""

    store: CropStore
    labels: NDArray[np.int64]
    is_synthetic: bool


@dataclass(frozen=True)
class Stage:
    """A stretch of the training: which parts it draws from, for how many steps, from which step on.

    ``drawn`` (steps + 1,) counts the patches that were drawn before each of its steps; the last is their sum.
    """

    number: int
    parts: Sequence[Part]
    first: int
    steps: int
    drawn: NDArray[np.int64]
    weights: NDArray[np.float32]


def stages(recipe: NetworkRecipe, real: Part, synthetic: Part | None, mode: Mode, n_classes: int) -> list[Stage]:
    """Lay out a training with the same number of optimiser steps in every mode, balance and share of synthetic patches.

    Parameters
    ----------
    recipe : NetworkRecipe
        Gives the steps and their batches, from the number of real crops alone.
    real, synthetic : Part
        What there is to learn from.
    mode : {"real", "mixed", "pretrained"}
        ``real``: real crops only. ``mixed``: batches from the shuffled union, so that synthetic patches
        have the share of a batch that they have of the union (S0, configuration d). ``pretrained``:
        synthetic patches for the recipe's ``pretraining`` share of the steps, real crops for the rest
        (configuration c).
    n_classes : int
        K, for the class weights, which are computed from what the stage draws from.
    """
    n_real = len(real.labels)
    sizes = epochs_of(recipe, n_real).batch_of_every_step()
    steps = len(sizes)

    def stage(number: int, parts: Sequence[Part], first: int, count: int) -> Stage:
        labels = np.concatenate([part.labels for part in parts])
        drawn = np.cumsum(sizes[first : first + count])
        weights = class_weights(labels, n_classes, recipe.balance)
        return Stage(number, parts, first, count, np.insert(drawn, 0, 0), weights)

    if mode == "real" or synthetic is None:
        return [stage(0, [real], 0, steps)]
    if mode == "mixed":
        return [stage(0, [real, synthetic], 0, steps)]
    before = min(steps - 1, max(1, round(steps * recipe.pretraining))) if steps > 1 else 0
    return [stage(0, [synthetic], 0, before), stage(1, [real], before, steps - before)]


class Batches:
    """Draws the batches of a stage.

    A batch is the next entries, as many as the recipe says, of one shuffled pass after another over the union of the
    parts, balanced as the recipe says; batches are always full, which batch norm needs. A pass that is longer or
    shorter than the union for the balance's sake changes neither the batch nor the number of steps.

    Parameters
    ----------
    recipe : NetworkRecipe
        Gives augmentation, balance and mixup.
    seed : int
        Of the training.
    device : torch.device
        Where the patches are wanted.
    """

    def __init__(self, recipe: NetworkRecipe, seed: int, device: torch.device) -> None:
        self._recipe = recipe
        self._seed = seed
        self._device = device
        self._order: dict[tuple[int, int], NDArray[np.int64]] = {}

    def draw(self, stage: Stage, step: int) -> Batch:
        """Return the batch of step ``step``, counted from the start of the training."""
        index = self._index(stage, step - stage.first)
        patches, labels, start, real = [], [], 0, 0
        for part in stage.parts:
            count = len(part.labels)
            chosen = index[(index >= start) & (index < start + count)] - start
            start += count
            if not len(chosen):
                continue
            generator = torch.Generator(part.store.device)
            generator.manual_seed(mixed_seed(self._seed, 2 + part.is_synthetic, step))
            drawn = part.store.windows(torch.from_numpy(chosen), generator)
            if self._recipe.augment_synthetic or not part.is_synthetic:
                drawn = shaded(moved(drawn, self._recipe.augmentation, generator), self._recipe.augmentation, generator)
            patches.append(drawn.to(self._device))
            labels.append(part.labels[chosen])
            real += 0 if part.is_synthetic else len(chosen)
        batch = Batch(torch.cat(patches), torch.from_numpy(np.concatenate(labels)).to(self._device))
        return self._mixed(batch, real, step) if self._recipe.mixup else batch

    def _mixed(self, batch: Batch, real: int, step: int) -> Batch:
        """Mix all of the batch, or half of its synthetic patches, which are behind the real ones."""
        rng = np.random.default_rng([self._seed, 5, step])
        rows = np.arange(len(batch.labels))
        if self._recipe.mixup_of == "synthetic":
            rows = rng.permutation(rows[real:])[: (len(rows) - real) // 2]
        return mixed(batch, self._recipe.mixup, self._recipe.mixup_kind, rows, rng) if len(rows) > 1 else batch

    def _index(self, stage: Stage, step: int) -> NDArray[np.int64]:
        """Return positions in the union of the parts."""
        labels = np.concatenate([part.labels for part in stage.parts])
        balance = self._recipe.balance
        total = len(labels) if balance in EVERY_ONCE else int(counts_in_pass(labels, balance).sum())
        position = np.arange(stage.drawn[step], stage.drawn[step + 1])
        passes = position // total
        rounds = [self._pass(stage.number, int(p), labels)[position[passes == p] % total] for p in np.unique(passes)]
        return np.concatenate(rounds)

    def _pass(self, stage: int, number: int, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        key = (stage, number)
        if key not in self._order:
            self._order = {k: v for k, v in self._order.items() if k[0] == stage and k[1] >= number - 1}
            fresh = np.random.default_rng([self._seed, 1, stage, number])
            lasting = np.random.default_rng([self._seed, 6, stage])
            self._order[key] = one_pass(labels, self._recipe.balance, lasting, fresh)
        return self._order[key]


def mixed_seed(*parts: int) -> int:
    """Return one well-mixed seed out of several numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint32)[0])
