"""Labelling on the canvas: which layer has the keys, whom they label, and what they say where they cannot."""

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("napari")

from napari_cellsynth.widgets.keys import SHEET
from napari_cellsynth.widgets.overlay import PredictionOverlay
from tests.widgets.conftest import current

pytestmark = pytest.mark.gui


@pytest.fixture
def opened(session: Any, project_path: Any) -> Any:
    session.open(project_path)
    return session


def press(layer: Any, key: str) -> None:
    {str(binding): action for binding, action in layer.keymap.items()}[key](layer)


def point_at(session: Any, number: int) -> int:
    """Put the pointer on the frame's object at a row of its table, and return its id."""
    row = session.layers.frame_objects().iloc[number]
    session.viewer.cursor.position = (0, row["cy"], row["cx"])
    return int(row.name)


def label_of(session: Any, object_id: int) -> int:
    return int(session.project.objects().loc[object_id, "class_id"])


def test_keys_are_bound_to_our_layers_alone(opened: Any) -> None:
    overlay = PredictionOverlay(opened)
    overlay.refresh()
    for layer in (opened.layers.objects_layer, overlay.layer("classes")):
        assert {"1", "9", "0", "X", "Ctrl+Z", "Ctrl+Shift+Z"} <= {str(key) for key in layer.keymap}
    assert not opened.viewer.keymap
    overlay.disconnect_viewer()


def test_a_number_key_labels_the_object_under_the_pointer(opened: Any) -> None:
    object_id = point_at(opened, 4)
    opened.select_object(int(opened.layers.frame_objects().index[0]), move_canvas=False)
    press(opened.layers.objects_layer, "2")
    assert label_of(opened, object_id) == 2 and opened.current_object_id == object_id
    assert opened.project.history(object_id)["source"].iloc[-1] == "hand"


def test_hidden_outlines_do_not_take_the_keys_away(opened: Any) -> None:
    object_id = point_at(opened, 4)
    opened.layers.objects_layer.visible = False
    press(opened.layers.objects_layer, "1")
    assert label_of(opened, object_id) == 1


def test_beside_all_objects_the_current_one_is_labelled(opened: Any) -> None:
    object_id = int(opened.layers.frame_objects().index[2])
    opened.select_object(object_id, move_canvas=False)
    opened.viewer.cursor.position = (0, -50.0, -50.0)
    press(opened.layers.objects_layer, "1")
    assert label_of(opened, object_id) == 1


def test_beside_all_objects_a_current_one_of_another_frame_is_left_alone(opened: Any, said: list[str]) -> None:
    elsewhere = int(opened.project.objects(image_id=1, frame=2).index[3])
    opened.select_object(elsewhere, move_canvas=False)
    opened.viewer.cursor.position = (0, -50.0, -50.0)
    press(opened.layers.objects_layer, "1")
    assert label_of(opened, elsewhere) == 0 and "no object under the pointer" in said[-1]


def test_keys_beside_all_objects_label_one_after_the_other_as_in_the_label_dock(label_dock: Any, session: Any) -> None:
    session.viewer.cursor.position = (0, -50.0, -50.0)
    labelled = []
    for key in "121":
        labelled.append(current(label_dock))
        press(session.layers.objects_layer, key)
    assert len(set(labelled)) == 3 and [label_of(session, each) for each in labelled] == [1, 2, 1]
    assert current(label_dock) not in labelled


def test_undo_and_redo_go_to_their_object(opened: Any) -> None:
    first, layer = point_at(opened, 1), opened.layers.objects_layer
    press(layer, "1")
    second = point_at(opened, 3)
    press(layer, "0")
    assert label_of(opened, second) == -1
    press(layer, "Ctrl+Z")
    press(layer, "Ctrl+Z")
    assert (label_of(opened, first), label_of(opened, second)) == (0, 0) and opened.current_object_id == first
    press(layer, "Ctrl+Shift+Z")
    assert label_of(opened, first) == 1


def test_a_key_without_class_and_an_empty_undo_are_said(opened: Any, said: list[str]) -> None:
    point_at(opened, 0)
    press(opened.layers.objects_layer, "9")
    assert "No class has the key 9" in said[-1]
    press(opened.layers.objects_layer, "Ctrl+Z")
    assert "nothing to undo" in said[-1]


def click(session: Any, row: int, button: int = 1, modifiers: tuple[str, ...] = (), drag: bool = False) -> int:
    """Press and let go a button over an object of the frame, and return its id."""
    found = session.layers.frame_objects().iloc[row]
    place = (0, found["cy"], found["cx"])
    event = SimpleNamespace(type="mouse_press", position=place, button=button, modifiers=modifiers)
    [choose] = [c for c in session.layers.objects_layer.mouse_drag_callbacks if "choose" in c.__qualname__]
    steps = choose(session.layers.objects_layer, event)
    next(steps, None)
    if drag:
        event.type = "mouse_move"
        next(steps, None)
    event.type = "mouse_release"
    next(steps, None)
    return int(found.name)


def test_a_click_chooses_and_a_drag_does_not(opened: Any) -> None:
    click(opened, 5, drag=True)
    assert opened.current_object_id is None
    assert click(opened, 5) == opened.current_object_id


def test_a_right_click_takes_the_label_away_and_zooming_with_that_button_does_not(opened: Any) -> None:
    object_id = int(opened.layers.frame_objects().index[5])
    opened.project.label([object_id], 2)
    click(opened, 5, button=2, drag=True)
    click(opened, 5, button=2, modifiers=("Shift",))
    assert label_of(opened, object_id) == 2
    click(opened, 5, button=2)
    assert label_of(opened, object_id) == 0
    opened.project.undo()
    assert label_of(opened, object_id) == 2


def test_a_click_gives_the_class_it_is_armed_with(opened: Any) -> None:
    opened.armed = 1
    assert label_of(opened, click(opened, 3)) == 1
    opened.armed = None
    assert label_of(opened, click(opened, 4)) == 0


def test_a_key_that_a_dock_does_not_take_labels_nothing_on_the_canvas(opened: Any, qtbot: Any) -> None:
    from napari_cellsynth.widgets.classify import ClassifyDock

    dock = ClassifyDock(opened.viewer)
    qtbot.addWidget(dock)
    object_id = point_at(opened, 4)
    with qtbot.waitActive(dock):
        dock.show()
        dock.activateWindow()
    dock.bar.project_button.setFocus()
    qtbot.waitUntil(dock.bar.project_button.hasFocus)
    press(opened.layers.objects_layer, "1")
    assert label_of(opened, object_id) == 0
    dock.hide()
    qtbot.waitUntil(lambda: not dock.bar.project_button.hasFocus())
    press(opened.layers.objects_layer, "1")
    assert label_of(opened, object_id) == 1


def test_while_labels_are_hidden_the_canvas_tells_and_gives_none(opened: Any, said: list[str], qtbot: Any) -> None:
    object_id = int(opened.layers.frame_objects().index[5])
    opened.project.label([object_id], 2)
    opened.hide_labels(True)
    assert (opened.layers.frame_objects()["label"] == 0).all()
    click(opened, 5, button=2)
    assert label_of(opened, object_id) == 2 and "hidden" in said[0]
    opened.hide_labels(False)
    qtbot.waitUntil(lambda: opened.layers.frame_objects()["label"].max() == 2)


def test_up_and_down_walk_through_the_label_docks_order_and_napari_keeps_its_arrows(
    label_dock: Any, session: Any, qtbot: Any
) -> None:
    layer, first = session.layers.objects_layer, current(label_dock)
    assert not {"Left", "Right"} & {str(key) for key in layer.keymap}, "they are the time slider's"
    press(layer, "Down")
    second = current(label_dock)
    assert second != first and session.current_object_id == second
    press(layer, "Up")
    assert current(label_dock) == first
    label_dock.hide()
    press(layer, "Down")
    assert current(label_dock) == second == session.current_object_id, "also with another dock in front"
    assert any("canvas" in does for _, does in SHEET)
