"""How long an epoch is, how many patches a step takes, and the learning rate of a step; readable without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_cellsynth.classify.recipe_base import NetworkRecipe

Ints = NDArray[np.int64]

DECAY = 0.01
"""How fast ``exponential`` falls: lr · exp(-0.01 · epoch) (S1, eq. 4)."""


@dataclass(frozen=True)
class Epochs:
    """The epochs of a training, which depend on the number of real crops alone.

    Attributes
    ----------
    ends : ndarray of int64, shape (E,)
        The steps that are done at the end of each epoch; the last is the number of optimiser steps.
    batches : ndarray of int64, shape (E,)
        Patches a step in each epoch.
    """

    ends: Ints
    batches: Ints

    @property
    def steps(self) -> int:
        """The number of optimiser steps."""
        return int(self.ends[-1])

    def of(self, step: int) -> int:
        """Return the epoch, counted from 0, that a step, counted from 0, belongs to."""
        return int(np.searchsorted(self.ends, step, side="right"))

    def ends_after(self, done: int) -> bool:
        """Return whether an epoch ends when so many steps are done."""
        return bool(done in self.ends)

    def batch_of_every_step(self) -> Ints:
        """Return the patches of every step, (steps,)."""
        return np.repeat(self.batches, np.diff(self.ends, prepend=0))


def epochs_of(recipe: NetworkRecipe, n_real: int) -> Epochs:
    """Lay out the epochs of a training on so many real crops.

    An epoch is ``epoch_steps`` steps or, where that is 0, one pass over the real crops. The batch doubles every
    ``doubling`` epochs up to ``greatest_batch`` (S1: 32, doubled every 15 epochs up to 128) and is never larger than
    the set. Epochs are added until there are ``least_steps`` steps; the last of those may be a short one.
    """
    ends: list[int] = []
    batches: list[int] = []
    done = 0
    while len(ends) < recipe.epochs or done < recipe.least_steps:
        doubled = len(ends) // recipe.doubling if recipe.doubling else 0
        # 2 ** 12 is the greatest batch there is: more doublings only make large numbers.
        batch = min(max(recipe.batch, min(recipe.batch * 2 ** min(doubled, 12), recipe.greatest_batch)), n_real)
        steps = recipe.epoch_steps or -(-n_real // batch)
        added = len(ends) >= recipe.epochs
        done = min(done + steps, recipe.least_steps) if added else done + steps
        ends.append(done)
        batches.append(batch)
    return Epochs(np.array(ends, np.int64), np.array(batches, np.int64))


def steps_in_words(recipe: NetworkRecipe, n_real: int) -> str:
    """Return how many optimiser steps a training on so many real crops has, and what decides it.

    ``"300 steps (least_steps; 20 epochs would be 40)"``, ``"500 steps (20 epochs of 25)"``.
    """
    laid_out = epochs_of(recipe, n_real)
    asked = epochs_of(recipe.model_copy(update={"least_steps": 1}), n_real).steps
    each = np.diff(laid_out.ends, prepend=0)
    epochs = f"{recipe.epochs:,} epoch{'s' * (recipe.epochs != 1)}"
    if laid_out.steps > asked:
        return f"{laid_out.steps:,} steps (least_steps; {epochs} would be {asked:,})"
    return f"{laid_out.steps:,} steps ({epochs}{f' of {each[0]:,}' if len(set(each)) == 1 else ''})"


def learning_rate(recipe: NetworkRecipe, done: int, steps: int, epoch: int = 0) -> float:
    """Return the learning rate of a step of a stage.

    Parameters
    ----------
    recipe : NetworkRecipe
        Gives the schedule. ``step``: a tenth from half of the steps on (S0: after epoch 100 of 200). ``one-cycle``:
        from lr / 25 up to lr over the first 30 % of the steps, down to lr / 1000 over the rest, both along a cosine.
        ``exponential``: lr · exp(-0.01 · epoch) (S1, eq. 4).
    done, steps : int
        How many of the stage's steps are done, and how many it has.
    epoch : int
        The epoch since the stage began, from 0.
    """
    if recipe.schedule == "constant":
        return recipe.lr
    if recipe.schedule == "step":
        return recipe.lr if done < steps / 2 else recipe.lr / 10
    if recipe.schedule == "exponential":
        return recipe.lr * math.exp(-DECAY * epoch)
    rise = 0.3 * steps
    if done < rise:
        return _cosine(recipe.lr / 25, recipe.lr, done / rise)
    return _cosine(recipe.lr, recipe.lr / 1000, (done - rise) / max(1.0, steps - 1 - rise))


def _cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, part))) / 2
