"""Small labelled patches and a recipe that learns them in a second."""

from __future__ import annotations

import numpy as np

from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.training.loader import CropStore

Labelled = tuple[CropStore, np.ndarray]


def stripes(n: int, seed: int, classes: int = 2, size: int = 16, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Noisy patches float32 in [-1, 1] whose class is the coarseness of their stripes; labels 0..classes-1 in turn."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    x = np.arange(size)
    wave = np.sin(2 * np.pi * x * (labels[:, None] + 1) / 16 + rng.uniform(0, 6, (n, 1)))
    patches = 0.6 * wave[:, None, None, :] + rng.normal(0, 0.1, (n, channels, size, size))
    return np.clip(patches, -1, 1).astype(np.float32), labels


def store(n: int, seed: int, **how) -> Labelled:
    patches, labels = stripes(n, seed, **how)
    return CropStore.from_patches(patches), labels


def tiny(name: str = "fast", **overrides) -> NetworkRecipe:
    """A recipe that trains in a second."""
    small = {"size": 16, "width": 0.125, "batch": 8, "epochs": 3, "least_steps": 1, "shift": 1}
    if name == "hescnet":
        small = {"size": 32, "width": 0.03, "batch": 8, "epochs": 3}
    return classifier_recipe(name, **{**small, **overrides})
