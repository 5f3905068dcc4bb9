"""Drawing patches from a trained run, so that patch i of a seed is the same however many are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.synthesis.run_folder import best_checkpoint, checkpoint_path
from napari_cellsynth.training import checkpoint as checkpoints
from napari_cellsynth.training.device import pick_device

__all__ = [
    "Drawn",
    "best_checkpoint",
    "block_size",
    "draw",
    "generate",
    "interpolate",
    "latents",
    "load_generator",
    "slerp",
    "with_class",
]


def latents(seed: int, first: int, count: int, z: int) -> NDArray[np.float32]:
    """Return the Gaussian noise (count, z) of the patches `first`, `first` + 1, … of a seed.

    Each patch has its own random generator on the CPU, so its noise depends on the seed and its index alone.

    Raises
    ------
    UserError
        If the seed or the first index is negative.
    """
    if seed < 0 or first < 0:
        raise UserError(f"Seed {seed} and first index {first} must not be negative.")
    drawn = np.empty((count, z), np.float32)
    for row in range(count):
        drawn[row] = np.random.default_rng((seed, first + row)).standard_normal(z, dtype=np.float32)
    return drawn


def with_class(noise: NDArray[np.float32], class_index: int, classes: int) -> NDArray[np.float32]:
    """Return a conditional generator's inputs (N, z + classes): noise (N, z) and one class as one-hot numbers."""
    one_hot = np.zeros((len(noise), classes), np.float32)
    one_hot[:, class_index] = 1.0
    return np.concatenate([noise, one_hot], axis=1)


