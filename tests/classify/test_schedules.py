"""Epochs, growing batches and learning rates, against arithmetic by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES, classifier_recipe
from napari_cellsynth.classify.schedules import epochs_of, learning_rate, steps_in_words


def test_the_protein_papers_batch_doubles_every_15_epochs_up_to_128():
    epochs = epochs_of(classifier_recipe("inception-v4"), 1000)
    assert epochs.batches.tolist() == [32] * 15 + [64] * 15 + [128] * 5
    assert epochs.steps == 15 * 32 + 15 * 16 + 5 * 8  # 1000 crops by 32, 64 and 128
    assert (epochs.of(0), epochs.of(31), epochs.of(32), epochs.of(15 * 32)) == (0, 0, 1, 15)
    longer = epochs_of(classifier_recipe("vgg16"), 1000)
    assert longer.batches.tolist() == [32] * 15 + [64] * 15 + [128] * 20
    assert np.diff(np.insert(longer.batch_of_every_step().cumsum()[longer.ends - 1], 0, 0)).min() >= 1000


def test_the_sequential_cnn_takes_50_times_256_steps_whatever_the_crops():
    for crops in (40, 5000):
        epochs = epochs_of(classifier_recipe("sequential"), crops)
        assert epochs.steps == 12_800 and epochs.ends[:2].tolist() == [256, 512]


def test_a_batch_is_never_larger_than_the_set():
    epochs = epochs_of(classifier_recipe("resnet50"), 40)
    assert set(epochs.batches.tolist()) == {32, 40}


def test_without_doubling_steps_are_epochs_times_batches_and_at_least_the_least():
    assert epochs_of(classifier_recipe("hescnet"), 1000).steps == 200 * 16
    short = epochs_of(classifier_recipe("fast", least_steps=100, epochs=2, batch=8), 100)
    assert short.ends.tolist() == [13, 26, 39, 52, 65, 78, 91, 100]


def test_an_exponential_rate_follows_the_papers_formula():
    recipe = classifier_recipe("densenet121")
    rates = [learning_rate(recipe, 0, 1000, epoch) for epoch in (0, 1, 34)]
    assert rates == pytest.approx([5e-4, 5e-4 * math.exp(-0.01), 5e-4 * math.exp(-0.34)])


@pytest.mark.parametrize("name", [n for n, kind in CLASSIFIER_RECIPES.items() if issubclass(kind, NetworkRecipe)])
def test_no_rate_exceeds_the_recipes_and_all_are_above_nothing(name):
    recipe = classifier_recipe(name)
    rates = [learning_rate(recipe, step, 500, step // 20) for step in range(500)]
    assert min(rates) > 0 and max(rates) <= recipe.lr


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 20, "epoch_steps": 25, "least_steps": 1}, "500 steps (20 epochs of 25)"),
        ({"epochs": 1, "epoch_steps": 0, "batch": 10, "least_steps": 1}, "10 steps (1 epoch of 10)"),
        ({"epochs": 4, "batch": 50, "least_steps": 300}, "300 steps (least_steps; 4 epochs would be 8)"),
        # 100 crops in batches of 10, then of 20: 10 + 10 + 5 + 5 steps, no one number an epoch.
        (
            {"epochs": 4, "batch": 10, "doubling": 2, "greatest_batch": 20, "least_steps": 1},
            "30 steps (4 epochs)",
        ),
    ],
)
def test_what_decides_the_number_of_steps_is_told_in_words(changes: dict[str, int], words: str) -> None:
    assert steps_in_words(CLASSIFIER_RECIPES["fast"](**changes), 100) == words
