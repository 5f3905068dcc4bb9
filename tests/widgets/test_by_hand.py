from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_cellsynth.jobs.job import Job, SegmentParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.by_hand import correct
from napari_cellsynth.widgets.by_hand import ByHandPanel
from napari_cellsynth.widgets.hand_layer import CORRECTION
from napari_cellsynth.widgets.overlay_row import OverlayRow
from napari_cellsynth.widgets.segment import SegmentDock
from napari_cellsynth.widgets.session import Session
from tests.widgets.conftest import SIDE

pytestmark = pytest.mark.gui


@pytest.fixture
def panel(session: Session, project_path: Path, qtbot: Any) -> ByHandPanel:
    """Frame 1 of sixteen squares, being corrected."""
    made = ByHandPanel(session)
    qtbot.addWidget(made)
    session.open(project_path)
    made.set_correcting(True)
    return made


def drag(layer: Any, *places: tuple[float, float], shift: bool = False) -> None:
    """Press at the first place, move over the others, and let go, as napari's canvas tells it."""
    events = [
        SimpleNamespace(type=kind, button=1, position=(0, *place), modifiers=["Shift"] if shift else [])
        for kind, place in [
            ("mouse_press", places[0]),
            *(("mouse_move", place) for place in places[1:]),
            ("mouse_release", places[-1]),
        ]
    ]
    mine = next(each for each in layer.mouse_drag_callbacks if each.__qualname__.startswith("HandLayer"))
    event = events[0]
    going = mine(layer, event)
    next(going, None)
    for event_now in events[1:]:
        vars(event).update(vars(event_now))
        next(going, None)


def centre(number: int) -> tuple[int, int]:
    """The middle of a square of the grid, numbered from 1, four a row."""
    row, column = divmod(number - 1, 4)
    return 20 + 40 * row, 20 + 40 * column


def test_the_working_copy_can_be_painted_in_and_the_outlines_make_room(panel: ByHandPanel, session: Session) -> None:
    layer = panel.copy.layer
    assert layer.name == CORRECTION and layer.editable and not session.layers.objects_layer.visible
    assert session.viewer.layers.selection.active is layer and not panel.take.isEnabled()
    panel.set_correcting(False)
    assert layer not in session.viewer.layers and session.layers.objects_layer.visible
    assert session.viewer.layers.selection.active is session.layers.objects_layer, "the keys are its own"


def test_clicks_choose_and_shift_adds(panel: ByHandPanel) -> None:
    layer = panel.copy.layer
    drag(layer, centre(1))
    drag(layer, centre(5), shift=True)
    assert panel.copy.chosen == [1, 5]
    drag(layer, centre(1), shift=True)
    assert panel.copy.chosen == [5]
    drag(layer, (0, 0))
    assert panel.copy.chosen == []


def test_merge_split_delete_are_written_by_take_over_and_labels_go_along(
    panel: ByHandPanel, session: Session, qtbot: Any
) -> None:
    project = session.project
    ids = project.objects(image_id=1, frame=0).index.tolist()
    project.label([ids[0]], 1)
    project.label([ids[3]], 2)
    project.label([ids[8]], 2)
    for number in (1, 2):
        drag(panel.copy.layer, centre(number), shift=True)
    panel.tools["merge"].click()
    drag(panel.copy.layer, centre(4))
    panel.parts.setValue(3)
    panel.tools["split"].click()
    drag(panel.copy.layer, centre(9))
    panel.tools["delete"].click()
    assert len(project.objects(image_id=1, frame=0)) == 16, "nothing is written before"
    with qtbot.waitSignal(panel.taken):
        panel.take.click()
    after = project.objects(image_id=1, frame=0)
    assert len(after) == 16 - 1 - 1 + 2 and sorted(after["class_id"][after["class_id"] > 0]) == [1, 2]
    assert "carried over 2 labels · 1 label could not be placed" in panel.said.text()
    assert not panel.take.isEnabled() and panel.back.isVisibleTo(panel)
    np.testing.assert_array_equal(project.mask(1, 0), panel.copy.labels)


