"""A trained classifier on disk: weights (safetensors) and everything that is needed to use them again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.errors import UserError
from napari_cellsynth.training import checkpoint
from napari_cellsynth.training.loader import CropStore

MODEL_FILE = "model.safetensors"
CHECKPOINT_FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class Classifier:
    """A trained network in evaluation mode, and what its inputs and outputs mean.

    ``meta`` holds what the training was given about the data: ``low`` and ``high`` (intensity range a
    channel), ``class_ids`` and the like. ``temperature`` is what `predict.predict` divides log probabilities by, so
    that they are as sure as they are right (see `evaluate.calibration`); 1 where nothing was calibrated. A classifier
    that gives an object several classes has ``thresholds``, one a class, and no temperature.
    """

    network: nn.Module
    recipe: NetworkRecipe
    class_names: tuple[str, ...]
    channels: int
    meta: dict[str, Any]
    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    def check(self, store: CropStore) -> None:
        """Raise a UserError unless the patches of ``store`` suit this classifier."""
        check_patches(store, self.channels, self.recipe.size, "The classifier was trained on")


def check_patches(store: CropStore, channels: int, size: int, subject: str) -> None:
    """Raise a UserError unless the store gives patches with so many channels and pixels."""
    if store.channels != channels:
        raise UserError(
            f"{subject} {channels}-channel patches, but these have {store.channels}.",
            "Use images with the same channels, in the same order.",
        )
    if store.size != size:
        raise UserError(f"{subject} {size}-px patches, but these are {store.size} px.", "Cut the crops at that size.")


def save(folder: Path, classifier: Classifier) -> Path:
    """Write the classifier into the run's folder, in one atomic step, and return the file."""
    path = folder / MODEL_FILE
    about = {
        "recipe": classifier.recipe.model_dump(mode="json"),
        "class_names": list(classifier.class_names),
        "channels": classifier.channels,
        "meta": classifier.meta,
        "temperature": classifier.temperature,
        "thresholds": classifier.thresholds,
    }
    checkpoint.save(path, {"network": classifier.network.state_dict()}, about)
    return path


def load(folder: Path | str, device: torch.device | str = "cpu") -> Classifier:
    """Read a trained classifier.

    Parameters
    ----------
    folder : path
        The run's folder.
    device : torch.device or str
        Where to put the weights.

    Raises
    ------
    UserError
        If there is no finished classifier in the folder.
    """
    path = Path(folder) / MODEL_FILE
    if not path.is_file():
        raise UserError(f"There is no trained classifier in {folder}.", "Let its training finish, or resume it.")
    tensors, about = checkpoint.load(path)
    recipe = classifier_recipe(about["recipe"]["name"], **about["recipe"])
    assert isinstance(recipe, NetworkRecipe)
    network = recipe.build(about["channels"], len(about["class_names"]))
    network.load_state_dict(tensors["network"])
    network.to(device).eval()
    names, temperature = tuple(about["class_names"]), float(about.get("temperature", 1.0))
    thresholds = None if about.get("thresholds") is None else tuple(float(each) for each in about["thresholds"])
    return Classifier(network, recipe, names, about["channels"], about["meta"], temperature, thresholds)
