"""The conditional recipes, small ones of them, and toy patches of two classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from napari_cellsynth.synthesis.players import PlayersGan
from napari_cellsynth.synthesis.recipe_base import GanRecipe
from napari_cellsynth.synthesis.recipes import GAN_RECIPES, gan_recipe
from napari_cellsynth.training.loader import CropStore

CONDITIONAL = [name for name, kind in GAN_RECIPES.items() if kind.conditional]
CPU = torch.device("cpu")


def small(name: str, **changes: Any) -> GanRecipe:
    return gan_recipe(name, **({"size": 32, "width": 4, "z": 8, "batch": 6} | changes))


def built(recipe: GanRecipe, channels: int = 1, classes: int = 2) -> PlayersGan:
    """Return a GAN that trains in float32, also where the hardware has bfloat16."""
    gan = recipe.build(channels, CPU, 1, classes)
    assert isinstance(gan, PlayersGan)
    gan._dtype = None
    return gan


def batch(seed: int, channels: int = 1, size: int = 32, classes: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    real = torch.rand(6, channels, size, size, generator=rng) * 2 - 1
    return real.contiguous(memory_format=torch.channels_last), torch.arange(6) % classes


def squares(count: int = 40) -> CropStore:
    """Bright squares of class 0 and dark ones of class 1, on grey."""
    rng = np.random.default_rng(0)
    patches = rng.normal(0, 0.05, (count, 1, 32, 32)).astype(np.float32)
    kinds = np.arange(count) % 2
    for patch, kind in zip(patches, kinds, strict=True):
        y, x = rng.integers(2, 14, 2)
        patch[:, y : y + 16, x : x + 16] += -0.7 if kind else 0.7
    return CropStore.from_patches(patches, classes=kinds)
