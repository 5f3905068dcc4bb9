from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from napari_cellsynth.classify.balance import class_weights
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES, classifier_recipe, parameter_count
from napari_cellsynth.errors import UserError
from napari_cellsynth.training.augmentation import STRONG, Augmentation


def test_hescnets_recipe_is_the_papers():
    recipe = classifier_recipe("hescnet")
    assert (recipe.size, recipe.lr, recipe.weight_decay, recipe.epochs) == (64, 0.005, 1e-4, 200)
    assert recipe.fit == "auto" and not recipe.augment_synthetic and recipe.balance == "none"
    assert "momentum" in recipe.source


def test_every_recipe_knows_its_name_and_source():
    for name, kind in CLASSIFIER_RECIPES.items():
        assert kind().name == name and kind().source


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("vgg99", {}, "no classifier recipe 'vgg99'. There are: fast, best, hescnet"),
        ("fast", {"gamma": 0.9}, "no setting 'gamma'"),
        ("fast", {"lr": -1}, "lr = -1 does not suit"),
        ("fast", {"size": 8}, "greater than or equal to 16"),
        ("fast", {"name": "other"}, "no setting 'name'"),
        ("hescnet", {"size": 16}, "greater than or equal to 32"),
    ],
)
def test_unknown_names_and_values_out_of_range_are_refused_in_words(name, overrides, words):
    with pytest.raises(UserError) as caught:
        classifier_recipe(name, **overrides)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", [name for name, kind in CLASSIFIER_RECIPES.items() if "timm" not in kind.family])
def test_the_listed_parameters_are_those_of_the_network(name):
    assert CLASSIFIER_RECIPES[name].parameters == parameter_count(classifier_recipe(name), channels=3, classes=4)


@pytest.mark.parametrize("name", CLASSIFIER_RECIPES)
def test_a_recorded_recipe_can_be_read_back(name):
    recipe = classifier_recipe(name, size=128)
    assert classifier_recipe(name, **recipe.model_dump(mode="json")) == recipe


def test_what_older_runs_say_of_their_augmentation_is_understood():
    old = {"size": 48, "shift": 6, "quarter_turns": True}
    made = classifier_recipe("hescnet", **old).augmentation
    assert made == Augmentation(quarter_turn=1, shift=1, shift_share=6 / 48)
    assert round(made.shift_share * 48) == 6
    still = classifier_recipe("fast", shift=0, quarter_turns=False).augmentation
    assert (still.shift, still.quarter_turn, still.horizontal_flip, still.vertical_flip) == (0, 0, 0.5, 0.5)


def test_an_augmentation_is_changed_in_parts_or_taken_by_name():
    assert classifier_recipe("fast", augmentation={"rotation": 0.5}).augmentation == Augmentation(
        quarter_turn=1, shift=1, rotation=0.5
    )
    assert classifier_recipe("fast", augmentation="strong").augmentation == STRONG
    with pytest.raises(UserError, match=r"augmentation\.rotation = 2 does not suit"):
        classifier_recipe("fast", augmentation={"rotation": 2})


def test_steps_come_from_the_real_crops_and_small_sets_get_enough_of_them():
    recipe = classifier_recipe("fast")
    assert recipe.steps(1400) == 40 * 44
    assert recipe.steps(20) == recipe.least_steps == 300
    assert classifier_recipe("hescnet").steps(1000) == 200 * 16


def test_class_weights_equal_scikit_learns_balanced_ones():
    labels = np.repeat([0, 1, 2], [50, 5, 20])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights(labels, 3), expected, rtol=1e-6)
    assert class_weights(labels, 3)[labels].mean() == pytest.approx(1)
    assert class_weights(labels, 4)[3] == 0
    assert class_weights(labels, 3, "none").tolist() == [1, 1, 1]


def test_recipes_and_scores_can_be_read_without_torch():
    code = (
        "import sys, napari_cellsynth.classify.recipes, napari_cellsynth.classify.balance, "
        "napari_cellsynth.evaluate.summary, napari_cellsynth.evaluate.splits, napari_cellsynth.evaluate.report; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("given", "kept"), [(3, "3"), ([0, 2], "0,2"), ("0,2", "0,2"), ("", "")])
def test_channels_may_be_given_as_a_number_a_list_or_text(given, kept):
    assert classifier_recipe("fast", channels=given).channels == kept
