"""The ring around the current object: where it is, when it moves, and what it never is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_cellsynth.widgets.current_ring import SMALLEST
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.own_layers import camera_of
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.take_layer import TakeLayer
from tests.widgets.conftest import current

pytestmark = pytest.mark.gui


@pytest.fixture
def opened(session: Session, project_path: Path) -> Session:
    session.open(project_path)
    return session


def ringed(session: Session) -> list[tuple[float, float]]:
    """Return the places of the rings that are seen."""
    layer = session.ring.layer
    # What napari hands on to be drawn: it draws points of two dimensions whether they are `shown` or not.
    return [] if layer is None else [tuple(each) for each in layer._view_data[layer._view_border_color[:, 3] > 0]]


def wait_for(session: Session, qtbot: Any, object_id: int | None) -> None:
    places = [] if object_id is None else [centre(session, object_id)] * 2
    qtbot.waitUntil(lambda: ringed(session) == places, timeout=2000)


def centre(session: Session, object_id: int) -> tuple[float, float]:
    row = session.project.objects().loc[object_id]
    return (row["y0"] + row["y1"] - 1) / 2, (row["x0"] + row["x1"] - 1) / 2


def test_a_ring_goes_round_the_current_object_and_follows_it(opened: Session, qtbot: Any) -> None:
    here = opened.project.objects(frame=0)
    for object_id in here.index[:2].tolist():
        opened.select_object(object_id, move_canvas=False)
        wait_for(opened, qtbot, object_id)
    # It surrounds the object's 24 x 24 pixels and leaves the neighbours, 40 px away, alone.
    assert 24 * 2**0.5 < opened.ring.layer.size[0] < 40
    assert opened.viewer.layers.selection.active is not opened.ring.layer


def test_it_is_seen_only_in_the_frame_of_the_object(opened: Session, qtbot: Any) -> None:
    object_id = int(opened.project.objects(frame=1).index[3])
    opened.select_object(object_id, move_canvas=False)
    wait_for(opened, qtbot, None)
    opened.viewer.dims.set_point(0, 1)
    wait_for(opened, qtbot, object_id)
    opened.viewer.dims.set_point(0, 2)
    wait_for(opened, qtbot, None)


def test_it_goes_with_the_project_and_while_a_copy_is_corrected_in_its_place(opened: Session, qtbot: Any) -> None:
    object_id = int(opened.project.objects(frame=0).index[0])
    opened.select_object(object_id, move_canvas=False)
    wait_for(opened, qtbot, object_id)
    opened.layers.veil(True)
    wait_for(opened, qtbot, None)
    opened.layers.veil(False)
    wait_for(opened, qtbot, object_id)
    opened.close_project()
    assert list(opened.viewer.layers) == []


def test_it_is_never_offered_as_a_segmentation(opened: Session, qtbot: Any) -> None:
    opened.select_object(int(opened.project.objects(frame=0).index[0]), move_canvas=False)
    qtbot.waitUntil(lambda: opened.ring.layer is not None, timeout=2000)
    panel = TakeLayer(opened)
    qtbot.addWidget(panel)
    assert panel.choice.count() == 0


def test_moving_it_repaints_no_layer_of_the_frame(opened: Session, qtbot: Any) -> None:
    first, second = opened.project.objects(frame=0).index[:2].tolist()
    opened.select_object(first, move_canvas=False)
    wait_for(opened, qtbot, first)
    painted: list[str] = []
    for layer in opened.viewer.layers:
        layer.events.set_data.connect(lambda event: painted.append(event.source.name))
    opened.select_object(second, move_canvas=False)
    wait_for(opened, qtbot, second)
    assert set(painted) == {"current object"}


def test_far_out_it_is_as_large_as_it_must_be_to_be_seen_and_thin(opened: Session, qtbot: Any) -> None:
    object_id = int(opened.project.objects(frame=0).index[0])
    opened.select_object(object_id, move_canvas=False)
    wait_for(opened, qtbot, object_id)
    camera = camera_of(opened.viewer)
    camera.zoom = 0.05
    qtbot.waitUntil(lambda: opened.ring.layer.size[0] == pytest.approx(SMALLEST / 0.05), timeout=2000)
    # With napari's own limit a clamped ring is drawn as a disc: its border is widened to half of that limit.
    assert opened.ring.layer.canvas_size_limits[0] < 3 and opened.ring.layer.border_width.max() < 0.1
    camera.zoom = 10
    qtbot.waitUntil(lambda: opened.ring.layer.size[0] < 40, timeout=2000)


def test_it_leaves_with_the_label_dock_and_comes_back_with_it(
    label_dock: LabelDock, session: Session, qtbot: Any
) -> None:
    here = current(label_dock)
    session.show_image(1)
    wait_for(session, qtbot, here)
    label_dock.hide()
    wait_for(session, qtbot, None)
    label_dock.show()
    wait_for(session, qtbot, here)


def test_chosen_elsewhere_it_stays_until_another_dock_comes_to_the_front(opened: Session, qtbot: Any) -> None:
    opened.ring.in_front("ClassifyDock")
    object_id = int(opened.project.objects(frame=0).index[2])
    opened.select_object(object_id, move_canvas=False)
    wait_for(opened, qtbot, object_id)
    opened.ring.in_front("ClassifyDock")
    wait_for(opened, qtbot, object_id)
    opened.ring.in_front("EvaluateDock")
    wait_for(opened, qtbot, None)


def test_a_project_that_is_opened_again_in_another_dock_has_no_ring(
    opened: Session, project_path: Path, qtbot: Any
) -> None:
    opened.select_object(int(opened.project.objects(frame=0).index[2]), move_canvas=False)
    opened.close_project()
    opened.open(project_path)
    assert opened.current_object_id is not None
    wait_for(opened, qtbot, None)
