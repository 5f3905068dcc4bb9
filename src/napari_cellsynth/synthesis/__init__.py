"""Generative models: recipes, networks, losses, the training loop, and drawing patches from a trained run.

``recipes`` names complete sets of hyperparameters (without torch). ``gan`` is what the loop in ``train`` asks of a GAN,
``players`` what all of them share (``accumulate``: where memory is short), ``conditional`` what those of several
classes share besides, ``projection`` the networks that a class multiplies; ``cellsynth``, ``dcgan``, ``protein``,
``wgan``, ``cgan``, ``acgan`` and ``cwgan`` are the GANs, made of ``networks``, ``losses`` and ``penalties``.
``failures`` knows how a training fails, ``run_folder`` the files of a run; ``sample`` draws patches; ``pace`` times a
few steps.
`train_gan` and `generate` do it all from Python, without a project; `seconds_a_step` tells before how long it takes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.pace import seconds_a_step
    from napari_cellsynth.synthesis.quick import GanRun, generate, train_gan

_HOMES = {"GanRun": "quick", "generate": "quick", "seconds_a_step": "pace", "train_gan": "quick"}

__all__ = ["GanRun", "generate", "seconds_a_step", "train_gan"]


def __getattr__(name: str) -> Any:
    # Loaded at first use, because training needs torch and the recipes do not.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"napari_cellsynth.synthesis.{_HOMES[name]}"), name)
