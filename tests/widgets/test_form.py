from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, model_validator
from qtpy.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox, QToolButton

from napari_cellsynth.errors import UserError
from napari_cellsynth.widgets.form import ModelForm, explained

pytestmark = pytest.mark.gui


class Recipe(BaseModel):
    steps: int = Field(100, ge=1, le=1000, description="Training steps.")
    lr: float = Field(2e-4, gt=0, description="Learning rate.")
    fit: Literal["window", "whole"] = "window"
    flips: bool = True
    flat: float | None = Field(None, gt=0)
    images: list[int] | None = None

    @model_validator(mode="after")
    def check(self) -> Recipe:
        if self.fit == "whole" and self.steps > 500:
            raise ValueError("whole crops train at most 500 steps")
        return self


@pytest.fixture
def form(qtbot: Any) -> ModelForm:
    made = ModelForm(Recipe, advanced=("lr", "flat"))
    qtbot.addWidget(made)
    return made


def test_each_field_has_the_editor_of_its_type_with_its_range_and_description(form: ModelForm) -> None:
    steps = form.editor("steps")
    assert isinstance(steps, QSpinBox) and (steps.minimum(), steps.maximum()) == (1, 1000)
    assert steps.toolTip() == "Training steps." and steps.objectName() == "steps"
    assert isinstance(form.editor("lr"), QLineEdit)
    assert isinstance(form.editor("fit"), QComboBox)
    assert isinstance(form.editor("flips"), QCheckBox)


def test_the_value_goes_round_and_fields_without_an_editor_keep_theirs(form: ModelForm) -> None:
    value = Recipe(steps=7, lr=1e-3, fit="whole", flips=False, flat=50.0, images=[1, 2])
    form.setValue(value)
    assert form.value() == value


def test_a_change_is_announced_as_the_new_model(form: ModelForm, qtbot: Any) -> None:
    with qtbot.waitSignal(form.valueChanged) as caught:
        form.editor("flips").setChecked(False)
    assert caught.args[0] == Recipe(flips=False)


def test_a_wrong_field_is_marked_and_named_until_it_is_mended(form: ModelForm, qtbot: Any) -> None:
    line = form.editor("lr")
    with qtbot.waitSignal(form.problemChanged) as caught:
        line.setText("-1")
    assert "lr" in caught.args[0]
    assert line.property("invalid") and "greater than 0" in line.toolTip()
    with pytest.raises(UserError, match="lr"):
        form.value()
    line.setText("fast")
    assert "“fast” is not a number" in form.problem()
    line.setText("0.001")
    assert form.problem() == "" and not line.property("invalid") and line.toolTip() == "Learning rate."


def test_fields_that_do_not_go_together_are_said_too(form: ModelForm) -> None:
    form.setValue({"steps": 900, "fit": "whole"})
    assert "at most 500 steps" in form.problem()


def test_an_empty_optional_field_means_none(form: ModelForm) -> None:
    form.setValue({"flat": 30.0})
    form.editor("flat").setText("")
    assert form.value().flat is None


def test_advanced_fields_are_folded_until_the_person_unfolds_them(form: ModelForm) -> None:
    form.show()
    assert not form.editor("lr").isVisible() and form.editor("steps").isVisible()
    form.fold.toggle.click()
    assert form.editor("lr").isVisible()


def test_a_changed_default_keeps_the_description_of_the_field_it_changes() -> None:
    class Base(BaseModel):
        rate: float = Field(0.1, description="how fast")
        plain: int = 1

    class Quick(Base):
        rate: float = 0.5

    assert explained(Quick, "rate") == "how fast"
    assert explained(Quick, "plain") == "plain"


def test_every_field_of_every_recipe_is_explained() -> None:
    from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES
    from napari_cellsynth.synthesis.recipes import GAN_RECIPES

    kinds = [*CLASSIFIER_RECIPES.values(), *GAN_RECIPES.values()]
    told = {(kind.__name__, name): explained(kind, name) for kind in kinds for name in kind.model_fields}
    silent = [place for place, words in told.items() if words == place[1] and place[1] not in ("name", "source")]
    assert silent == []


class Inner(BaseModel):
    rate: float = Field(0.25, ge=0, le=1, description="How often.")
    times: int = Field(3, ge=1, le=9)


class Outer(BaseModel):
    steps: int = 5
    inner: Inner = Inner(times=4)


@pytest.fixture
def grouped(qtbot: Any) -> ModelForm:
    made = ModelForm(Outer)
    qtbot.addWidget(made)
    return made


def test_a_nested_model_is_a_folded_group_under_dotted_names(grouped: ModelForm) -> None:
    rate = grouped.editor("inner.rate")
    assert rate.objectName() == "inner.rate" and rate.toolTip() == "How often."
    fold = grouped.findChild(QToolButton, "inner")
    assert fold.text() == "inner" and grouped.editor("inner").isHidden()
    fold.click()
    assert not grouped.editor("inner").isHidden()
    assert grouped.value() == Outer()  # the field's own default, not its model's


def test_a_groups_values_go_round_whole_and_in_parts(grouped: ModelForm, qtbot: Any) -> None:
    value = Outer(steps=7, inner=Inner(rate=0.5, times=9))
    with qtbot.waitSignal(grouped.valueChanged):
        grouped.setValue(value)
    assert grouped.value() == value
    grouped.setValue({"inner": {"rate": 1.0}})
    assert grouped.value() == Outer(steps=7, inner=Inner(rate=1.0, times=9))


def test_a_change_in_a_group_is_announced_and_a_wrong_value_is_marked_where_it_is(
    grouped: ModelForm, qtbot: Any
) -> None:
    with qtbot.waitSignal(grouped.valueChanged) as caught:
        grouped.editor("inner.times").setValue(2)
    assert caught.args[0] == Outer(inner=Inner(times=2))
    with qtbot.waitSignal(grouped.problemChanged) as caught:
        grouped.editor("inner.rate").setText("7")
    assert caught.args[0].startswith("inner: rate: ")
    assert grouped.editor("inner.rate").styleSheet() and not grouped.editor("steps").styleSheet()
    with pytest.raises(UserError, match="inner: rate"):
        grouped.value()
    with qtbot.waitSignal(grouped.problemChanged) as caught:
        grouped.editor("inner.rate").setText("1")
    assert caught.args[0] == ""
