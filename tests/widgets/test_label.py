from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication

from napari_cellsynth.project import BAD_SEGMENTATION, UNSURE, Project
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.session import Session
from tests.widgets.conftest import current

pytestmark = pytest.mark.gui
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def dock(label_dock: LabelDock) -> LabelDock:
    return label_dock


def labels_on_disk(path: Path) -> dict[int, int]:
    with Project.open(path, read_only=True) as project:
        classes = project.objects()["class_id"]
    return {int(i): int(c) for i, c in classes.items() if c}


def test_a_digit_labels_the_object_on_disk_and_shows_the_next_one(
    dock: LabelDock, project_path: Path, qtbot: Any
) -> None:
    first = current(dock)
    qtbot.keyClick(dock.stage, "2")
    assert labels_on_disk(project_path) == {first: 2}
    assert current(dock) != first
    assert dock.stage.shown is not None and dock.stage.shown.object_id == current(dock)


def test_every_key_does_what_the_sheet_says(dock: LabelDock, project_path: Path, qtbot: Any) -> None:
    qtbot.keyClick(dock.stage, "1")
    qtbot.keyClick(dock.stage, "0")
    qtbot.keyClick(dock.stage, "x")
    assert list(labels_on_disk(project_path).values()) == [1, UNSURE, BAD_SEGMENTATION]
    here = current(dock)
    qtbot.keyClick(dock.stage, Qt.Key.Key_Left)
    assert current(dock) != here
    qtbot.keyClick(dock.stage, Qt.Key.Key_Right)
    assert current(dock) == here
    assert dock.stage.view.outline_shown
    qtbot.keyClick(dock.stage, Qt.Key.Key_Space)
    assert not dock.stage.view.outline_shown
    qtbot.keyClick(dock.stage, Qt.Key.Key_Question, SHIFT)
    assert dock.sheet.isVisible()
    qtbot.keyClick(dock.stage, Qt.Key.Key_Escape)
    assert not dock.sheet.isVisible()
    qtbot.keyClick(dock.stage, Qt.Key.Key_Question, SHIFT)
    assert dock.sheet.isVisible()
    qtbot.keyClick(dock.stage, Qt.Key.Key_Question, SHIFT)
    assert not dock.sheet.isVisible()


def test_undo_and_redo_go_back_to_their_object(dock: LabelDock, project_path: Path, qtbot: Any) -> None:
    first = current(dock)
    qtbot.keyClick(dock.stage, "1")
    qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL)
    assert labels_on_disk(project_path) == {} and current(dock) == first
    qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert labels_on_disk(project_path) == {first: 1} and current(dock) == first


def test_a_label_of_yesterday_can_be_undone(
    session: Session, project_path: Path, dock: LabelDock, said: list[str], qtbot: Any
) -> None:
    qtbot.keyClick(dock.stage, "1")
    session.open(project_path)
    dock.take_back()
    assert labels_on_disk(project_path) == {}
    dock.take_back()
    assert said == ["There is nothing to undo."]


def test_counts_are_live_and_name_the_keys(dock: LabelDock, qtbot: Any) -> None:
    qtbot.keyClick(dock.stage, "1")
    qtbot.keyClick(dock.stage, "1")
    assert dock.classes.button(1).text().split() == ["1", "Dense", "2"]
    qtbot.waitUntil(lambda: "2 labelled" in dock.tally.text())
    assert "of 48" in dock.tally.text() and "a minute" in dock.tally.text()


def test_a_click_on_a_class_labels_like_its_key(dock: LabelDock, project_path: Path) -> None:
    first = current(dock)
    dock.classes.button(2).click()
    assert labels_on_disk(project_path) == {first: 2}


def test_classes_are_added_renamed_and_recoloured_from_the_dock(dock: LabelDock, session: Session) -> None:
    dock.classes.add_asked.emit("Debris")
    dock.classes.rename_asked.emit(1, "Compact")
    dock.classes.recolor_asked.emit(1, "#123456")
    assert session.project is not None
    records = session.project.classes()
    assert [(r.name, r.key) for r in records] == [("Compact", "1"), ("Spread", "2"), ("Debris", "3")]
    assert records[0].color == "#123456"
    assert "Compact" in dock.classes.button(1).text()


def test_an_ampersand_in_a_name_is_no_shortcut(dock: LabelDock) -> None:
    dock.classes.rename_asked.emit(1, "R&D")
    assert "R&&D" in dock.classes.button(1).text() and dock.classes.button(1).shortcut().isEmpty()


