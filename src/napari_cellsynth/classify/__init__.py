"""Classifiers of crops: recipes, networks, class weights, training and prediction.

``recipes``, ``schedules`` and ``balance`` need no torch; networks, ``model``, ``train``, ``predict`` and ``run`` do.
`train_classifier` does it all from Python, without a project; its partner is `predict.predict`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_cellsynth.classify.run import ClassifierRun, train_classifier

__all__ = ["ClassifierRun", "train_classifier"]


def __getattr__(name: str) -> Any:
    # Loaded at first use, because training needs torch and the recipes do not.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("napari_cellsynth.classify.run"), name)
