"""How a GAN training fails, and what to do then: numbers that are none, a collapsed generator, a dead critic."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.recipe_base import GanRecipe
from napari_cellsynth.training.loader import CropStore

COLLAPSED = 0.01
"""Samples that differ among themselves by less than this share of what real patches do are one image."""

DEAD = 1e-4
"""Mean scores of real and generated patches that differ by less come from a critic without a slope: under the penalties
it gains about 1 in score for a distance of 1 between patches, which differ by far more."""

TRUSTED_FROM = 20_000
"""Images before which a generator that still shows nothing but grey is not called collapsed, nor a critic dead."""

PATIENCE = 3
"""Milestones in a row that must look bad, since many a training recovers from one."""


class Watch:
    """Ends a training that waiting cannot better, with what to try instead.

    Parameters
    ----------
    store : CropStore
        The real crops.
    recipe : GanRecipe
        What is trained.
    """

    def __init__(self, store: CropStore, recipe: GanRecipe) -> None:
        self._recipe, self._classes = recipe, store.n_classes
        self._flat = self._dead = 0
        chosen = [torch.nonzero(store.classes == each)[:64, 0] for each in range(max(1, store.n_classes))]
        spreads = [spread(store.centred(index).cpu().numpy()) for index in chosen if len(index) > 1]
        self._real_spread = sum(spreads) / max(1, len(spreads))

    def look(self, step: int, figures: Mapping[str, float], images: NDArray[np.float32]) -> None:
        """Take in a milestone: the figures of its step, and sample patches (N, C, S, S), as many of each class.

        Raises
        ------
        UserError
            Where milestones in a row have had a critic that scores real and generated patches alike, or have shown a
            single image, though the real patches differ.
        """
        trusted = step * self._recipe.batch >= TRUSTED_FROM
        dead = trusted and abs(figures.get("wasserstein", 1.0)) < DEAD
        self._dead = self._dead + 1 if dead else 0
        if self._dead >= PATIENCE:
            raise UserError(
                f"The critic is dead: by step {step} it scores real and generated patches alike, "
                "so the generator learns nothing.",
                "Start again with another seed, a larger lr or width, or a smaller weight of the penalty.",
            )
        flat = trusted and spread(images, self._classes) < COLLAPSED * self._real_spread
        self._flat = self._flat + 1 if flat else 0
        if self._flat >= PATIENCE:
            raise UserError(
                f"The generator collapsed to a single image by step {step}.",
                f"Start again with another seed, or more crops{self._or_smoothing(', or label_smoothing 0.1')}.",
            )

    def diverged(self, step: int) -> UserError:
        """Return what to say where a step's numbers are no longer finite."""
        return UserError(
            f"The training went wrong at step {step}: its numbers are no longer finite.",
            f"Lower lr{self._or_smoothing(' or set label_smoothing to 0.1')}, and start again; "
            "the last checkpoint is kept.",
        )

    def _or_smoothing(self, advice: str) -> str:
        """Return an advice on label smoothing where the recipe has it."""
        return advice if "label_smoothing" in type(self._recipe).model_fields else ""


def spread(patches: NDArray[np.float32], classes: int = 0) -> float:
    """Return how much patches (of as many of each class, class by class) differ within a class.

    The mean over pixels of their standard deviation.
    """
    by_class = patches.reshape(max(1, classes), -1, *patches.shape[1:])
    return float(by_class.std(axis=1).mean())