def test_a_name_that_is_taken_is_one_sentence(dock: LabelDock, said: list[str]) -> None:
    dock.classes.add_asked.emit("Dense")
    assert len(said) == 1 and "Dense" in said[0]


def test_a_key_without_a_class_says_so_and_labels_nothing(
    dock: LabelDock, project_path: Path, said: list[str], qtbot: Any
) -> None:
    qtbot.keyClick(dock.stage, "7")
    assert said == ["No class has the key 7. Add one with “+ class”."]
    assert labels_on_disk(project_path) == {}


def test_a_key_that_is_held_down_labels_one_object(dock: LabelDock, project_path: Path) -> None:
    first = current(dock)
    for key, text in ((Qt.Key.Key_1, "1"), (Qt.Key.Key_X, "x"), (Qt.Key.Key_0, "0"), (Qt.Key.Key_Delete, "")):
        for target in (dock.stage, dock):
            held = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, text, True)
            QApplication.sendEvent(target, held)
    assert labels_on_disk(project_path) == {} and current(dock) == first
    held = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Right, Qt.KeyboardModifier.NoModifier, "", True)
    QApplication.sendEvent(dock.stage, held)
    assert current(dock) != first


def test_after_the_last_object_a_quick_key_does_not_label_it_again(
    dock: LabelDock, session: Session, project_path: Path, said: list[str], qtbot: Any
) -> None:
    last = current(dock)
    assert session.project is not None
    session.project.label([i for i in session.project.objects().index if i != last], 1)
    qtbot.keyClick(dock.stage, "1")
    assert said[-1] == "All 48 objects are labelled."
    qtbot.keyClick(dock.stage, "2")
    assert labels_on_disk(project_path)[last] == 1 and "with the arrows to revise" in said[-1]
    # Gone to on purpose it is revised.
    qtbot.keyClick(dock.stage, Qt.Key.Key_Right)
    qtbot.keyClick(dock.stage, Qt.Key.Key_Left)
    qtbot.keyClick(dock.stage, "2")
    assert labels_on_disk(project_path)[last] == 2


def test_a_project_that_was_moved_takes_no_labels(
    dock: LabelDock, project_path: Path, said: list[str], qtbot: Any
) -> None:
    first, moved = current(dock), project_path.with_name("moved.cellsynth")
    project_path.rename(moved)
    qtbot.keyClick(dock.stage, "1")
    assert "is gone or was moved" in said[-1] and current(dock) == first
    assert dock.queue is not None and dock.queue.counts() == {0: 48}
    assert labels_on_disk(moved) == {}


def test_without_a_project_the_keys_say_what_to_do(session: Session, said: list[str], qtbot: Any) -> None:
    dock = LabelDock(session.viewer)
    qtbot.addWidget(dock)
    qtbot.keyClick(dock.stage, "1")
    assert said == ["No project is open. Make or open one in the bar at the top."]
    assert not dock.undo.isEnabled() and not dock.stage.view.has_crop


def test_a_prediction_is_suggested_orders_the_queue_and_enter_accepts_it(
    dock: LabelDock, session: Session, project_path: Path, qtbot: Any
) -> None:
    from napari_cellsynth.widgets.label_queue import LEAST_CERTAIN

    assert session.project is not None and dock.order.findText(LEAST_CERTAIN) < 0
    ids = session.project.objects().index.to_numpy()
    sure = np.linspace(0.55, 0.99, len(ids))[::-1].astype(np.float32)
    session.project.set_predictions("classifier-0001", ids, np.stack([1 - sure, sure], 1), [1, 2])
    dock.order.setCurrentIndex(dock.order.findText(LEAST_CERTAIN))
    dock.order.activated.emit(dock.order.currentIndex())
    assert current(dock) == ids[-1]
    assert dock.facts.suggestion.text().split() == ["suggested", "Spread", "0.55"]
    qtbot.keyClick(dock.stage, Qt.Key.Key_Return)
    assert labels_on_disk(project_path) == {int(ids[-1]): 2}
    assert session.project.history(int(ids[-1]))["source"].iloc[-1] == "accepted prediction"


def test_an_object_chosen_elsewhere_is_shown_here(dock: LabelDock, session: Session) -> None:
    session.select_object(40)
    assert current(dock) == 40 and dock.facts.where.text().startswith("frame 3")


def test_a_missing_image_says_so_in_place_of_the_crop(
    session: Session, project_path: Path, dock: LabelDock, said: list[str], qtbot: Any
) -> None:
    session.close_project()
    (project_path.parent / "video.tif").unlink()
    session.open(project_path)
    qtbot.waitUntil(lambda: "not at" in dock.stage.view._text)
