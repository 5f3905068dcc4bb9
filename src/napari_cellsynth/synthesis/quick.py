"""GANs from Python in two calls, without a project: `train_gan` on an array of patches, then `generate`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished, Metric
from napari_cellsynth.synthesis import run_folder, sample, selection
from napari_cellsynth.synthesis.networks import SIZES
from napari_cellsynth.synthesis.recipe_base import GanRecipe
from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.synthesis.train import train
from napari_cellsynth.training.device import pick_device
from napari_cellsynth.training.loader import CropStore


@dataclass(frozen=True)
class GanRun:
    """A trained GAN on disk.

    Attributes
    ----------
    folder : Path
        The run's files.
    recipe : GanRecipe
        What was trained.
    device : str
        Where it was trained, and where `generate` draws.
    result : mapping
        What the training told at its end: ``checkpoint``, ``steps``, ``seconds``, the last figures.
    metrics : list of (int, mapping)
        The figures by step.
    """

    folder: Path
    recipe: GanRecipe
    device: str
    result: Mapping[str, Any]
    metrics: list[tuple[int, Mapping[str, float]]] = field(repr=False)

    @property
    def checkpoints(self) -> list[str]:
        """The names of the kept generators, oldest first."""
        return run_folder.checkpoints(self.folder)


def train_gan(
    patches: NDArray[np.float32],
    recipe: str | GanRecipe = "cellsynth",
    *,
    classes: ArrayLike | None = None,
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
    **overrides: Any,
) -> GanRun:
    """Train a GAN on patches of one class, or a conditional one on patches of several.

    A tenth of the patches of a class that has 40 or more is held back to choose the generator by (`selection`).

    Parameters
    ----------
    patches : ndarray
        Float32 (N, C, Y, X) in [-1, 1], at least two; larger ones than the recipe's size give random windows.
    recipe : str or GanRecipe
        A recipe's name (its size is then the largest that fits the patches) or a complete recipe.
    classes : array_like of int, optional
        Class of each patch, 0 to K - 1: needed by the conditional recipes, and by those alone.
    seed : int
        Seed of everything drawn.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to train.
    out : str or Path, optional
        The run's folder; a new temporary one if not given.
    **overrides
        Settings of the recipe to replace, when it is given by name: ``steps=2000``.

    Returns
    -------
    GanRun
        The run, for `generate`.

    Raises
    ------
    UserError
        If the patches, the recipe or the folder will not do, or the training fails.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_cellsynth as cs
    >>> patches = np.random.default_rng(0).uniform(-1, 1, (24, 1, 32, 32)).astype(np.float32)
    >>> run = cs.train_gan(patches, "dcgan", steps=2, width=4, batch=4, device="cpu")  # real ones take thousands
    >>> run.recipe.name, run.result["steps"]
    ('dcgan', 2)
    """
    picked = pick_device(device)
    if isinstance(recipe, str):
        recipe = gan_recipe(recipe, **({} if "size" in overrides else {"size": _fitting_size(patches)}), **overrides)
    elif overrides:
        raise UserError("A recipe that is given whole cannot be overridden.", "Give its name, or change the recipe.")
    if recipe.conditional != (classes is not None):
        raise UserError(
            f"The recipe {recipe.name} learns {'several classes' if recipe.conditional else 'one class'}.",
            "Give the class of each patch."
            if recipe.conditional
            else "Give the patches of one class alone, or take a recipe of several, such as cellsynth-conditional.",
        )
    kinds = np.zeros(len(patches), np.int64) if classes is None else np.asarray(classes)
    aside = selection.held_back([str(number) for number in range(len(patches))], kinds, seed)

    def stored(part: NDArray[np.bool_]) -> CropStore:
        of = kinds[part] if recipe.conditional else None
        return CropStore.from_patches(np.asarray(patches)[part], picked, size=recipe.size, classes=of)

    store = stored(~aside)
    judge = selection.Judge(store, stored(aside)) if aside.any() else None
    folder = Path(tempfile.mkdtemp(prefix="cellsynth-gan-") if out is None else out)
    metrics: list[tuple[int, Mapping[str, float]]] = []
    result: Mapping[str, Any] = {}
    for event in train(store, recipe, folder, seed=seed, device=picked, judge=judge):
        if isinstance(event, Metric):
            metrics.append((event.step, event.values))
        elif isinstance(event, Finished):
            result = event.result
    return GanRun(folder, recipe, picked.type, result, metrics)


def generate(run: GanRun | str | Path, n: int, seed: int = 0, *, class_index: int = 0) -> NDArray[np.float32]:
    """Draw patches from a run's newest generator; patch i of a seed is the same whatever `n`.

    Parameters
    ----------
    run : GanRun, str or Path
        What `train_gan` returned, or a run's folder.
    n : int
        How many patches.
    seed : int
        Seed of the noise, from 0.
    class_index : int
        Which class, 0 to K - 1, of a GAN that was trained on several.

    Returns
    -------
    ndarray
        Float32 (n, C, S, S) in [-1, 1].

    Examples
    --------
    >>> import numpy as np
    >>> import napari_cellsynth as cs
    >>> patches = np.random.default_rng(0).uniform(-1, 1, (24, 1, 32, 32)).astype(np.float32)
    >>> run = cs.train_gan(patches, "dcgan", steps=2, width=4, batch=4, device="cpu")
    >>> cs.generate(run, 3, seed=7).shape
    (3, 1, 32, 32)
    """
    if isinstance(run, GanRun):
        return sample.generate(run.folder, n, seed, class_index=class_index, device=run.device)
    return sample.generate(Path(run), n, seed, class_index=class_index)


def _fitting_size(patches: NDArray[np.float32]) -> int:
    """Return the largest side that the networks can make and the patches have."""
    sides = np.shape(patches)[2:]
    if len(sides) != 2:
        return SIZES[0]  # the store says what is wrong with the array
    fitting = [size for size in SIZES if size <= min(sides)]
    if not fitting:
        raise UserError(
            f"Patches of {sides[0]}×{sides[1]} pixels are too small to train on.",
            f"Use at least {SIZES[0]}×{SIZES[0]} pixels.",
        )
    return fitting[-1]
