"""What a training learns from, chooses by and is tested on, looked over before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from napari_cellsynth.classify.batches import Mode, Part
from napari_cellsynth.classify.model import check_patches
from napari_cellsynth.classify.recipe_base import ClassifierRecipe, NetworkRecipe
from napari_cellsynth.classify.targets import checked_labels, crops_of_classes, is_multi_label, suited
from napari_cellsynth.errors import UserError
from napari_cellsynth.training.loader import CropStore

Labelled = tuple[CropStore, NDArray[Any]]


@dataclass(frozen=True)
class LearningSets:
    """What a training learns from, chooses by and is tested on, and what the user should know of it."""

    learned: list[Part]
    validation: Part | None
    held_out: Part | None
    notices: list[str]


def checked(
    real: Labelled,
    class_names: Sequence[str],
    recipe: ClassifierRecipe,
    *,
    synthetic: Labelled | None,
    mode: Mode,
    validation: Labelled | None,
    held_out: Labelled | None,
) -> LearningSets:
    """Return the sets of a training.

    Raises
    ------
    UserError
        On what cannot work: one class, a class without crops, patches that do not match, nothing to pretrain on,
        nothing to choose an epoch by.
    """
    k = len(class_names)
    if k < 2:
        raise UserError("A classifier needs at least two classes.", "Label crops of a second class.")
    parts = [_part(*real, k, False)]
    suited(recipe, several=is_multi_label(parts[0].labels))
    counts = crops_of_classes(parts[0].labels, k)
    empty = [class_names[i] for i in range(k) if counts[i] == 0]
    if empty:
        raise UserError(
            f"{', '.join(empty)} has no crop to learn from.",
            "Label some in images that are not held out, or leave the class out.",
        )
    channels = real[0].channels
    check_patches(real[0], channels, recipe.size, f"The recipe '{recipe.name}' takes")
    notices = [f"{class_names[i]} has a single training crop." for i in range(k) if counts[i] == 1]
    if mode == "pretrained" and (synthetic is None or not len(synthetic[1])):
        raise UserError("There are no synthetic patches to pretrain on.", "Generate some, or choose another mode.")
    if synthetic is not None and len(synthetic[1]) and mode != "real":
        check_patches(synthetic[0], channels, recipe.size, "The real crops give")
        parts.append(_part(*synthetic, k, True))

    def judging(labelled: Labelled | None) -> Part | None:
        if labelled is None or not len(labelled[1]):
            return None
        check_patches(labelled[0], channels, recipe.size, "The classifier is trained on")
        return _part(*labelled, k, False)

    validating, tested = judging(validation), judging(held_out)
    chooses = isinstance(recipe, NetworkRecipe) and recipe.validates
    if isinstance(recipe, NetworkRecipe) and chooses and validating is None:
        raise UserError(
            f"keep = {recipe.keep} with patience = {recipe.patience} chooses by validation crops, and there are none.",
            "Label crops in more groups, or keep the last epoch without patience.",
        )
    if tested is None:
        notices.append("No crops are held out, so nothing says how good the classifier is.")
    return LearningSets(parts, validating if chooses else None, tested, notices)


def _part(store: CropStore, labels: NDArray[Any], k: int, is_synthetic: bool) -> Part:
    return Part(store, checked_labels(labels, len(store), k), is_synthetic)
