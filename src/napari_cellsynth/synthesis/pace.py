"""How fast a GAN trains on this machine, from a few timed steps on random pixels."""

from __future__ import annotations

import time

import numpy as np
import torch

from napari_cellsynth.events import Stop, never
from napari_cellsynth.synthesis.recipe_base import GanRecipe
from napari_cellsynth.synthesis.train import training_step
from napari_cellsynth.training.loader import CropStore

SECONDS = 3.0
"""No step is begun after so many seconds, or after twice as many where a cycle of steps is not whole by then."""

MOST = 200
"""Steps after which nothing more is learned, however fast they are."""

CROPS = 8
"""A class; how many there are does not change a step's work."""


def seconds_a_step(
    recipe: GanRecipe, channels: int, device: torch.device, classes: int = 0, *, stop: Stop = never
) -> float | None:
    """Return how long a step of a training takes here, in seconds; None when stopped.

    It takes three to six seconds, or one step where that is longer. A GPU's first steps, in which it chooses its
    kernels, do not count where there are others. What a training does besides its steps (samples, checkpoints) is left
    out.

    Parameters
    ----------
    recipe : GanRecipe
        What would be trained.
    channels : int
        Channels of the patches.
    device : torch.device
        Where.
    classes : int
        Number of classes of a conditional recipe; the others take no notice of it.
    stop : callable
        Asked before every step.

    Raises
    ------
    UserError
        If the device's memory is too small for the recipe, or the recipe needs more classes.
    """
    classes = classes if recipe.conditional else 0
    if stop():
        return None
    rng = torch.Generator(device).manual_seed(0)
    gan = recipe.build(channels, device, 0, classes)
    crops = np.random.default_rng(0).uniform(-1, 1, (CROPS * max(1, classes), channels, recipe.size, recipe.size))
    kinds = np.arange(len(crops)) % classes if classes else None
    store = CropStore.from_patches(crops.astype(np.float32), device, size=recipe.size, classes=kinds)
    taken: list[float] = []
    cycle = recipe.cycle()
    while sum(taken) < SECONDS * (1 if len(taken) >= cycle else 2) and len(taken) < max(MOST, 2 * cycle):
        if stop():
            return None
        began = time.perf_counter()
        figures = training_step(gan, recipe, store, rng, len(taken) + 1)
        float(next(iter(figures.values())))  # a GPU says when it is done only where something is read back
        taken.append(time.perf_counter() - began)
    return mean_of_cycles(taken, cycle)


def mean_of_cycles(taken: list[float], cycle: int) -> float:
    """Return the mean time of a step over whole cycles of steps, without the first one where there are several.

    Parameters
    ----------
    taken : list of float
        Seconds of each step, at least one.
    cycle : int
        After so many steps their work repeats; fewer times than that are averaged as they are.
    """
    whole = len(taken) // cycle * cycle
    counted = taken[cycle if whole > cycle else 0 : whole or None]
    return sum(counted) / len(counted)
