"""What a training is taught: one class a crop, or several.

Labels are classes 0..K-1, int64 (N,), or in a multi-label training 0/1 for each of K classes, int64 (N, K). The number
of axes alone says which; everything that must tell the two apart does it here or by `is_multi_label`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.classify.balance import EVERY_ONCE
from napari_cellsynth.classify.recipe_base import ClassifierRecipe
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import multi_label, scores

Labels = NDArray[np.int64]


def is_multi_label(labels: NDArray[Any]) -> bool:
    """Return whether crops have several classes each."""
    return labels.ndim == 2


def crops_of_classes(labels: Labels, n_classes: int) -> NDArray[np.int64]:
    """Return how many crops each class has, (K,)."""
    if is_multi_label(labels):
        return np.asarray(labels.sum(axis=0, dtype=np.int64))
    return np.bincount(labels, minlength=n_classes)


def one_hot(labels: Labels, n_classes: int) -> Labels:
    """Return classes (N,) as the 0/1 matrix (N, K) in which each crop has that class alone."""
    return np.eye(n_classes, dtype=np.int64)[labels]


def checked_labels(labels: Any, crops: int, n_classes: int) -> Labels:
    """Return labels of so many crops as int64, (N,) or (N, K).

    Raises
    ------
    ValueError
        If their number, shape or range is wrong.
    """
    values = np.asarray(labels, dtype=np.int64)
    if len(values) != crops:
        raise ValueError(f"{crops} crops do not go with {len(values)} labels")
    highest = n_classes - 1
    if is_multi_label(values):
        highest = 1
        if values.shape[1] != n_classes:
            raise ValueError(f"labels of {values.shape[1]} classes do not go with {n_classes} names")
    if values.size and (values.min() < 0 or values.max() > highest):
        raise ValueError(f"labels must be 0..{highest}, not {values.min()}..{values.max()}")
    return values


def suited(recipe: ClassifierRecipe, *, several: bool, asked: bool = True) -> tuple[ClassifierRecipe, list[str]]:
    """Return the recipe as it can learn crops of several classes, and what is to be said of it.

    Parameters
    ----------
    recipe : ClassifierRecipe
        Drawing classes more or less often, or new rows of a class (SMOTE), takes one class a crop.
    several : bool
        Whether crops have several classes; otherwise the recipe is returned as it is.
    asked : bool
        Whether its balance was asked for; one that is only the recipe's default gives way to weights.

    Raises
    ------
    UserError
        If the balance was asked for and takes one class a crop.
    """
    if not several or recipe.balance in EVERY_ONCE:
        return recipe, []
    if asked:
        raise UserError(
            f"balance = {recipe.balance} needs a single-label project: it takes one class a crop.",
            "Choose weights or none.",
        )
    words = f"{recipe.name} balances by weights here: {recipe.balance} takes one class a crop."
    return recipe.model_copy(update={"balance": "weights"}), [words]


def curve_figures(labels: Labels, p: NDArray[Any], thresholds: tuple[float, ...] | None = None) -> dict[str, float]:
    """Return the held-out figures of a training's curves; for several classes accuracy means all of a crop's."""
    if is_multi_label(labels):
        predicted = multi_label.answers(p, thresholds)
        return {
            "held_out_accuracy": scores.accuracy(labels.astype(bool), predicted),
            "held_out_macro_f1": scores.macro_f1(labels, predicted),
            "held_out_loss": multi_label.log_loss(labels, p),
        }
    return {
        "held_out_accuracy": scores.accuracy(labels, p.argmax(axis=1)),
        "held_out_balanced_accuracy": scores.balanced_accuracy(labels, p.argmax(axis=1)),
        "held_out_loss": scores.log_loss(labels, p),
    }


def validation_figures(labels: Labels, p: NDArray[Any]) -> dict[str, float]:
    """Return the validation figures of probabilities (N, K); macro F1 is the mean of the classes' F1."""
    several = is_multi_label(labels)
    predicted = multi_label.answers(p).astype(np.int64) if several else p.argmax(axis=1)
    return {
        "validation_loss": multi_label.log_loss(labels, p) if several else scores.log_loss(labels, p),
        "validation_macro_f1": scores.macro_f1(labels, predicted),
        "validation_micro_f1": scores.micro_f1(labels, predicted),
    }
