"""A network and a classifier on features that answer together: trained one after the other, asked at once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.classify import feature_model, model
from napari_cellsynth.classify.batches import Part
from napari_cellsynth.classify.classical import Rows, fitted
from napari_cellsynth.classify.feature_model import FeatureClassifier
from napari_cellsynth.classify.model import Classifier
from napari_cellsynth.classify.recipes_best import BestRecipe
from napari_cellsynth.events import Event, Progress, Stop
from napari_cellsynth.training.loader import CropStore

FOLDER = "features"
"""Where in a run's folder the classifier on features is."""


@dataclass(frozen=True, kw_only=True)
class Ensemble(Classifier):
    """A network and, beside it, a classifier on features; ``temperature`` is that of their mean."""

    beside: FeatureClassifier

    def mean(self, of_network: NDArray[np.float32], store: CropStore, index: torch.Tensor) -> NDArray[np.float32]:
        """Return the mean (B, K) of the network's probabilities of some crops of a store and of the features'."""
        table, owners = feature_model.features_of(store, index, self.beside.recipe)
        both = of_network, self.beside.probabilities(table, owners, len(index))
        return np.asarray(np.mean(both, axis=0), np.float32)


def joined(network: Classifier, beside: FeatureClassifier) -> Ensemble:
    """Return a trained network and a fitted classifier on features as one."""
    return Ensemble(**{field.name: getattr(network, field.name) for field in fields(network)}, beside=beside)


def fit(
    network: Classifier, recipe: BestRecipe, parts: Sequence[Part], seed: int, stop: Stop
) -> Generator[Event, None, Ensemble | None]:
    """Fit the classifier on features beside a trained network, and yield how many crops are measured.

    Parameters
    ----------
    network : Classifier
        Trained already.
    recipe : BestRecipe
        Of both.
    parts : sequence of Part
        What the network learned from last.
    seed, stop
        As in `train.train`.

    Returns
    -------
    Ensemble or None
        Both together; None when stopped.
    """
    rows, done = [Rows(part) for part in parts], 0
    crops = sum(len(part.labels) for part in parts)
    for each in rows:
        for measured in each.measure(recipe.beside()):
            if stop():
                return None
            yield Progress(done + measured, crops, "crops", "measured")
        done += len(each.part.labels)
    table, labels = np.concatenate([each.table for each in rows]), np.concatenate([each.labels for each in rows])
    estimator = fitted(recipe.beside(), table, labels, len(network.class_names), seed)
    return joined(
        network,
        FeatureClassifier(estimator, 1.0, recipe.beside(), network.class_names, network.channels, {}),
    )


def save(folder: Path, classifier: Classifier) -> Path:
    """Write a trained network, and what answers with it, into the run's folder; return the network's file.

    The network's comes last, because it says that the training is finished.
    """
    if isinstance(classifier, Ensemble):
        (folder / FOLDER).mkdir(exist_ok=True)
        feature_model.save(folder / FOLDER, classifier.beside)
    return model.save(folder, classifier)


def load(folder: Path, device: torch.device | str = "cpu") -> Classifier:
    """Read what `save` wrote.

    Raises
    ------
    UserError
        If there is no finished classifier in the folder, or it is damaged.
    """
    network = model.load(folder, device)
    return joined(network, feature_model.load(folder / FOLDER)) if isinstance(network.recipe, BestRecipe) else network
