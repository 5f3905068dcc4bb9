"""A project is opened where it was left, the last one with one click, and its moved images are found again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tifffile

from napari_cellsynth.jobs.job import SegmentParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.view import View, read_view, write_view
from napari_cellsynth.widgets import recent
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.overlay_row import OverlayRow
from napari_cellsynth.widgets.recent import recent_projects
from napari_cellsynth.widgets.segment import SegmentDock
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.session_bar import SessionBar

pytestmark = pytest.mark.gui


@pytest.fixture
def two_images(project_path: Path) -> Path:
    """A second image beside the first one."""
    flipped = tifffile.imread(project_path.parent / "video.tif")[:, ::-1]
    other = project_path.parent / "other.tif"
    tifffile.imwrite(other, flipped, photometric="minisblack", metadata={"axes": "TYX"})
    with Project.open(project_path) as project:
        project.add_images([other])
    return project_path


def test_image_frame_object_look_and_place_come_back(session: Session, two_images: Path) -> None:
    session.open(two_images)
    session.show_image(2)
    session.viewer.dims.set_point(0, 2)
    session.select_object(3, move_canvas=False)
    session.layers.image_layers[0].contrast_limits = (20, 90)
    camera = getattr(session.viewer, "scene", session.viewer).camera
    camera.center, camera.zoom = (0, 33, 44), 2.5
    session.close_project()
    camera.center, camera.zoom = (0, 0, 0), 1.0
    session.open(two_images)
    assert (session.current_image_id, session.current_frame, session.current_object_id) == (2, 2, 3)
    assert session.layers.image_layers[0].contrast_limits == [20, 90]
    assert (tuple(camera.center)[-2:], camera.zoom) == ((33, 44), 2.5)


def test_an_image_or_object_that_has_gone_leaves_what_is_there(session: Session, two_images: Path) -> None:
    with Project.open(two_images) as project:
        write_view(project, View(image_id=2, frame=99, object_id=10**9, dock="NoDock"))
    session.open(two_images)
    assert (session.current_image_id, session.current_frame, session.current_object_id) == (2, 2, None)
    session.close_project()
    (two_images.parent / "other.tif").unlink()
    session.open(two_images)
    assert (session.current_image_id, session.current_frame) == (1, 0)


@pytest.mark.parametrize("text", ["{", "[]", '{"frame": -3}', '{"zoom": "NaN"}', '{"choices": {"order": 7}}', "null"])
def test_a_view_that_cannot_be_read_is_no_view(session: Session, project_path: Path, text: str) -> None:
    with Project.open(project_path) as project:
        project._db.write("INSERT OR REPLACE INTO settings VALUES ('view', ?)", (text,))
        assert read_view(project) == View()
    assert session.open(project_path) and session.current_image_id == 1


def test_a_read_only_project_is_opened_and_closed_without_a_word(
    session: Session, project_path: Path, said: list[str]
) -> None:
    session._adopt(Project.open(project_path, read_only=True))
    session.viewer.dims.set_point(0, 1)
    session.close_project()
    assert said == []


def test_what_a_box_had_chosen_is_chosen_again(session: Session, project_path: Path, qtbot: Any) -> None:
    from qtpy.QtWidgets import QComboBox

    box = QComboBox()
    qtbot.addWidget(box)
    box.addItems(["unlabelled first", "frame by frame"])
    session.remembering.keep("order", box)
    session.open(project_path)
    box.setCurrentIndex(1)
    session.close_project()
    box.setCurrentIndex(0)
    session.open(project_path)
    assert box.currentText() == "frame by frame"


def test_the_last_project_is_one_click_away(bar: SessionBar, session: Session, project_path: Path) -> None:
    assert not bar.last_button.isVisible()
    session.open(project_path)
    assert not bar.last_button.isVisible()
    session.close_project()
    assert bar.last_button.isVisible() and "small.cellsynth" in bar.last_button.text()
    bar.last_button.click()
    assert session.project is not None and session.project.path == project_path


def test_a_last_project_that_has_gone_is_not_offered(bar: SessionBar, session: Session, project_path: Path) -> None:
    session.open(project_path)
    session.close_project()
    shutil.rmtree(project_path)
    bar.last_button.click()
    assert session.project is None and not bar.last_button.isVisible()


@pytest.mark.parametrize("stored", [7, "", ["\0", 3, "/nowhere"], {"a": 1}])
def test_damaged_settings_are_no_recent_projects(stored: Any) -> None:
    recent.settings().setValue("recent", stored)
    assert recent_projects() == []


def test_missing_images_are_said_at_opening_and_found_in_a_folder(
    session: Session, project_path: Path, said: list[str], qtbot: Any
) -> None:
    (project_path.parent / "moved").mkdir()
    shutil.move(project_path.parent / "video.tif", project_path.parent / "moved" / "film.tif")
    session.open(project_path)
    assert "1 of 1 images are not where they were" in said[-1] and session.current_image_id is None
    session.relinking.look_in(project_path.parent / "moved")
    qtbot.waitUntil(lambda: session.current_image_id == 1, timeout=10_000)
    assert "1 of 1 missing images found" in said[-1]


def test_hidden_layers_stay_hidden_and_keep_their_opacity(session: Session, project_path: Path, qtbot: Any) -> None:
    session.open(project_path)
    row = OverlayRow(session)
    qtbot.addWidget(row)
    session.layers.image_layers[0].visible = False
    row.toggles["outlines"].click()
    row.toggles["confidence"].click()
    session.layers.ours("classes").opacity = 0.2
    session.close_project()
    for name, on in (("outlines", True), ("confidence", False)):
        row.toggles[name].setChecked(on)
    session.open(project_path)
    assert not session.layers.image_layers[0].visible and not session.layers.objects_layer.visible
    assert session.layers.ours("confidence").visible and session.layers.ours("classes").opacity == 0.2


def test_outlines_that_made_room_for_a_correction_are_not_taken_for_hidden(
    session: Session, project_path: Path
) -> None:
    session.open(project_path)
    session.layers.veil(True)
    session.close_project()
    session.layers.veiled = False
    session.open(project_path)
    assert session.layers.objects_layer.visible


def test_settings_of_the_segmentation_belong_to_the_project(
    session: Session, project_path: Path, tmp_path: Path, qtbot: Any
) -> None:
    dock = SegmentDock(session.viewer)
    qtbot.addWidget(dock)
    session.open(project_path)
    dock.form.setValue({"min_area": 2500, "cell_width_px": 7.0})
    session.create(tmp_path / "other")
    assert dock.method.value() == SegmentParameters()
    session.open(project_path)
    assert (dock.method.value().min_area, dock.method.value().cell_width_px) == (2500, 7.0)
    assert not dock._edited, "opening a project is no edit, or the preview would cover its objects"


def test_whether_suggestions_are_wanted_is_remembered(session: Session, project_path: Path, qtbot: Any) -> None:
    dock = LabelDock(session.viewer)
    qtbot.addWidget(dock)
    session.open(project_path)
    dock.live.switch.setChecked(not dock.live.switch.isChecked())
    wanted = dock.live.switch.isChecked()
    session.close_project()
    dock.live.switch.setChecked(not wanted)
    session.open(project_path)
    assert dock.live.switch.isChecked() == wanted
