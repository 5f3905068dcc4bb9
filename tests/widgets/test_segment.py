from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QToolButton

from napari_cellsynth.events import Finished
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.jobs.job import SegmentParameters
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.segment import SegmentDock
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.sparkline import sparkline
from tests.widgets.conftest import grid_labels, make_project

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(session: Session, qtbot: Any) -> SegmentDock:
    made = SegmentDock(session.viewer)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A project with images and no objects."""
    return make_project(tmp_path, segmented=False)


def test_without_a_project_the_button_is_off_and_says_why(dock: SegmentDock) -> None:
    assert not dock.segment_all.isEnabled()
    assert "No project" in dock.segment_all.toolTip() and "No project" in dock.problem.text()


def test_without_images_the_button_says_that(dock: SegmentDock, session: Session, tmp_path: Path) -> None:
    session.create(tmp_path / "empty.cellsynth")
    assert not dock.segment_all.isEnabled() and "no images" in dock.problem.text()


def test_files_and_folders_are_linked_and_shown(
    dock: SegmentDock, session: Session, tmp_path: Path, qtbot: Any
) -> None:
    session.create(tmp_path / "p.cellsynth")
    for t in range(2):
        (tmp_path / "well").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "well" / f"t{t}.tif", np.full((40, 50), t, np.uint8))
    with qtbot.waitSignal(session.images_changed):
        dock.add.add([tmp_path / "well"])
    assert dock.images.text() == "2 frames · 1 series · 1 group"
    assert dock.segment_all.text() == "Segment all 2 frames" and dock.segment_all.isEnabled()
    assert session.viewer.layers[0].name == "well"


def test_a_broken_file_is_one_sentence_and_adds_nothing(
    dock: SegmentDock, session: Session, tmp_path: Path, said: list[str], qtbot: Any
) -> None:
    session.create(tmp_path / "p.cellsynth")
    (tmp_path / "bad.tif").write_text("no image")
    dock.add.add([tmp_path / "bad.tif"])
    qtbot.waitUntil(lambda: bool(said))
    assert "bad.tif" in said[0] and dock.add.button.isEnabled()
    assert session.project is not None and len(session.project.images()) == 0


def test_a_layer_in_memory_is_saved_beside_the_project_and_linked(
    dock: SegmentDock, session: Session, tmp_path: Path, said: list[str], qtbot: Any
) -> None:
    session.create(tmp_path / "p.cellsynth")
    video = np.random.default_rng(0).integers(0, 255, (3, 40, 50)).astype(np.uint8)
    layer = session.viewer.add_image(video, name="my sample")
    with qtbot.waitSignal(session.images_changed):
        dock.add.add_layer(layer)
    saved = tmp_path / "p-images" / "my_sample.tif"
    assert str(saved) in said[0]
    assert session.project is not None
    assert session.project.images().iloc[0]["frames"] == 3
    np.testing.assert_array_equal(session.project.frame(1, 2)[0], video[2])


def test_a_layer_with_a_file_is_linked_to_that_file(
    dock: SegmentDock, session: Session, tmp_path: Path, qtbot: Any
) -> None:
    session.create(tmp_path / "p.cellsynth")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 50), np.uint8))
    [layer] = session.viewer.open(tmp_path / "a.tif", plugin="napari")
    with qtbot.waitSignal(session.images_changed):
        dock.add.add_layer(layer)
    assert session.project is not None
    assert session.project.images().iloc[0]["path"] == str(tmp_path / "a.tif")


def test_the_preview_draws_outlines_and_tells_count_and_time(
    dock: SegmentDock, session: Session, fresh: Path, qtbot: Any
) -> None:
    dock.form.setValue({"radius": 3, "min_area": 100})
    with qtbot.waitSignal(dock.preview.computed, timeout=60_000) as caught:
        session.open(fresh)
    assert dock.result.text().startswith(f"{caught.args[0]:,} objects · ")
    assert session.layers.ours("preview").data.max() == caught.args[0]
    dock.live.setChecked(False)
    assert session.layers.ours("preview") is None


def test_a_preview_leaves_with_its_frame(dock: SegmentDock, session: Session, tmp_path: Path, qtbot: Any) -> None:
    path, labels = make_project(tmp_path, segmented=False), grid_labels()
    with Project.open(path) as project:
        project.set_objects(1, 1, boxes_of(labels), labels)
    with qtbot.waitSignal(dock.preview.computed, timeout=60_000):
        session.open(path)
    session.viewer.dims.set_point(0, 1)
    assert session.layers.ours("preview") is None and dock.result.text() == ""
    assert session.layers.objects_layer.visible
    with qtbot.waitSignal(dock.preview.begun, timeout=60_000):
        session.viewer.dims.set_point(0, 0)
    # What was still being computed for the frame before is not drawn over this one.
    with qtbot.assertNotEmitted(dock.preview.computed, wait=1500):
        session.viewer.dims.set_point(0, 1)
    assert session.layers.ours("preview") is None


def test_a_preview_gives_hidden_outlines_back_hidden(
    dock: SegmentDock, session: Session, project_path: Path, qtbot: Any
) -> None:
    session.open(project_path)
    session.layers.objects_layer.visible = False
    with qtbot.waitSignal(dock.preview.computed, timeout=60_000):
        dock.form.setValue({"radius": 3})
    dock.live.setChecked(False)
    assert not session.layers.objects_layer.visible


def test_an_image_that_cannot_be_shown_leaves_the_list_on_the_one_that_is(
    dock: SegmentDock, session: Session, project_path: Path, tmp_path: Path, said: list[str]
) -> None:
    tifffile.imwrite(tmp_path / "other.tif", np.ones((40, 50), np.uint8))
    with Project.open(project_path) as project:
        project.add_images([tmp_path / "other.tif"])
    session.open(project_path)
    (tmp_path / "other.tif").unlink()
    dock.shown.setCurrentIndex(1)
    dock.shown.activated.emit(1)
    assert "other" in said[-1] and dock.shown.currentData() == session.current_image_id == 1


def test_the_newest_settings_win(dock: SegmentDock, session: Session, fresh: Path, qtbot: Any) -> None:
    session.open(fresh)
    counts: list[int] = []
    dock.preview.computed.connect(lambda count, _seconds: counts.append(count))
    for area in (10, 50, 100, 10**6):
        dock.form.setValue({"radius": 3, "min_area": area})
    qtbot.waitUntil(lambda: counts[-1:] == [0], timeout=60_000)
    assert len(counts) <= 2


def test_segmenting_submits_the_settings_and_says_what_was_carried_over(
    dock: SegmentDock, session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    from tests.widgets.conftest import FakeRun

    session.open(project_path)
    dock.form.setValue({"radius": 7})
    FakeRun.last = Finished({"objects": 48, "frames": 3, "carried": 5, "orphans": [1, 2]})
    dock.segment_all.click()
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    assert fake_runs[0].job.checked() == SegmentParameters(radius=7)
    assert not dock.segment_all.isEnabled() and "running" in dock.problem.text()
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: dock.segment_all.isEnabled())
    assert dock.found.carried.text() == "Carried over 5 labels · 2 labels could not be placed"


def test_a_number_that_is_still_being_typed_counts(
    dock: SegmentDock, session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    session.open(project_path)
    radius = dock.form.editor("radius")
    radius.setFocus()
    radius.selectAll()  # type: ignore[attr-defined]
    qtbot.keyClicks(radius, "23")
    qtbot.mouseClick(dock.segment_all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    assert fake_runs[0].job.checked().radius == 23


def test_one_frame_can_be_segmented_alone(
    dock: SegmentDock, session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    session.open(project_path)
    session.viewer.dims.set_point(0, 1)
    dock.segment_frame.click()
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    parameters = fake_runs[0].job.checked()
    assert (parameters.images, parameters.frames) == ([1], [1])


def test_what_was_found_is_told_with_the_spread_of_areas(
    dock: SegmentDock, session: Session, project_path: Path
) -> None:
    session.open(project_path)
    assert dock.found.summary.text() == "48 objects · 16.0 a frame"
    assert "576 px" in dock.found.areas.text()


def test_an_invalid_field_switches_the_button_off_with_the_reason(
    dock: SegmentDock, session: Session, project_path: Path
) -> None:
    session.open(project_path)
    dock.form.editor("flat_field_px").setText("-3")
    assert not dock.segment_all.isEnabled() and "greater than 0" in dock.segment_all.toolTip()


def test_a_sparkline_is_highest_where_most_values_are() -> None:
    line = sparkline(np.concatenate([np.full(50, 100.0), np.full(5, 1000.0)]), bins=4)
    assert len(line) == 4 and line[0] == "█" and line[-1] == "▂"


def test_enhancements_are_compared_on_the_frame_when_asked_for(
    dock: SegmentDock, session: Session, fresh: Path, qtbot: Any
) -> None:
    session.open(fresh)
    table = dock.enhancements.table
    assert not table.text()  # folded away, nothing is measured
    dock.findChild(QToolButton, "show_enhancements").click()
    qtbot.waitUntil(lambda: "SSIM" in table.text(), timeout=10_000)
    assert all(name in table.text() for name in (">HE&", ">AHE&", ">CLAHE&", "dB"))
