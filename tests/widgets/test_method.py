from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest

from napari_cellsynth.imaging import segmenters
from napari_cellsynth.widgets.method import MethodPicker

pytestmark = pytest.mark.gui


def foreign(image: np.ndarray, diameter: float = 30.0, invert: bool = False) -> np.ndarray:
    return (image > diameter).astype(int)


@pytest.fixture
def picker(monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> MethodPicker:
    """As if one package offered a segmenter, and another one that cannot be loaded."""
    points = [EntryPoint(name, f"{__name__}:{name}", "napari_cellsynth.segmenters") for name in ("foreign", "gone")]
    monkeypatch.setattr(segmenters.plugged, "named", lambda group: points)
    segmenters.segmenter.cache_clear()
    made = MethodPicker()
    qtbot.addWidget(made)
    made.show()
    yield made
    segmenters.segmenter.cache_clear()


def choose(picker: MethodPicker, name: str) -> None:
    picker.method.setCurrentIndex(picker.method.findData(name))


def test_the_built_in_method_is_chosen_and_what_is_not_installed_is_told(picker: MethodPicker) -> None:
    assert picker.is_entropy and picker.value().method == "entropy" and picker.form.isVisible()
    assert "Cellpose is not installed (pip install cellpose)." in picker.method.toolTip()


def test_another_method_brings_its_own_form_and_no_live_preview(picker: MethodPicker) -> None:
    told = []
    picker.valueChanged.connect(told.append)
    choose(picker, "foreign")
    assert not picker.form.isVisible() and picker.no_preview.isVisible()
    picker._other.setValue({"diameter": 12.0})
    assert (told[-1].method, told[-1].options) == ("foreign", {"diameter": 12.0, "invert": False})
    choose(picker, "entropy")
    assert picker.form.isVisible() and picker.value().options == {}


def test_a_wrong_value_and_a_method_that_cannot_be_loaded_are_problems(picker: MethodPicker) -> None:
    choose(picker, "foreign")
    picker._other.editor("diameter").setText("wide")
    assert "not a number" in picker.problem()
    choose(picker, "gone")
    assert "cannot be loaded" in picker.problem()
    choose(picker, "entropy")
    assert picker.problem() == ""