def test_the_frame_as_it_was_comes_back(panel: ByHandPanel, session: Session) -> None:
    before = session.project.objects(image_id=1, frame=0)
    drag(panel.copy.layer, centre(1))
    panel.tools["delete"].click()
    panel.take.click()
    panel.back.click()
    assert session.project.objects(image_id=1, frame=0).index.equals(before.index)
    assert panel.copy.labels.max() == 16 and not panel.back.isVisibleTo(panel)


def test_naparis_undo_takes_back_a_merge_a_split_and_a_stroke_alike(panel: ByHandPanel) -> None:
    layer, start = panel.copy.layer, panel.copy.labels.copy()
    for number in (1, 2):
        drag(layer, centre(number), shift=True)
    panel.tools["merge"].click()
    drag(layer, centre(5))
    panel.tools["split"].click()
    panel.tools["draw_new"].click()
    assert str(layer.mode) == "paint" and layer.selected_label == 18
    layer.paint((40, 40), layer.selected_label)
    assert panel.take.isEnabled()
    for _ in range(3):
        layer.undo()
    np.testing.assert_array_equal(layer.data, start)
    assert not panel.take.isEnabled()


def test_a_drawn_line_cuts_the_object_it_crosses(panel: ByHandPanel) -> None:
    panel.tools["cut"].click()
    assert panel.copy.cutting and not panel.copy.layer.mouse_pan
    y, _ = centre(5)
    drag(panel.copy.layer, (y, 2), (y, 20), (y, 40))
    assert panel.copy.labels.max() == 17 and not panel.copy.cutting and panel.copy.layer.mouse_pan
    panel.tools["cut"].click()
    drag(panel.copy.layer, (2, 2), (2, 150))
    assert "parts no object" in panel.said.text() and panel.copy.labels.max() == 17


@pytest.mark.parametrize(
    ("tool", "words"), [("merge", "two objects"), ("split", "Choose the"), ("delete", "Choose the")]
)
def test_without_a_choice_a_tool_says_what_to_do(panel: ByHandPanel, tool: str, words: str) -> None:
    panel.tools[tool].click()
    assert words in panel.said.text() and not panel.take.isEnabled()


def test_each_frame_keeps_its_unfinished_correction(panel: ByHandPanel, session: Session) -> None:
    drag(panel.copy.layer, centre(1))
    panel.tools["delete"].click()
    session.viewer.dims.set_point(0, 2)
    assert panel.copy.labels.max() == 16 and not panel.take.isEnabled()
    assert panel.waiting.text.text() == "Not taken over yet: frame 1."
    session.viewer.dims.set_point(0, 0)
    assert 1 not in panel.copy.labels and panel.take.isEnabled() and panel.copy.shown
    panel.discard.click()
    assert 1 in panel.copy.labels and not panel.take.isEnabled()


def test_what_another_window_has_written_is_not_overwritten_at_the_first_press(
    panel: ByHandPanel, session: Session
) -> None:
    drag(panel.copy.layer, centre(1))
    panel.tools["delete"].click()
    with Project.open(session.project.path) as other:
        correct(other, delete=[2])
    panel.take.click()
    assert "Somebody has changed" in panel.said.text() and 1 in session.project.objects().index
    panel.take.click()
    assert 1 not in session.project.objects().index and len(session.project.objects(frame=0)) == 15


def test_while_a_segmentation_runs_nothing_is_taken_over(panel: ByHandPanel, session: Session, qtbot: Any) -> None:
    drag(panel.copy.layer, centre(1))
    panel.tools["delete"].click()
    handle = session.submit(Job.of(session.project.path, SegmentParameters()), "Segment")
    assert not panel.take.isEnabled() and "segmentation is running" in panel.take.toolTip()
    with qtbot.waitSignal(handle.ended):
        handle.stop()
    assert panel.take.isEnabled()


