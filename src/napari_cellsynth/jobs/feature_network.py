"""The network that scores synthetic patches: trained on a project's training crops, once for a state of its labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Progress, Stop
from napari_cellsynth.imaging.crop import intensity_range, to_unit
from napari_cellsynth.jobs.gan_patches import window
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord

if TYPE_CHECKING:
    from napari_cellsynth.evaluate.fold_network import FoldNetwork

LEAST = 5
"""Training crops that a class needs to be learned."""
_MOST = 300
_WINDOWS = 3
"""Patches that are taken out of every crop where a patch is only a window of it."""
_SEED = 0
_FORM = 1
"""Counts changes of what is trained, so that files of older versions are not taken up."""


def feature_network(
    project: Project, run: RunRecord, stop: Stop
) -> Generator[Progress, None, tuple[FoldNetwork | None, str]]:
    """Return the network for patches of a run's size and cut; it is trained where no run's folder holds it yet.

    It learns from labelled crops of one class outside of the held-out groups alone. All runs of one state of the labels
    share it, so that their figures can be compared.

    Returns
    -------
    FoldNetwork or None
        None where there is nothing to learn, or the user has asked to stop.
    str
        Why there is none, else empty.
    """
    from napari_cellsynth.evaluate.fold_network import FoldNetwork, steps

    table = project.of_one_class(project.training_objects())
    counts = table["class_id"].value_counts()
    names = {record.id: record.name for record in project.classes() if counts.get(record.id, 0) >= LEAST}
    if len(names) < 2:
        return None, f"No network is trained for the features: it needs two classes with {LEAST} training crops each."
    chosen = _chosen(table, list(names))
    recipe = run.parameters["recipe"]
    file = f"network-{_key(chosen, names, recipe)}.safetensors"
    if known := next((project.path / "runs").glob(f"*/quality/{file}"), None):
        return FoldNetwork.load(known), ""
    try:
        crops = project.crops(chosen.index.tolist(), size=recipe["size"], fit=recipe["fit"])
    except UserError as error:
        return None, f"No network is trained for the features: {error.message}"
    low, high = intensity_range(crops)
    network = FoldNetwork(len(low), list(names.values()), seed=_SEED, low=low, high=high)
    patches, labels = _windows(crops, chosen["class_id"].map(list(names).index).to_numpy(), recipe)
    total = steps(len(patches))
    for done in network.learn(to_unit(patches, low, high), labels):
        if stop():
            return None, "Stopped."
        yield Progress(done, total, "steps", "training the network that scores")
    network.save(run.folder / "quality" / file)
    return network, ""


def _chosen(table: pd.DataFrame, classes: list[int]) -> pd.DataFrame:
    """Return at most `_MOST` objects of each class, always the same ones."""
    generator = np.random.default_rng(_SEED)
    parts = [table[table["class_id"] == class_id].sort_index() for class_id in classes]
    return pd.concat([part.iloc[np.sort(generator.permutation(len(part))[:_MOST])] for part in parts])


def _windows(
    crops: list[NDArray[Any]], labels: NDArray[np.int64], recipe: dict[str, Any]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    generator = np.random.default_rng(_SEED)
    repeats = _WINDOWS if recipe["fit"] == "window" else 1
    patches = [window(crop, recipe["size"], generator) for crop in crops for _ in range(repeats)]
    return np.stack(patches), np.repeat(labels, repeats)


def _key(chosen: pd.DataFrame, names: dict[int, str], recipe: dict[str, Any]) -> str:
    """Return what tells one network from another: crops, labels, and how patches are cut."""
    state = [_FORM, chosen.index.tolist(), chosen["class_id"].tolist(), names, recipe["size"], recipe["fit"]]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16]
