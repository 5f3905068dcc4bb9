"""A trained classical classifier: from patches to probabilities, and to disk and back without pickle."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.atomic import replacing
from napari_cellsynth.classify.model import check_patches
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.classify.recipes_classical import FeatureRecipe
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.calibration import tempered
from napari_cellsynth.imaging.features import feature_names, patch_features
from napari_cellsynth.training.loader import CropStore

FEATURE_MODEL_FILE = "model.skops"
RECORD_FILE = "model.json"
TRUSTED = ("sklearn.tree._tree.Tree", "sklearn.multiclass._ConstantPredictor")
"""Types a model may hold beyond those on skops' own list: a forest's trees, which `_sound` looks over, and the answer
for a class that every crop has."""
CHUNK = 64
"""Crops that are measured at a time."""
_SLOPE = 3.0


@dataclass(frozen=True)
class FeatureClassifier:
    """A fitted scaler and scikit-learn classifier, and what their inputs and outputs mean.

    ``temperature`` divides the log probabilities, so that they are as sure as they are right on training crops of
    other groups; a classifier that gives an object several classes has ``thresholds`` instead. ``meta`` holds what the
    training was given about the data, as with networks.
    """

    estimator: Any
    temperature: float
    recipe: FeatureRecipe
    class_names: tuple[str, ...]
    channels: int
    meta: dict[str, Any]
    thresholds: tuple[float, ...] | None = None

    @property
    def device(self) -> torch.device:
        """Where it computes: always the CPU."""
        return torch.device("cpu")

    def check(self, store: CropStore) -> None:
        """Raise a UserError unless the patches of ``store`` suit this classifier."""
        check_patches(store, self.channels, self.recipe.size, "The classifier was trained on")

    def probabilities(self, table: NDArray[np.float64], owners: NDArray[np.int64], crops: int) -> NDArray[np.float32]:
        """Return the probabilities (N, K) of N crops, the mean over each one's rows of a table of features (M, d).

        Parameters
        ----------
        table : ndarray of float, shape (M, d)
            Features, a row a window.
        owners : ndarray of int, shape (M,)
            Which crop 0..N-1 a row is of.
        crops : int
            N.
        """
        p = raw_probabilities(self.estimator, table)
        p = p if self.thresholds is not None else tempered(p, self.temperature)
        total = np.zeros((crops, p.shape[1]))
        np.add.at(total, owners, p)
        return (total / np.bincount(owners, minlength=crops)[:, None]).astype(np.float32)


def raw_probabilities(estimator: Any, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a fitted scikit-learn pipeline says of rows (M, d) before calibration, (M, K).

    A support vector machine knows no probabilities. Each of its K (K - 1) / 2 one-against-one machines gives a soft
    vote, σ(3 · margin), so that a patch on the margin is 95 % sure; a class's probability goes as the product of its
    votes. Where objects have several classes, each has a machine of its own against the rest, and its σ(3 · margin).
    """
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(table), np.float64)
    margins = _SLOPE * np.asarray(estimator.decision_function(table), np.float64)
    if getattr(estimator.named_steps["classify"], "multilabel_", False):
        return np.asarray(np.exp(-np.logaddexp(0, -margins)))
    classes = len(estimator.classes_)
    # With two classes scikit-learn's margin speaks for the second, with more for the first of a pair.
    margins = -margins[:, None] if margins.ndim == 1 else margins
    votes = np.zeros((len(table), classes))
    for number, (one, other) in enumerate(combinations(range(classes), 2)):
        votes[:, one] -= np.logaddexp(0, -margins[:, number])
        votes[:, other] -= np.logaddexp(0, margins[:, number])
    return _softmax(votes)


