"""Which epoch of a training is kept, and when it ends early: judged by training crops that are not learned from.

The held-out groups have no part in it: the validation crops are whole groups out of the training groups.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from napari_cellsynth.classify.recipe_base import ClassifierRecipe, Keep, NetworkRecipe
from napari_cellsynth.evaluate.calibration import calibration_part
from napari_cellsynth.evaluate.splits import grouped_holdout

FIGURES = {
    "least-loss": "validation_loss",
    "best-macro-f1": "validation_macro_f1",
    "best-micro-f1": "validation_micro_f1",
}
"""The figure that each of S1's three checkpoints goes by (section 3.4)."""


def validation_part(recipe: ClassifierRecipe, groups: ArrayLike, labels: ArrayLike, seed: int = 0) -> NDArray[np.bool_]:
    """Choose which training crops are set aside to judge the epochs by: whole groups, and no class whole.

    Parameters
    ----------
    recipe : ClassifierRecipe
        Says whether any are, and which share.
    groups, labels : array_like
        Group (N,) and labels (`targets`) of every training crop.
    seed : int
        Of the training.

    Returns
    -------
    ndarray of bool, shape (N,)
        True for validation crops; all False where the recipe chooses nothing by them.

    Raises
    ------
    UserError
        If no group can be spared.
    """
    if not isinstance(recipe, NetworkRecipe) or not recipe.validates:
        return np.zeros(len(np.asarray(labels)), bool)
    return grouped_holdout(groups, labels, recipe.validation, seed)


def calibrating_part(
    recipe: ClassifierRecipe, judging: NDArray[np.bool_], groups: ArrayLike | None, labels: ArrayLike, seed: int = 0
) -> NDArray[np.bool_]:
    """Choose which training crops a network's temperature is fitted on; they are not learned from.

    Parameters
    ----------
    recipe : ClassifierRecipe
        Classical ones need none: they are calibrated on out-of-fold answers.
    judging : ndarray of bool, shape (N,)
        The crops that an epoch is chosen by (`validation_part`). Where there are any they do for both: one temperature
        gains little from having chosen the epoch on them, and a second part would cost more crops.
    groups, labels : array_like of shape (N,)
        Group and class of every training crop; without groups nothing is set aside.
    seed : int
        Of the training.
    """
    if not isinstance(recipe, NetworkRecipe) or groups is None:
        return np.zeros(len(judging), bool)
    return judging if judging.any() else calibration_part(groups, labels, seed)


@dataclass
class Judge:
    """Keeps the weights of the best epoch so far, and knows when there was no better one for long.

    Parameters
    ----------
    keep : {"last", "least-loss", "best-macro-f1", "best-micro-f1"}
        What is best; with ``last`` nothing is kept, and patience goes by the validation loss.
    patience : int
        Epochs without a better one after which `exhausted` is true; 0 for never.

    Attributes
    ----------
    best : dict
        Of each of the three figures, ``{"value", "step"}`` of its best epoch: S1's three checkpoints.
    weights : dict
        The network's state at the best epoch; empty while there is none.
    """

    keep: Keep = "last"
    patience: int = 0
    best: dict[str, dict[str, float]] = field(default_factory=dict)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    without_better: int = 0

    @property
    def exhausted(self) -> bool:
        """Whether the training has not got better for as long as its patience lasts."""
        return 0 < self.patience <= self.without_better

    def look(self, figures: dict[str, float], step: int, network: nn.Module) -> None:
        """Take notice of an epoch's validation figures, and keep its weights if it is the best so far."""
        decides = FIGURES.get(self.keep, "validation_loss")
        self.without_better += 1
        for name in FIGURES.values():
            before = self.best.get(name)
            sign = -1 if name == "validation_loss" else 1
            if before is not None and not sign * figures[name] > sign * before["value"]:
                continue
            self.best[name] = {"value": figures[name], "step": step}
            if name == decides:
                self.without_better = 0
                if self.keep != "last":
                    self.weights = {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}

    def kept_step(self, last: int) -> int:
        """Return the step whose weights are kept, given the last one."""
        return int(self.best[FIGURES[self.keep]]["step"]) if self.weights else last

    def put_back(self, network: nn.Module) -> None:
        """Give the network the weights of the best epoch, where they are kept."""
        if self.weights:
            network.load_state_dict(self.weights)

    def record(self) -> dict[str, Any]:
        """Return what a checkpoint's description says of it."""
        return {"best": self.best, "without_better": self.without_better}

    def restore(self, record: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
        """Take up what a checkpoint holds."""
        self.best, self.without_better = record.get("best", {}), record.get("without_better", 0)
        self.weights = dict(weights)
