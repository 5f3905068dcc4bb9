import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES, classifier_recipe
from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.recipes import GAN_RECIPES
from napari_cellsynth.widgets.recipe_picker import RecipePicker

pytestmark = pytest.mark.gui


@pytest.fixture
def picker(qtbot):
    made = RecipePicker(CLASSIFIER_RECIPES)
    qtbot.addWidget(made)
    return made


@pytest.mark.parametrize("recipes", [CLASSIFIER_RECIPES, GAN_RECIPES])
def test_every_recipe_can_be_chosen_and_differs_in_nothing_at_first(recipes, qtbot):
    picker = RecipePicker(recipes)
    qtbot.addWidget(picker)
    for name in recipes:
        picker.recipe.setCurrentText(name)
        assert picker.name() == name
        assert picker.overrides() == {}
        assert picker.value() == recipes[name]()


def test_only_what_was_changed_is_an_override(picker):
    picker.recipe.setCurrentText("fast")
    picker.form.editor("epochs").setValue(7)
    picker.size_box.setCurrentIndex(picker.size_box.findData(32))
    assert picker.overrides() == {"epochs": 7, "size": 32}


def test_a_groups_overrides_name_its_changed_fields_only_and_make_the_same_recipe(picker):
    picker.recipe.setCurrentText("fast")
    picker.form.editor("augmentation.rotation").setText("0.5")
    assert picker.overrides() == {"augmentation": {"rotation": 0.5}}
    assert classifier_recipe("fast", **picker.overrides()) == picker.value()
    assert picker.value().augmentation.quarter_turn == 1


def test_an_invalid_field_is_a_problem_and_no_value(picker):
    picker.form.editor("lr").setText("-1")
    assert "lr" in picker.problem()
    with pytest.raises(UserError):
        picker.overrides()


def test_a_runs_settings_can_be_put_in_again(picker):
    values = CLASSIFIER_RECIPES["hescnet"](epochs=3, size=128).model_dump()
    picker.setValue("hescnet", values)
    assert picker.name() == "hescnet"
    assert picker.overrides() == {"epochs": 3, "size": 128}


def test_a_run_of_an_older_version_can_be_put_in_again(picker):
    values = CLASSIFIER_RECIPES["fast"](epochs=3).model_dump()
    del values["augmentation"]
    picker.setValue("fast", values | {"shift": 0, "quarter_turns": True})
    assert picker.overrides() == {"epochs": 3, "augmentation": {"shift": 0.0, "shift_share": 0.0}}
