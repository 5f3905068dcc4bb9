import pandas as pd
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari_cellsynth.widgets.class_table import ClassState, ClassTable, class_states, distinct_windows, quality_text

pytestmark = pytest.mark.gui


def state(crops, name="Dense"):
    return ClassState(1, name, "#56b4e9", crops, crops, "–", "")


def test_classes_with_too_few_crops_say_so():
    assert "no training crops" in state(0).advice
    assert "one training crop" in state(1).advice
    assert "only 9 crops" in state(9).advice
    assert state(10).advice == ""
    assert [state(n).trainable for n in (0, 1, 2)] == [False, False, True]


def test_windows_beside_each_other_are_counted_and_every_crop_has_one():
    boxes = pd.DataFrame({"y0": [0, 0], "y1": [130, 20], "x0": [0, 0], "x1": [200, 20]})
    assert distinct_windows(boxes, 64) == 2 * 3 + 1


def test_quality_is_the_distance_with_the_floor_in_brackets():
    assert quality_text({"kid": 0.0211, "floor": {"kid": 0.004}}) == ".021 (.004)"
    assert quality_text({"kid": -0.0011}) == "-.001"
    assert quality_text({}) == ""


def test_the_table_keeps_its_selection_when_it_is_filled_again(qtbot):
    table = ClassTable()
    qtbot.addWidget(table)
    table.set_states([state(20), state(1, "Spread")])
    table.selectRow(0)
    table.set_states([state(1, "Spread"), state(21)])
    assert [each.name for each in table.selected()] == ["Dense"]
    assert table.item(0, 3).text() == "one only"


def test_only_training_crops_count(session, project_path):
    session.open(project_path)
    project = session.project
    dense = project.class_named("Dense").id
    project.label([int(i) for i in project.objects().index[:5]], dense)
    states = {each.name: each for each in class_states(project, 16)}
    assert states["Dense"].crops == 5
    assert states["Spread"].crops == 0
    project.set_split({"video": "test"})
    assert class_states(project, 16)[0].crops == 0