def block_size(size: int) -> int:
    """Return how many patches of a side go through the generator at once, always."""
    return max(4, min(64, 64 * (64 * 64) // (size * size)))


class Loaded(NamedTuple):
    """A trained generator in evaluation mode, with the length of its noise, its side and its number of classes."""

    generator: nn.Module
    z: int
    size: int
    classes: int


def load_generator(path: Path, device: torch.device) -> Loaded:
    """Read the averaged generator of a checkpoint.

    Raises
    ------
    UserError
        If the file is missing, damaged, or holds something else.
    """
    tensors, meta = checkpoints.load(path, device)
    if "recipe" not in meta or "generator" not in tensors:
        raise UserError(f"{path} holds no generator.", "Choose a GAN run.")
    with checkpoints.readable(path):
        recipe = gan_recipe(meta["recipe"]["name"], **meta["recipe"])
        classes = int(meta.get("classes", 0))
        gan = recipe.build(int(meta["channels"]), torch.device("meta"), 0, classes)
        generator = gan.averaged.to_empty(device=device)
        generator.load_state_dict(tensors["generator"])
        return Loaded(generator.to(memory_format=torch.channels_last).eval(), gan.latent, recipe.size, classes)


@torch.inference_mode()
def draw(generator: nn.Module, noise: NDArray[np.float32], device: torch.device) -> NDArray[np.float32]:
    """Return the patches (N, C, S, S), float32 in [-1, 1], of inputs (N, z + K), as one batch in full precision."""
    with _exact():
        patches = generator(torch.from_numpy(noise).to(device)).float()
    return np.ascontiguousarray(patches.cpu().numpy())


def generate(
    folder: Path,
    n: int,
    seed: int = 0,
    *,
    class_index: int = 0,
    first_index: int = 0,
    checkpoint: str = "best",
    device: torch.device | str = "auto",
) -> NDArray[np.float32]:
    """Draw patches from a run's averaged generator.

    Patch i of a seed is the same bit for bit on one device, whatever `n` and `first_index`: its noise depends on
    the seed and i alone, and it always goes through the network at the same place of a batch of the same size,
    because convolutions may round differently in batches of other sizes.

    Parameters
    ----------
    folder : Path
        The run's folder.
    n : int
        How many patches.
    seed : int
        Seed of the noise, from 0.
    class_index : int
        Which class, 0 to K - 1, of a GAN that was trained on several; 0 for a GAN of one class.
    first_index : int
        Index of the first patch.
    checkpoint : str
        Name of a kept generator, or ``best``: the one that was chosen while training, else the newest.
    device : torch.device or str
        Where to draw.

    Returns
    -------
    ndarray
        Float32 (n, C, S, S) in [-1, 1].

    Raises
    ------
    UserError
        If the run has no such checkpoint or class, or a number is negative.
    """
    if n < 1:
        raise UserError(f"{n} patches cannot be drawn.", "Ask for at least 1.")
    device = pick_device(device) if isinstance(device, str) else device
    generator, z, size, classes = load_generator(checkpoint_path(Path(folder), checkpoint), device)
    if not 0 <= class_index < max(1, classes):
        raise UserError(f"The run has no class number {class_index}.", f"It has {max(1, classes)}, from 0.")

    def inputs(block_number: int) -> NDArray[np.float32]:
        noise = latents(seed, block_number * block, block, z)
        return with_class(noise, class_index, classes) if classes else noise

    block = block_size(size)
    first_block, last_block = first_index // block, (first_index + n - 1) // block
    drawn = [draw(generator, inputs(number), device) for number in range(first_block, last_block + 1)]
    skipped = first_index - first_block * block
    return np.concatenate(drawn)[skipped : skipped + n]


def slerp(first: NDArray[np.float32], last: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Return noise (steps, z) on the great arc from one vector (z,) to another.

    Gaussian noise of many dimensions lies near a sphere; a straight line would leave it and pass through noise that the
    generator has never seen (White, "Sampling generative networks", 2016, section 2.1). Lengths go over evenly.
    """
    lengths = [float(np.linalg.norm(each)) for each in (first, last)]
    a, b = first.astype(np.float64) / lengths[0], last.astype(np.float64) / lengths[1]
    angle = np.arccos(np.clip(a @ b, -1.0, 1.0))
    part = np.linspace(0.0, 1.0, steps)[:, None]
    if np.sin(angle) < 1e-6:  # the same or opposite directions: there is no one arc
        return np.asarray((1 - part) * first + part * last, dtype=np.float32)
    arc = (np.sin((1 - part) * angle) * a + np.sin(part * angle) * b) / np.sin(angle)
    return np.asarray(arc * ((1 - part) * lengths[0] + part * lengths[1]), dtype=np.float32)


@dataclass(frozen=True)
class Drawn:
    """What a patch of a checkpoint is made again from: seed, index, and the class's number in the network."""

    seed: int
    index: int
    class_index: int = 0


def interpolate(
    folder: Path,
    first: Drawn,
    last: Drawn,
    steps: int = 9,
    *,
    checkpoint: str = "best",
    device: torch.device | str = "auto",
) -> NDArray[np.float32]:
    """Walk from one patch to another through a run's latent space: the noise on an arc, the class in a straight line.

    Parameters
    ----------
    folder : Path
        The run's folder.
    first, last : Drawn
        The patches at both ends.
    steps : int
        How many patches, the ends included; at least 2.
    checkpoint : str
        Name of a kept generator, or ``best``.
    device : torch.device or str
        Where to draw.

    Returns
    -------
    ndarray
        Float32 (steps, C, S, S) in [-1, 1]. The ends are the patches of `generate`, bit for bit.

    Raises
    ------
    UserError
        If the run has no such checkpoint or class, or there are fewer than 2 steps.
    """
    if steps < 2:
        raise UserError(f"An interpolation has at least 2 steps, not {steps}.")
    device = pick_device(device) if isinstance(device, str) else device
    generator, z, size, classes = load_generator(checkpoint_path(Path(folder), checkpoint), device)
    ends_noise = [latents(each.seed, each.index, 1, z)[0] for each in (first, last)]
    noise = slerp(ends_noise[0], ends_noise[1], steps)
    if classes:
        one_hot = [with_class(noise[:1], each.class_index, classes)[0, z:] for each in (first, last)]
        part = np.linspace(0.0, 1.0, steps, dtype=np.float32)[:, None]
        noise = np.concatenate([noise, (1 - part) * one_hot[0] + part * one_hot[1]], axis=1)
    block = block_size(size)
    between = [draw(generator, noise[start : start + block], device) for start in range(0, steps, block)]
    ends = [
        generate(
            folder,
            1,
            each.seed,
            class_index=each.class_index,
            first_index=each.index,
            checkpoint=checkpoint,
            device=device,
        )
        for each in (first, last)
    ]
    return np.concatenate([ends[0], np.concatenate(between)[1:-1], ends[1]])


@contextmanager
def _exact() -> Iterator[None]:
    """Keep a GPU from choosing kernels by timing and from rounding to TF32, so that patches come out again."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield
