"""What the overlay filters, what the pointer tells, and the menu that corrects."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from napari_cellsynth.project import BAD_SEGMENTATION, UNLABELLED, UNSURE, Project
from napari_cellsynth.widgets.class_menu import class_menu, pop_up
from napari_cellsynth.widgets.outline import outlines
from napari_cellsynth.widgets.overlay_row import OverlayRow
from napari_cellsynth.widgets.overlay_table import OverlayFilter, overlay_table, shown_class
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui


@pytest.fixture
def row(session: Session, project_path: Any, qtbot: Any) -> OverlayRow:
    """Even objects Dense, odd ones Spread, each a little surer than the one before: 0.60, 0.62, …"""
    session.open(project_path)
    project = session.project
    ids = [int(i) for i in project.objects(frame=0).index]
    run = project.new_run("classifier", "fast", {}, groups=["video"], seed=0)
    sure = 0.6 + 0.02 * np.arange(len(ids))
    columns = np.where(np.arange(len(ids))[:, None] % 2 == [[0, 1]], sure[:, None], 1 - sure[:, None])
    project.set_predictions(run.id, ids, columns.astype(np.float32), [1, 2])
    made = OverlayRow(session)
    qtbot.addWidget(made)
    with qtbot.waitSignal(made.overlay.changed, timeout=2000):
        pass
    yield made
    made.overlay.disconnect_viewer()


def shown_objects(row: OverlayRow, session: Session) -> set[int]:
    """The objects that the class layer paints, by their numbers in the mask."""
    objects, classes = session.layers.objects_layer, row.overlay.layer("classes")
    return set(np.unique(objects.data[classes.data > 0]).tolist())


def outlined_objects(session: Session) -> set[int]:
    layer = session.layers.objects_layer
    return set(np.unique(layer.data[layer._slice.image.view > 0]).tolist())


def test_a_class_is_hidden_with_its_outlines_and_comes_back(row: OverlayRow, session: Session) -> None:
    row.legend.switches[1].click()
    assert shown_objects(row, session) == set(range(2, 17, 2)) == outlined_objects(session)
    assert "8 shown" in row.counts.text() and row.legend.switches[1].text() == "Dense 8"
    row.legend.switches[1].click()
    assert shown_objects(row, session) == set(range(1, 17)) == outlined_objects(session)


def test_one_class_is_shown_alone_and_then_all_again(row: OverlayRow, session: Session) -> None:
    row.legend.show_alone(2)
    assert shown_objects(row, session) == set(range(2, 17, 2))
    row.legend.show_alone(2)
    assert row.overlay.filter.is_open


def test_a_range_of_confidence_filters_and_its_ends_push_each_other(row: OverlayRow, session: Session) -> None:
    row.low.setValue(0.7)
    assert shown_objects(row, session) == set(range(6, 17)), "0.60, 0.62, … 0.70 is the sixth"
    row.high.setValue(0.65)
    assert (row.low.value(), row.high.value()) == (0.65, 0.65) and "0 shown" in row.counts.text()
    row.low.setValue(0.0)
    row.high.setValue(1.0)
    assert shown_objects(row, session) == set(range(1, 17))


def test_the_filter_goes_along_with_the_slider(row: OverlayRow, session: Session) -> None:
    row.low.setValue(0.05)
    session.viewer.dims.set_point(0, 1)  # a frame without predictions
    assert shown_objects(row, session) == set() == outlined_objects(session)
    assert session.layers.object_at_position((1, 20, 20)) is not None, "what is hidden can still be pointed at"


def test_pointing_at_an_object_draws_its_probabilities(row: OverlayRow, session: Session) -> None:
    session.viewer.cursor.position = (0, 20, 20)
    row.overlay._on_move(session.viewer, None)
    assert [name for name, _ in row.bars.shown] == ["Dense", "Spread"]
    np.testing.assert_allclose([value for _, value in row.bars.shown], [0.6, 0.4], atol=1e-6)
    assert row.bars.sizeHint().height() > 0 and not row.bars.grab().isNull()
    session.viewer.cursor.position = (0, 1, 1)
    row.overlay._on_move(session.viewer, None)
    assert row.bars.shown == []


def test_a_label_recolours_its_object_before_anything_else_is_read_again(row: OverlayRow, session: Session) -> None:
    painted = []
    row.overlay.changed.connect(lambda: painted.append(1))
    object_id = int(session.layers.frame_objects().index[0])
    session.project.label([object_id], 2)
    assert row.overlay.layer("classes").data[20, 20] == 5 and not painted  # full, not pale
    session.project.label([object_id], UNLABELLED)
    assert row.overlay.layer("classes").data[20, 20] == 1


@pytest.mark.parametrize("colored_by", ["labels, else predictions", "predictions", "differences"])
def test_one_object_is_shown_as_the_whole_frame_shows_it(row: OverlayRow, session: Session, colored_by: str) -> None:
    ids = session.layers.frame_objects().index.tolist()
    for object_id, class_id in zip(ids, (1, 2, UNSURE, BAD_SEGMENTATION), strict=False):
        session.project.label([object_id], class_id)
    session.project.set_unsure_below(0.7)
    objects = session.layers.frame_objects()
    table = overlay_table(objects, session.project, colored_by)
    for object_id in ids:
        shown = shown_class(objects.loc[object_id].to_dict(), session.project, colored_by)
        assert shown == (table.at[object_id, "class_id"], table.at[object_id, "by_hand"])


def test_the_menu_offers_the_classes_and_the_choice_is_a_label(row: OverlayRow, session: Session) -> None:
    object_id = int(session.layers.frame_objects().index[0])
    menu = class_menu(session, object_id)
    texts = [action.text() for action in menu.actions() if action.text() and not action.isSeparator()]
    assert texts == ["Dense\t1", "Spread\t2", "unsure\t0", "bad segmentation\tX", "no label"]
    next(action for action in menu.actions() if action.text() == "Spread\t2").trigger()
    assert session.project.objects().loc[object_id, "class_id"] == 2 and session.current_object_id == object_id
    menu.deleteLater()
    again = class_menu(session, object_id)
    assert [action.text() for action in again.actions() if action.isChecked()] == ["Spread\t2"]
    again.deleteLater()
    assert class_menu(session, 10**6) is None


def test_shift_and_a_click_on_the_canvas_open_it(row: OverlayRow, session: Session, monkeypatch: Any) -> None:
    opened = []
    monkeypatch.setattr("napari_cellsynth.widgets.canvas_keys.pop_up", lambda _session, number: opened.append(number))
    layer = session.layers.objects_layer
    [offer] = [each for each in layer.mouse_drag_callbacks if "offer" in each.__qualname__]
    for modifiers in ([], ["Shift"], ["Control", "Shift"]):
        offer(layer, SimpleNamespace(type="mouse_press", position=(0, 20, 20), button=1, modifiers=modifiers))
    assert opened == [int(session.layers.frame_objects().index[0])]


def test_while_labels_are_hidden_neither_menu_nor_bars_tell_them(
    row: OverlayRow, session: Session, said: list[str]
) -> None:
    session.hide_labels(True)
    pop_up(session, int(session.layers.frame_objects().index[0]))
    assert "Labels are hidden" in said[-1]
    assert session.layers.objects.probabilities(int(session.layers.frame_objects().index[0])) == []


def test_a_read_only_project_offers_nothing_to_choose(session: Session, project_path: Any) -> None:
    session._adopt(Project.open(project_path, read_only=True))
    menu = class_menu(session, int(session.layers.frame_objects().index[0]))
    assert not any(action.isEnabled() for action in menu.actions())
    menu.deleteLater()


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_outlines_are_the_pixels_within_that_many_steps_of_something_else(thickness: int) -> None:
    labels = np.random.default_rng(0).integers(0, 4, (8, 9)).repeat(7, axis=0).repeat(6, axis=1).astype(np.int32)
    expected = np.zeros(labels.shape, bool)
    for number in (1, 2, 3):
        mask = labels == number
        padded = np.pad(mask, 10, mode="edge")  # the border of the frame is no border of an object
        core = ndimage.binary_erosion(padded, iterations=thickness)[10:-10, 10:-10]
        expected |= mask & ~core
    np.testing.assert_array_equal(outlines(labels, thickness), expected)


def test_an_object_of_two_classes_is_hidden_where_both_are() -> None:
    table = pd.DataFrame({"classes": [(1,), (1, 2), ()], "class_id": [1, 1, UNSURE], "confidence": [0.7, np.nan, 0.2]})
    table["confidence"] = np.array([0.7, np.nan, 0.2], np.float32)
    assert OverlayFilter({1}).passing(table).tolist() == [False, True, True]
    assert OverlayFilter({1, 2}).passing(table).tolist() == [False, False, True]
    assert OverlayFilter({UNSURE}).passing(table).tolist() == [True, True, False]
    assert OverlayFilter(low=0.7).passing(table).tolist() == [True, False, False]
    assert OverlayFilter().passing(table).all()


def test_without_the_project_nothing_is_told_and_the_filter_is_open_again(row: OverlayRow, session: Session) -> None:
    session.viewer.cursor.position = (0, 20, 20)
    row.overlay._on_move(session.viewer, None)
    row.legend.switches[1].click()
    row.low.setValue(0.7)
    session.close_project()
    assert row.bars.shown == [] and row.hover.text().startswith("Point at")
    assert row.overlay.filter.is_open and not row.legend.isVisibleTo(row)
