"""Calibrated class probabilities of crops: batched, averaged over windows and, by some recipes, flips and turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.classify import ensemble, feature_model, model
from napari_cellsynth.classify.ensemble import Ensemble
from napari_cellsynth.classify.feature_model import FeatureClassifier
from napari_cellsynth.classify.model import Classifier
from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.evaluate.calibration import fit_temperature, tempered
from napari_cellsynth.evaluate.multi_label import choose_thresholds
from napari_cellsynth.events import Stop, never
from napari_cellsynth.training.device import autocast_dtype, pick_device
from napari_cellsynth.training.loader import CropStore

__all__ = ["calibrated", "load", "predict", "predict_batches", "probabilities"]

_BATCH = 64


AnyClassifier = Classifier | FeatureClassifier
"""A trained network, or a classical classifier."""


def trained_file(folder: Path) -> Path | None:
    """Return the file that holds a run's trained classifier, None where there is none yet."""
    files = (folder / model.MODEL_FILE, folder / feature_model.FEATURE_MODEL_FILE)
    return next((path for path in files if path.is_file()), None)


def load(folder: Path | str, device: torch.device | str = "cpu") -> AnyClassifier:
    """Read a trained classifier of any recipe out of its run's folder.

    Parameters
    ----------
    folder : path
        The run's folder.
    device : torch.device or str
        Where to put a network's weights; classical classifiers compute on the CPU.

    Raises
    ------
    UserError
        If there is no finished classifier in the folder, or it is damaged.
    """
    if (Path(folder) / feature_model.FEATURE_MODEL_FILE).is_file():
        return feature_model.load(Path(folder))
    return ensemble.load(Path(folder), device)


def predict(
    model: AnyClassifier | Path | str,
    patches: CropStore | NDArray[np.float32],
    *,
    device: torch.device | str = "auto",
    stop: Stop = never,
) -> NDArray[np.float32]:
    """Return the class probabilities of patches.

    Parameters
    ----------
    model : Classifier, FeatureClassifier or path
        A loaded classifier, or the folder of its run.
    patches : CropStore or ndarray of float32, shape (N, C, S, S)
        Crops, or ready patches in [-1, 1].
    device : torch.device or str
        Where to compute when ``model`` is a folder; a loaded classifier stays where it is.
    stop : callable
        Polled once a batch.

    Returns
    -------
    ndarray of float32, shape (N, K)
        At the classifier's temperature. Rows sum to one, but for a classifier that gives an object several classes
        (its ``thresholds`` say from which probability on). When stopped, only the rows that are done (fewer than N).

    Raises
    ------
    UserError
        If there is no classifier in the folder, or it was trained on other channels or another size.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_cellsynth as cs
    >>> patches = np.random.default_rng(0).uniform(-1, 1, (24, 1, 32, 32)).astype(np.float32)
    >>> patches[::2] /= 4
    >>> trained = cs.train_classifier(patches, ["flat", "rough"] * 12, "logistic", device="cpu")
    >>> cs.predict(trained.folder, patches[:2], device="cpu").argmax(axis=1)
    array([0, 1])
    """
    classifier = load(model, _device(device)) if isinstance(model, (Path, str)) else model
    store = patches
    if not isinstance(store, CropStore):
        store = CropStore.from_patches(np.ascontiguousarray(store, dtype=np.float32), classifier.device)
    done = list(predict_batches(classifier, store, stop=stop))
    if not done:
        return np.zeros((0, len(classifier.class_names)), np.float32)
    return np.concatenate(done)


def predict_batches(
    model: AnyClassifier, store: CropStore, *, stop: Stop = never, batch: int = _BATCH
) -> Iterator[NDArray[np.float32]]:
    """Yield the probabilities (B, K) of one batch of crops after another, until done or stopped."""
    model.check(store)
    if isinstance(model, FeatureClassifier):
        for found in feature_model.predict_features(model, store):
            if stop():
                return
            yield found
        return
    model.network.eval()
    for start in range(0, len(store), batch):
        if stop():
            return
        index = torch.arange(start, min(start + batch, len(store)), device=store.device)
        several = model.thresholds is not None
        p = probabilities(model.network, store, index, model.recipe, several=several).float().cpu().numpy()
        p = model.mean(p, store, index) if isinstance(model, Ensemble) else p
        yield p if model.temperature == 1.0 else tempered(p, model.temperature).astype(np.float32)


def calibrated(model: Classifier, store: CropStore, labels: NDArray[np.int64], *, stop: Stop = never) -> Classifier:
    """Return the classifier at the temperature, or the thresholds, that suit crops which it did not learn from.

    Parameters
    ----------
    model : Classifier
        Trained on other crops.
    store : CropStore
        N real crops, of groups that are not held out either.
    labels : ndarray of int, shape (N,) or (N, K)
        Their labels (`targets`).
    stop : callable
        Polled once a batch; when it stops early, the crops so far are taken.
    """
    raw = np.concatenate(
        [
            np.zeros((0, len(model.class_names)), np.float32),
            *predict_batches(replace(model, temperature=1.0), store, stop=stop),
        ]
    )
    if model.thresholds is not None:
        return replace(model, thresholds=tuple(choose_thresholds(labels[: len(raw)], raw)))
    return replace(model, temperature=fit_temperature(raw, labels[: len(raw)]))


@torch.no_grad()
def probabilities(
    network: torch.nn.Module, store: CropStore, index: torch.Tensor, recipe: NetworkRecipe, *, several: bool = False
) -> torch.Tensor:
    """Return the probabilities (B, K) of some crops of a store before calibration, float32 on the network's device.

    They are a softmax over the classes, or a sigmoid for each where crops have ``several``.
    """
    device = next(network.parameters()).device
    windows = store.grid(index, recipe.windows if store.exceeds_size(index) else 1)
    b, k = windows.shape[:2]
    x = windows.flatten(0, 1).to(device, memory_format=torch.channels_last)
    # Several windows of an object are several looks at it already; a single one is looked at from all eight sides.
    views = list(symmetries(x)) if recipe.symmetries and k == 1 else [x]
    amp = autocast_dtype(device)
    total = torch.zeros((), device=device)
    with torch.autocast(device.type, dtype=amp, enabled=amp is not None):
        for view in views:
            logits = network(view).float()
            total = total + (logits.sigmoid() if several else logits.softmax(dim=1))
    return (total / len(views)).view(b, k, -1).mean(dim=1)


def symmetries(x: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the 8 flips and quarter turns of square patches (N, C, S, S), the patches themselves first."""
    for flipped in (x, x.flip(-1)):
        for turns in range(4):
            yield torch.rot90(flipped, turns, (-2, -1))


def _device(device: torch.device | str) -> torch.device:
    return device if isinstance(device, torch.device) else pick_device(device)
