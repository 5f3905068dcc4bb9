import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("napari")

from qtpy.QtCore import QItemSelectionModel, Qt

from napari_cellsynth.widgets.gallery import GalleryDock
from tests.widgets.conftest import followed

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton
SELECT = QItemSelectionModel.SelectionFlag.Select


@pytest.fixture
def project(session, project_path):
    """Six synthetic Dense patches of two runs (four of the newest), one of Spread, and two labelled crops."""
    session.open(project_path)
    made = session.project
    dense, spread = (record.id for record in made.classes())
    for record, count in ((dense, 2), (dense, 4), (spread, 1)):
        run = made.new_run("gan", "dcgan", {}, class_id=record, groups=["video"], seed=0)
        images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 32, 32), np.uint8) * 20
        ids = made.add_synthetic(run.id, "step", record, 0, 0, images)
        if count == 4:
            made.set_nearest(ids, [1, 2, 3, 4], [0.4, 0.1, 0.3, 0.2])
    made.label([1], dense)
    made.label([2], spread)
    return made


@pytest.fixture
def dock(session, viewer, qtbot):
    made = GalleryDock(viewer)
    qtbot.addWidget(made)
    made.resize(1000, 300)
    made.show()
    yield made
    made.model.close()


def ids(dock):
    return list(dock.model.table["id"])


def choose(box, text):
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())


def test_the_newest_run_of_each_class_is_shown_first(dock, project):
    dock.refresh()
    assert dock.summary.text() == "5 patches"
    choose(dock.run_box, "all runs")
    assert dock.model.rowCount() == 7
    choose(dock.class_box, "Spread")
    assert dock.model.rowCount() == 1


def test_of_a_large_project_the_newest_patches_are_shown_until_all_have_been_read(dock, project, qtbot, monkeypatch):
    monkeypatch.setattr("napari_cellsynth.widgets.gallery_reading.MANY", 3)
    monkeypatch.setattr("napari_cellsynth.widgets.gallery_reading.PAGE", 2)
    all_ids = project.synthetic().index.tolist()[::-1]
    choose(dock.run_box, "all runs")
    dock.source.forget()
    dock.refresh()
    assert ids(dock) == all_ids[:2]
    assert dock.summary.text() == "2 patches · reading …"
    project.review(all_ids[:1], "rejected")  # comes in between: what is read by then counts
    qtbot.waitUntil(lambda: not dock.reading.under_way, timeout=10_000)
    assert ids(dock) == all_ids
    assert dock.model.review(0) == "rejected"
    assert dock.summary.text() == "7 patches · 1 rejected"


def test_a_change_in_a_large_project_leaves_what_is_shown_until_it_has_been_read(dock, project, qtbot, monkeypatch):
    dock.refresh()
    shown = ids(dock)
    monkeypatch.setattr("napari_cellsynth.widgets.gallery_reading.MANY", 3)
    monkeypatch.setattr("napari_cellsynth.widgets.gallery_reading.PAGE", 1)
    dock.source.objects(project)
    [run] = [each.id for each in project.runs() if each.id == dock.model.key(0).run]
    [made] = project.add_synthetic(run, "step", 2, 0, 1, np.zeros((1, 1, 32, 32), np.uint8))
    assert ids(dock) == shown
    qtbot.waitUntil(lambda: made in ids(dock), timeout=10_000)
    assert ids(dock) == [made, *shown]


def test_the_newest_objects_of_every_label_are_found_without_reading_all(project):
    assert project.newest_objects(5, 1, 9) == [2, 1]
    assert project.newest_objects(1, 1, 9) == [2]
    assert project.newest_objects(2, 0, 0) == sorted(project.objects().index[2:], reverse=True)[:2]
    assert project.amounts() == (len(project.objects()), len(project.synthetic()))


def test_likely_copies_come_first(dock, project):
    choose(dock.order_box, "likely copies first")
    assert list(dock.model.table["distance"])[:4] == [0.1, 0.2, 0.3, 0.4]


def test_real_crops_are_shown_by_class(dock, project):
    choose(dock.show_box, "real")
    assert ids(dock) == [2, 1]
    choose(dock.show_box, "both")
    assert dock.model.rowCount() == 7


def test_the_patches_are_read_and_drawn(dock, project, qtbot):
    dock.refresh()
    qtbot.waitUntil(lambda: dock.model.index(0).data(Qt.ItemDataRole.DecorationRole) is not None, timeout=5000)
    choose(dock.show_box, "real")
    qtbot.waitUntil(lambda: dock.model.index(1).data(Qt.ItemDataRole.DecorationRole) is not None, timeout=5000)