def test_a_read_only_project_is_not_corrected(session: Session, project_path: Path, qtbot: Any) -> None:
    panel = ByHandPanel(session)
    qtbot.addWidget(panel)
    session._adopt(Project.open(project_path, read_only=True))
    assert not panel.correct.isEnabled() and "reading only" in panel.correct.toolTip()


def test_a_layer_that_was_taken_off_the_canvas_comes_back_with_a_tool(panel: ByHandPanel, session: Session) -> None:
    session.viewer.layers.remove(panel.copy.layer)
    panel.tools["draw_new"].click()
    assert panel.copy.shown


def test_another_plugins_layer_becomes_the_frames_objects(panel: ByHandPanel, session: Session, qtbot: Any) -> None:
    panel.set_correcting(False)
    labels = np.zeros((SIDE, SIDE), np.uint64)
    labels[10:50, 10:50] = 2**40
    session.viewer.add_labels(labels, name="cells")
    assert panel.layer.choice.count() == 1 and panel.layer.isVisibleTo(panel)
    with qtbot.waitSignal(panel.taken):
        panel.layer.frame.click()
    assert len(session.project.objects(frame=0)) == 1 and len(session.project.objects(frame=1)) == 16
    assert session.layers.objects_layer.data.max() == 1


def test_another_plugins_layer_becomes_the_whole_series_objects(
    panel: ByHandPanel, session: Session, qtbot: Any
) -> None:
    labels = np.zeros((3, SIDE, SIDE), np.uint16)
    labels[:, 10:50, 10:50] = 4
    session.viewer.add_labels(labels, name="cells")
    with qtbot.waitSignal(panel.taken, timeout=20_000) as caught:
        panel.layer.series.click()
    assert caught.args[0].objects == 3 and len(session.project.objects()) == 3


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros((80, 80), np.int32), "80 × 80, the frame 160 × 160"),
        (np.full((SIDE, SIDE), -2, np.int32), "negative"),
        (np.zeros((2, SIDE, SIDE), np.int32), "2 frames, video has 3"),
        (np.zeros((2, 2, SIDE, SIDE), np.int32), "4 axes"),
    ],
)
def test_a_layer_that_does_not_fit_is_one_sentence_and_changes_nothing(
    panel: ByHandPanel, session: Session, qtbot: Any, labels: np.ndarray, words: str
) -> None:
    session.viewer.add_labels(labels, name="cells")
    panel.layer.take(whole=True)
    qtbot.waitUntil(lambda: words in panel.said.text() or "Say which frame" in panel.said.text())
    assert len(session.project.objects()) == 48


def test_a_layer_that_is_moved_against_the_image_is_refused(panel: ByHandPanel, session: Session) -> None:
    session.viewer.add_labels(np.zeros((SIDE, SIDE), np.int32), name="cells", translate=(5, 0))
    panel.layer.frame.click()
    assert "moved or turned" in panel.said.text()


def test_the_dock_shows_no_preview_over_a_correction(session: Session, project_path: Path, qtbot: Any) -> None:
    dock = SegmentDock(session.viewer)
    qtbot.addWidget(dock)
    dock.show()
    session.open(project_path)
    dock.form.setValue({"radius": 4})
    dock.by_hand.set_correcting(True)
    assert session.layers.ours("preview") is None and dock.by_hand.copy.shown


def test_the_projects_own_layers_are_never_offered_to_be_taken(
    panel: ByHandPanel, session: Session, qtbot: Any
) -> None:
    overlay = OverlayRow(session)
    qtbot.addWidget(overlay)
    session.project.label(session.project.objects().index[:4].tolist(), 1)
    overlay.overlay.refresh()
    assert session.layers.ours("classes") is not None
    assert panel.layer.choice.count() == 0
