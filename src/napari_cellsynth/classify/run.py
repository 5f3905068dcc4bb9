"""Train a classifier on arrays, without a project."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.classify.batches import Mode
from napari_cellsynth.classify.predict import AnyClassifier, load
from napari_cellsynth.classify.recipe_base import CUTTING, ClassifierRecipe
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.classify.targets import suited
from napari_cellsynth.classify.train import train
from napari_cellsynth.classify.validation import calibrating_part, validation_part
from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished
from napari_cellsynth.training.device import pick_device
from napari_cellsynth.training.loader import CropStore

Patches = NDArray[np.float32]


@dataclass(frozen=True)
class ClassifierRun:
    """A finished training: its folder, its result (see `train.train`) and the classifier."""

    folder: Path
    result: dict[str, Any]
    model: AnyClassifier


def train_classifier(
    patches: Patches,
    labels: Sequence[Any],
    recipe: str | ClassifierRecipe = "fast",
    *,
    synthetic: tuple[Patches, Sequence[Any]] | None = None,
    mode: Mode = "mixed",
    held_out: tuple[Patches, Sequence[Any]] | None = None,
    groups: ArrayLike | None = None,
    groups_held_out: ArrayLike | None = None,
    seed: int = 0,
    device: str = "auto",
    out: Path | str | None = None,
    **overrides: Any,
) -> ClassifierRun:
    """Train a classifier on real patches, with or without synthetic ones.

    Parameters
    ----------
    patches : ndarray of float32, shape (N, C, S, S)
        Real patches in [-1, 1].
    labels : sequence, length N
        Their classes, of any sortable type; the sorted distinct labels are the classes. Or of each patch a tuple, list
        or set of classes, for a multi-label classifier; synthetic and held-out labels are then given in the same way.
    recipe : str or ClassifierRecipe
        A recipe or its name.
    synthetic : (ndarray, sequence), optional
        Synthetic patches and their classes.
    mode : {"mixed", "pretrained", "real"}
        What to do with them.
    held_out : (ndarray, sequence), optional
        Real patches of other groups and their classes, for the scores.
    groups : array_like, optional
        The groups of the training patches. Where there are enough, a tenth calibrates the probabilities and is not
        learned from (`validation.calibrating_part`), and recipes that choose an epoch by a part of them set whole
        groups aside; classical ones are calibrated by folds of them. Without groups every patch is one of its own
        for the choice of an epoch, and a network's probabilities are as they come.
    groups_held_out : array_like, optional
        The groups of the held-out patches, for intervals.
    seed : int
        Fixes everything random.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.
    out : path, optional
        The run's folder; by default a new temporary one.
    **overrides
        Settings of the recipe to replace, when it is given by name.

    Returns
    -------
    ClassifierRun

    Raises
    ------
    UserError
        See `train.train`; also if held-out or synthetic labels are of no class of the training.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_cellsynth as cs
    >>> patches = np.random.default_rng(0).uniform(-1, 1, (24, 1, 32, 32)).astype(np.float32)
    >>> patches[::2] /= 4  # every other one has little contrast
    >>> trained = cs.train_classifier(patches, ["flat", "rough"] * 12, "logistic", device="cpu")
    >>> trained.model.class_names
    ('flat', 'rough')
    """
    named = isinstance(recipe, str)
    if isinstance(recipe, str):
        size = {"size": int(patches.shape[-1])} if patches.ndim == 4 else {}
        recipe = classifier_recipe(recipe, **{**size, **overrides})
    elif overrides:
        raise UserError("A recipe that is given whole cannot be overridden.", "Give its name, or change the recipe.")
    if others := [name for name, value in CUTTING.items() if getattr(recipe, name) != value]:
        raise UserError(f"'{others[0]}' says how crops are cut; these patches are ready.", "Cut them in that way.")
    where = pick_device(device)
    several = _is_several(labels)
    recipe, _ = suited(recipe, several=several, asked=not named or "balance" in overrides)
    names = sorted({each for of in labels for each in of} if several else set(np.asarray(labels).tolist()))

    def part(images: Patches, values: Sequence[Any]) -> tuple[CropStore, NDArray[np.int64]]:
        return CropStore.from_patches(images, where), _codes(values, names, several)

    folder = Path(tempfile.mkdtemp(prefix="cellsynth-")) if out is None else Path(out)
    codes = _codes(labels, names, several)
    if len(codes) != len(patches):
        raise ValueError(f"{len(patches)} patches do not go with {len(codes)} labels")
    judging = validation_part(recipe, np.arange(len(codes)) if groups is None else groups, codes, seed)
    calibrating = calibrating_part(recipe, judging, groups, codes, seed)
    apart = judging | calibrating

    def chosen(mask: NDArray[np.bool_]) -> tuple[CropStore, NDArray[np.int64]] | None:
        return (CropStore.from_patches(patches[mask], where), codes[mask]) if mask.any() else None

    *_, last = train(
        CropStore.from_patches(patches[~apart], where),
        codes[~apart],
        [str(name) for name in names],
        recipe,
        folder,
        synthetic=None if synthetic is None else part(*synthetic),
        mode=mode,
        validation=chosen(judging),
        held_out=None if held_out is None else part(*held_out),
        groups=None if groups is None else np.asarray(groups)[~apart],
        groups_held_out=groups_held_out,
        calibration=chosen(calibrating),
        seed=seed,
        device=where,
    )
    assert isinstance(last, Finished)  # nobody can stop this training
    return ClassifierRun(folder, last.result, load(folder, where))


def _is_several(labels: Sequence[Any]) -> bool:
    """Return whether labels are collections of classes; an array's rows of numbers are not."""
    return any(isinstance(each, tuple | list | set | frozenset) for each in labels)


def _codes(labels: Sequence[Any], names: list[Any], several: bool) -> NDArray[np.int64]:
    """Return the position of every label in the classes, or 0/1 for each class."""
    place = {name: number for number, name in enumerate(names)}
    if several != _is_several(labels) and len(labels):
        raise UserError(
            "Some labels are single classes and some are collections of classes.", "Give all labels in one way."
        )
    values = [each for of in labels for each in of] if several else np.asarray(labels).tolist()
    strangers = sorted({str(value) for value in values if value not in place})
    if strangers:
        raise UserError(
            f"No training patch has the label {strangers[0]}.",
            "Leave these patches out, or label some for training.",
        )
    if not several:
        return np.array([place[value] for value in values], dtype=np.int64)
    matrix = np.zeros((len(labels), len(names)), np.int64)
    for row, of in enumerate(labels):
        matrix[row, [place[each] for each in of]] = 1
    return matrix
