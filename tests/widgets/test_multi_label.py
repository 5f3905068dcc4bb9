"""The docks on a project whose objects have several classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_cellsynth.evaluate.held_out import write_held_out
from napari_cellsynth.evaluate.multi_label_summary import summarise_multi_label
from napari_cellsynth.project import UNSURE, Project
from napari_cellsynth.widgets import score_panel
from napari_cellsynth.widgets.canvas_labels import label_here
from napari_cellsynth.widgets.class_table import class_states
from napari_cellsynth.widgets.classify import ClassifyDock
from napari_cellsynth.widgets.gallery_source import GallerySource
from napari_cellsynth.widgets.gallery_table import Choice, gallery_table
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.overlay import CLASSES, PredictionOverlay
from napari_cellsynth.widgets.overlay_table import DIFFERENCES
from napari_cellsynth.widgets.report_pages import write_project_report
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.session_bar import SessionBar
from tests.widgets.conftest import current

pytestmark = pytest.mark.gui
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def several(project_path: Path) -> Path:
    """The small project, multi-label, with the classes Dense (1), Spread (2) and Debris (3)."""
    with Project.open(project_path) as project:
        project.set_multi_label(True)
        project.add_class("Debris")
    return project_path


@pytest.fixture
def dock(several: Path, label_dock: LabelDock) -> LabelDock:
    return label_dock


def on_disk(path: Path) -> dict[int, tuple[int, ...]]:
    with Project.open(path, read_only=True) as project:
        labels = project.objects()["label"]
        return {int(i): project.classes_of(label) or (int(label),) for i, label in labels.items() if label}


def pressed(dock: LabelDock) -> list[int]:
    return [class_id for class_id in (1, 2, 3) if dock.classes.button(class_id).isChecked()]


def test_digits_toggle_classes_of_the_object_and_enter_goes_on(dock: LabelDock, several: Path, qtbot: Any) -> None:
    first = current(dock)
    for key, classes in (("3", (3,)), ("1", (1, 3)), ("3", (1,)), ("2", (1, 2))):
        qtbot.keyClick(dock.stage, key)
        assert on_disk(several) == {first: classes} and current(dock) == first
        assert pressed(dock) == list(classes)
    assert [dock.classes.button(c).text().split()[-1] for c in (1, 2, 3)] == ["1", "1", "0"]
    qtbot.keyClick(dock.stage, Qt.Key.Key_Return)
    assert current(dock) != first and pressed(dock) == []
    assert on_disk(several) == {first: (1, 2)}


def test_undo_takes_one_toggle_back(dock: LabelDock, several: Path, qtbot: Any) -> None:
    first = current(dock)
    qtbot.keyClick(dock.stage, "1")
    qtbot.keyClick(dock.stage, "2")
    qtbot.keyClick(dock.stage, Qt.Key.Key_Return)
    qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL)
    assert on_disk(several) == {first: (1,)} and current(dock) == first and pressed(dock) == [1]
    qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert on_disk(several) == {first: (1, 2)} and pressed(dock) == [1, 2]


def test_a_click_on_a_class_toggles_it_and_unsure_goes_on(dock: LabelDock, several: Path, qtbot: Any) -> None:
    first = current(dock)
    qtbot.mouseClick(dock.classes.button(2), LEFT)
    assert on_disk(several) == {first: (2,)} and current(dock) == first
    assert "gives or takes away Spread" in dock.classes.button(2).toolTip()
    qtbot.keyClick(dock.stage, "0")
    assert on_disk(several) == {first: (UNSURE,)} and current(dock) != first


def test_enter_without_a_class_only_walks_on(dock: LabelDock, several: Path, qtbot: Any) -> None:
    first = current(dock)
    qtbot.keyClick(dock.stage, Qt.Key.Key_Return)
    assert current(dock) != first and on_disk(several) == {}


def test_who_revises_labels_goes_to_the_next_object_labelled_or_not(dock: LabelDock, qtbot: Any) -> None:
    assert dock.queue is not None
    for _ in range(3):
        qtbot.keyClick(dock.stage, "1")
        qtbot.keyClick(dock.stage, Qt.Key.Key_Return)
    dock.walk(-3)
    here = dock.queue.position
    qtbot.keyClick(dock.stage, "2")
    qtbot.keyClick(dock.stage, Qt.Key.Key_Return)
    assert dock.queue.position == here + 1


def test_enter_accepts_all_suggested_classes_of_an_unlabelled_object(
    dock: LabelDock, session: Session, several: Path, qtbot: Any
) -> None:
    project = session.need_project()
    first = current(dock)
    run = project.new_run("classifier", "fast", {}, groups=["video"], seed=0)
    project.set_predictions(run.id, [first], np.array([[0.9, 0.2, 0.8]], np.float32), [1, 2, 3], [0.5, 0.5, 0.5])
    qtbot.waitUntil(lambda: dock.facts.suggestion.text() == "suggested  Dense + Debris  0.80")
    qtbot.keyClick(dock.stage, Qt.Key.Key_Return)
    assert on_disk(several) == {first: (1, 3)} and current(dock) != first
    assert project.history(first)["source"].tolist() == ["accepted prediction"]


def test_the_sheet_says_what_the_keys_do_here(dock: LabelDock, session: Session) -> None:
    sheet = dock.sheet.findChild(QLabel)
    assert "give or take away the class" in sheet.text()
    session.close_project()
    assert "give the class with that key and go on" in sheet.text()


def test_the_project_menu_makes_a_project_multi_label(session: Session, project_path: Path, qtbot: Any) -> None:
    bar = SessionBar(session)
    qtbot.addWidget(bar)
    session.open(project_path)

    def several() -> Any:
        bar.menu.aboutToShow.emit()
        return next(action for action in bar.menu.actions() if action.text() == "Several classes an object")

    assert not several().isChecked()
    several().trigger()
    assert session.need_project().multi_label and several().isChecked()
    several().trigger()
    assert not session.need_project().multi_label


def test_it_is_not_switched_off_under_labels_of_several_classes(
    session: Session, several: Path, qtbot: Any, said: list[str]
) -> None:
    bar = SessionBar(session)
    qtbot.addWidget(bar)
    session.open(several)
    session.need_project().label([1], [1, 2])
    bar._on_several(False)
    assert session.need_project().multi_label and "labels of several classes" in str(said[-1])


def test_the_overlay_shows_the_first_class_and_tells_all(session: Session, several: Path, qtbot: Any) -> None:
    session.open(several)
    project = session.need_project()
    ids = [int(i) for i in session.layers.frame_objects().index]
    run = project.new_run("classifier", "fast", {}, groups=["video"], seed=0)
    p = np.tile(np.array([[0.2, 0.9, 0.7]], np.float32), (len(ids), 1))
    p[0] = 0.1
    project.set_predictions(run.id, ids, p, [1, 2, 3], [0.5, 0.5, 0.5])
    project.label(ids[1:2], [1, 3])
    overlay = PredictionOverlay(session)
    with qtbot.waitSignal(overlay.changed, timeout=2000):
        pass
    table, image = session.layers.frame_objects(), overlay.layer(CLASSES).data
    shown = [int(image[int(row.cy), int(row.cx)]) for row in table.itertuples()]
    # None of the classes; labelled Dense and Debris, in full colour behind three classes and unsure; predicted Spread.
    assert shown[:3] == [0, 4 + 1, 2]
    assert overlay.counts() == {1: 1, 2: len(ids) - 2, 3: len(ids) - 1}
    features = session.layers.objects_layer.features.set_index("object")
    assert features.loc[ids[1], "class"] == "Dense + Debris"
    assert features.loc[ids[2], "predicted"] == "Spread + Debris"
    overlay.color_by(DIFFERENCES)
    assert overlay.differing() == 1
    overlay.disconnect_viewer()


def scored(project: Project) -> Any:
    ids = [int(i) for i in project.objects().index[:4]]
    truth = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
    p = np.array([[0.9, 0.2, 0.3], [0.1, 0.8, 0.1], [0.7, 0.9, 0.6], [0.1, 0.2, 0.9]], np.float32)
    names = [record.name for record in project.classes()]
    tested = [[i, (np.flatnonzero(row) + 1).tolist()] for i, row in zip(ids, truth, strict=True)]
    parameters = {"recipe": {"name": "fast"}, "synthetic": 0, "mode": "mixed", "test_objects": tested}
    run = project.new_run("classifier", "fast", parameters, groups=["video"], seed=0)
    scores = summarise_multi_label(truth, p, names, [0.5, 0.5, 0.5])
    result = {"scores": scores, "confusion": [], "classes": names, "held_out": 4}
    result["calibration"] = {"temperature": 1.0, "thresholds": [0.5, 0.5, 0.5], "crops": 0}
    write_held_out(run.folder, truth, p)
    return project.update_run(run.id, status="finished", result=result)


def test_classify_shows_four_counts_a_class_and_opens_their_crops(
    session: Session, several: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    shown: list[Any] = []

    class Gallery:
        def show_objects(self, ids: list[int], title: str) -> None:
            shown.append((ids, title))

    monkeypatch.setattr(score_panel, "open_gallery", lambda viewer: Gallery())
    session.open(several)
    project = session.need_project()
    run = scored(project)
    dock = ClassifyDock(session.viewer)
    qtbot.addWidget(dock)
    dock.show()
    panel = dock.scores
    assert panel.score.text().startswith(f"{run.id}: macro F1 .8")
    table = panel.confusion
    assert [table.horizontalHeaderItem(i).text() for i in range(4)] == ["TP", "FN", "FP", "TN"]
    assert [table.item(2, i).text() for i in range(4)] == ["1", "1", "1", "1"]
    panel.as_shares.setChecked(True)
    assert [table.item(0, i).text() for i in range(4)] == ["100%", "·", "·", "100%"]
    headings = [panel.per_class.horizontalHeaderItem(i).text() for i in range(panel.per_class.columnCount())]
    assert headings == ["class", "TPR", "PPV", "F1", "AUC", "threshold", "crops"]
    assert "Thresholds a class one half" in panel.calibration.text()
    tested = [i for i, _ in run.parameters["test_objects"]]
    for column, place in enumerate((3, 0, 2, 1)):
        table.cell_opened.emit(2, column)
        assert shown[-1] == ([tested[place]], f"Debris {('TP', 'FN', 'FP', 'TN')[column]}")
    table.cell_opened.emit(0, 1)
    assert "no held-out crop of Dense FN" in str(said[-1])
    offered = [dock.balance.itemText(i) for i in range(dock.balance.count())]
    assert offered == ["weights", "none"]


def test_the_page_of_the_project_shows_counts_in_place_of_a_matrix(session: Session, several: Path) -> None:
    session.open(several)
    scored(session.need_project())
    page = write_project_report(session.need_project()).read_text()
    assert "given it (TP)" in page and "subset accuracy" in page and "Hamming loss" in page


def test_objects_count_and_show_with_each_of_their_classes(session: Session, several: Path) -> None:
    session.open(several)
    project = session.need_project()
    project.label([1, 2], [1, 3])
    project.label([3], 3)
    assert [state.crops for state in class_states(project, 64)] == [2, 0, 3]
    source = GallerySource()
    assert sorted(gallery_table(project, source, Choice(show="real", class_id=3))["id"]) == [1, 2, 3]
    assert sorted(gallery_table(project, source, Choice(show="real"))["id"]) == [1, 2, 3]


def test_a_key_on_the_canvas_toggles_the_class_of_the_object_under_the_pointer(session: Session, several: Path) -> None:
    session.open(several)
    session.current_object_id = int(session.layers.frame_objects().index[0])
    for class_id in (1, 2, 1):
        label_here(session, class_id)
    assert on_disk(several) == {session.current_object_id: (2,)}