def _softmax(z: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(z - z.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def rows_of(store: CropStore, recipe: FeatureRecipe) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Yield the features (M, d) of one batch of crops after another, and which crop of the store each row is of."""
    for start in range(0, len(store), CHUNK):
        index = torch.arange(start, min(start + CHUNK, len(store)), device=store.device)
        table, owners = features_of(store, index, recipe)
        yield table, owners + start


def features_of(
    store: CropStore, index: torch.Tensor, recipe: FeatureRecipe
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the features (M, d) of some crops of a store, and which place in ``index`` each row is of.

    A crop as large as a window gives one row; a larger one a row for each of the recipe's windows spread over it.
    """
    owners = torch.arange(len(index))
    if not store.exceeds_size(index):
        return _measured(store.centred(index), recipe), owners.numpy()
    larger = torch.tensor([store.exceeds_size(one[None]) for one in index])
    large, small = index[larger.to(index.device)], index[~larger.to(index.device)]
    found = [store.centred(small), store.grid(large, recipe.windows).flatten(0, 1)]
    owners = torch.cat([owners[~larger], owners[larger].repeat_interleave(recipe.windows)])
    return _measured(torch.cat(found), recipe), owners.numpy()


def _measured(patches: torch.Tensor, recipe: FeatureRecipe) -> NDArray[np.float64]:
    seen = patches[:, recipe.looks_at(patches.shape[1])].cpu().numpy()
    if not recipe.with_size:
        return np.asarray(patch_features(seen).to_numpy(), np.float64)
    table = patch_features(seen[:, :-1]).to_numpy()
    return np.column_stack([table, seen[:, -1].mean(axis=(1, 2))]).astype(np.float64)


def names_of(recipe: FeatureRecipe, channels: int) -> list[str]:
    """Return the names of the features of patches with so many channels, of which the recipe may choose some."""
    of_image = recipe.looks_at(channels)[: -1 if recipe.with_size else None]
    names = feature_names(len(of_image))
    if of_image != [*range(len(of_image))]:
        # Of the chosen channels' names each says the channel of the image.
        names = [re.sub(r"^(patch_)?c(\d+)_", lambda found: _renumbered(found, of_image), name) for name in names]
    return [*names, "object_size"] if recipe.with_size else names


def _renumbered(found: re.Match[str], channels: list[int]) -> str:
    return f"{found[1] or ''}c{channels[int(found[2])]}_"


def predict_features(model: FeatureClassifier, store: CropStore) -> Iterator[NDArray[np.float32]]:
    """Yield the probabilities (B, K) of one batch of crops after another, in the order of the store."""
    model.check(store)
    done = 0
    for table, owners in rows_of(store, model.recipe):
        crops = int(owners.max()) + 1 - done
        yield model.probabilities(table, owners - done, crops)
        done += crops


def save(folder: Path, model: FeatureClassifier) -> Path:
    """Write the classifier (skops) and what it means (JSON) into the run's folder, and return the skops file."""
    import skops.io

    record = {
        "recipe": model.recipe.model_dump(mode="json"),
        "class_names": list(model.class_names),
        "channels": model.channels,
        "features": names_of(model.recipe, model.channels),
        "temperature": model.temperature,
        "thresholds": model.thresholds,
        "meta": model.meta,
    }
    _write(folder / RECORD_FILE, json.dumps(record, indent=1).encode())
    # Last, because this file says that the training is finished.
    return _write(folder / FEATURE_MODEL_FILE, skops.io.dumps(model.estimator))


def load(folder: Path) -> FeatureClassifier:
    """Read a classifier that `save` wrote; nothing is unpickled, and no type is built that is not expected.

    Raises
    ------
    UserError
        If a file is missing or damaged, holds other types than ours, or the features have changed since.
    """
    import skops.io

    path = folder / FEATURE_MODEL_FILE
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        strange = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
        if strange:
            raise UserError(
                f"{path} holds {strange[0]}, which no classifier of this plugin does.", "Use files you trust only."
            )
        estimator = skops.io.load(path, trusted=list(TRUSTED))
        if not all(_sound(tree) for tree in _trees(estimator.named_steps["classify"])):
            raise ValueError("a tree of its forest leads nowhere")
        recipe = classifier_recipe(record["recipe"]["name"], **record["recipe"])
        features, channels = record["features"], int(record["channels"])
        names, temperature = tuple(record["class_names"]), float(record["temperature"])
        limits = record.get("thresholds")
        thresholds = None if limits is None else tuple(float(each) for each in limits)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, BadZipFile) as error:
        raise UserError(f"The classifier in {folder} cannot be read: {error}.", "Train again.") from error
    assert isinstance(recipe, FeatureRecipe)
    if features != names_of(recipe, channels):
        raise UserError(f"The classifier in {folder} was trained on other features than today's.", "Train again.")
    return FeatureClassifier(estimator, temperature, recipe, names, channels, record["meta"], thresholds)


def _trees(classifier: Any) -> Iterator[Any]:
    """Yield the trees of a forest, or of a forest a class."""
    for part in getattr(classifier, "estimators_", []):
        if hasattr(part, "tree_"):
            yield part.tree_
        else:
            yield from _trees(part)


def _sound(tree: Any) -> bool:
    """Return whether a decision tree's nodes lead downwards and read features there are; others could hang or crash."""
    here = np.arange(tree.node_count)
    inner = tree.children_left != -1
    for child in (tree.children_left[inner], tree.children_right[inner]):
        if not ((child > here[inner]) & (child < tree.node_count)).all():
            return False
    return bool(((tree.feature[inner] >= 0) & (tree.feature[inner] < tree.n_features)).all())


def _write(path: Path, content: bytes) -> Path:
    try:
        with replacing(path) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path} could not be written: {error}.", "Free some disk space, then train again.") from error
    return path