def test_a_key_rejects_the_selected_patch_and_goes_on(dock, project, qtbot):
    dock.refresh()
    dock.patches.setCurrentIndex(dock.model.index(0))
    first = ids(dock)[0]
    qtbot.keyClick(dock.patches, Qt.Key.Key_R)
    assert project.synthetic().loc[first, "review"] == "rejected"
    assert dock.patches.currentIndex().row() == 1
    qtbot.keyClick(dock.patches, Qt.Key.Key_A)
    assert project.synthetic().loc[ids(dock)[1], "review"] == "accepted"
    assert dock.summary.text() == "5 patches · 1 accepted · 1 rejected"


def test_several_are_rejected_with_a_reason_in_one_step_and_undone_in_one(dock, project, qtbot):
    dock.refresh()
    for row in (0, 2):
        dock.patches.selectionModel().select(dock.model.index(row), SELECT)
    dock.verdicts.judge("rejected", "blurred")
    assert list(project.synthetic(review="rejected")["reason"]) == ["blurred", "blurred"]
    qtbot.mouseClick(dock.undo, LEFT)
    assert project.synthetic(review="rejected").empty
    assert dock.summary.text() == "5 patches"


def test_real_crops_cannot_be_rejected(dock, project):
    choose(dock.show_box, "real")
    dock.patches.setCurrentIndex(dock.model.index(0))
    assert not dock.verdicts.accept.isEnabled()
    assert dock.verdicts.accept.toolTip() == "No synthetic patch is selected."
    dock.verdicts.judge("rejected")
    assert project.synthetic(review="rejected").empty


def test_the_nearest_real_crop_and_its_distance_are_shown(dock, project, qtbot):
    choose(dock.order_box, "likely copies first")
    dock.patches.setCurrentIndex(dock.model.index(0))
    assert dock.facts.labels[0].text() == "nearest real · distance 0.10"
    picture = dock.facts.picture
    qtbot.waitUntil(lambda: picture.pixmap() is not None and picture.pixmap().width() > 0, timeout=5000)
    assert dock.facts.picture.isVisible()
    choose(dock.run_box, "gan-0001")
    dock.patches.setCurrentIndex(dock.model.index(0))
    assert not dock.facts.picture.isVisible()


def test_the_nearest_real_one_is_shown_in_its_image(dock, project, session, qtbot):
    choose(dock.order_box, "likely copies first")
    dock.patches.setCurrentIndex(dock.model.index(0))
    qtbot.mouseClick(dock.show_in_image, LEFT)
    assert session.current_object_id == 2


def test_chosen_crops_are_shown_alone_until_all_are_wanted_again(dock, project, qtbot):
    dock.show_objects([3, 5], "Dense → Spread")
    assert ids(dock) == [5, 3]
    assert dock.summary.text() == "Dense → Spread · 2 crops"
    qtbot.mouseClick(dock.clear_only, LEFT)
    assert ids(dock) == [2, 1]


def test_a_missing_image_is_told_once_and_in_one_line(dock, project, project_path, session, said, qtbot):
    (project_path.parent / "video.tif").unlink()
    choose(dock.show_box, "real")
    qtbot.waitUntil(lambda: len(said) >= 1, timeout=5000)
    qtbot.wait(200)
    assert len(said) == 1
    assert "Traceback" not in said[0]


def test_closing_the_project_empties_the_gallery(dock, project, session):
    dock.refresh()
    session.close_project()
    assert dock.model.rowCount() == 0
    assert dock.summary.text() == "No project is open."


def test_the_slider_changes_the_size_of_the_patches(dock, project):
    dock.zoom.setValue(128)
    assert dock.patches.gridSize().width() >= 128


def test_labels_are_read_again_only_where_real_crops_are_shown(dock, project, monkeypatch, qtbot):
    # What the project came with is told once more at the next look at what others have written.
    dock.session.others.look()
    followed(qtbot)
    read = []
    monkeypatch.setattr(dock, "refresh", lambda: read.append(dock.show_box.currentText()))
    object_id = int(project.objects().index[0])
    for shown in ("synthetic", "both"):
        dock.show_box.setCurrentText(shown)
        project.label([object_id], 1)
        followed(qtbot)
    assert read == ["both"]


def test_patches_that_another_process_makes_appear(dock, project, session):
    # The gallery has read with a connection of its own by now; closing one of its handles on the database must not
    # cut the window off from what workers write.
    dock.refresh()
    code = (
        "import sys, numpy as np; from napari_cellsynth.project import Project\n"
        "with Project.open(sys.argv[1]) as project:\n"
        "    project.add_synthetic('gan-0003', 'step', 2, 0, 1, np.zeros((3, 1, 32, 32), np.uint8))"
    )
    for expected in (8, 11):
        subprocess.run([sys.executable, "-c", code, str(project.path)], check=True, timeout=60)
        session.synthetic_changed.emit()
        assert dock.model.rowCount() == expected
