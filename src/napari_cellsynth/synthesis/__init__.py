"""Generative models: recipes, networks, losses, the training loop, and drawing patches from a trained run.

``recipes`` names complete sets of hyperparameters (without torch); ``networks``, ``losses`` and ``dcgan`` are what
they are made of and ``gan`` is what the loop in ``train`` asks of them; ``run_folder`` knows the files of a run;
``sample`` draws patches. `train_gan` and `generate` do it all from Python, without a project.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.quick import GanRun, generate, train_gan

__all__ = ["GanRun", "generate", "train_gan"]


def __getattr__(name: str) -> Any:
    # Loaded at first use, because training needs torch and the recipes do not.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("napari_cellsynth.synthesis.quick"), name)
