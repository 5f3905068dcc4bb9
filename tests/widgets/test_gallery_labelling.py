from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("napari")

from qtpy.QtCore import QEvent, QItemSelectionModel, QPoint, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_cellsynth.widgets.gallery import GalleryDock
from napari_cellsynth.widgets.suggestion_table import SuggestionTable

pytestmark = pytest.mark.gui
CONTROL, SHIFT, NONE = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.NoModifier,
)
SELECT = QItemSelectionModel.SelectionFlag.Select


@pytest.fixture
def dock(session: Any, viewer: Any, project_path: Path, qtbot: Any) -> Iterator[GalleryDock]:
    """The gallery with 48 unlabelled crops in view."""
    session.open(project_path)
    made = GalleryDock(viewer)
    qtbot.addWidget(made)
    made.resize(500, 420)
    made.show()
    show(made, "real", "unlabelled")
    yield made
    made.model.close()


def show(dock: GalleryDock, kind: str, name: str) -> None:
    for box, text in ((dock.show_box, kind), (dock.class_box, name)):
        box.setCurrentText(text)
        box.activated.emit(box.currentIndex())


def select(dock: GalleryDock, *rows: int) -> list[int]:
    for row in rows:
        dock.patches.selectionModel().select(dock.model.index(row), SELECT)
    return [dock.model.key(row).id for row in rows]


def labels(session: Any) -> dict[int, int]:
    classes = session.project.objects()["class_id"]
    return {int(i): int(c) for i, c in classes.items() if c}


def test_one_key_labels_all_that_is_selected_in_one_step_of_undo(dock: GalleryDock, session: Any, qtbot: Any) -> None:
    chosen = select(dock, 1, 3, 4)
    qtbot.keyClick(dock.patches, "2")
    assert labels(session) == dict.fromkeys(chosen, 2)
    assert session.project.history(chosen[0])["source"].tolist() == ["bulk"]
    qtbot.keyClick(dock.patches, Qt.Key.Key_Z, CONTROL)
    assert labels(session) == {}
    qtbot.keyClick(dock.patches, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert labels(session) == dict.fromkeys(chosen, 2)


def test_zero_x_and_delete_are_labels_too(dock: GalleryDock, session: Any, qtbot: Any) -> None:
    chosen = select(dock, 0, 1)
    for key, label in ((Qt.Key.Key_0, -1), (Qt.Key.Key_X, -2)):
        qtbot.keyClick(dock.patches, key)
        assert labels(session) == dict.fromkeys(chosen, label)
    qtbot.keyClick(dock.patches, Qt.Key.Key_Delete)
    assert labels(session) == {}


def test_ctrl_a_shift_and_invert_select(dock: GalleryDock, qtbot: Any) -> None:
    qtbot.keyClick(dock.patches, Qt.Key.Key_A, CONTROL)
    assert len(dock.patches.selected_rows()) == 48
    dock.patches.clearSelection()
    dock.patches.setCurrentIndex(dock.model.index(0))
    qtbot.mouseClick(
        dock.patches.viewport(), Qt.MouseButton.LeftButton, SHIFT, dock.patches.visualRect(dock.model.index(3)).center()
    )
    assert dock.patches.selected_rows() == [0, 1, 2, 3]
    qtbot.keyClick(dock.patches, Qt.Key.Key_I, CONTROL)
    assert dock.patches.selected_rows() == list(range(4, 48))
    dock.labelling.invert.click()
    assert dock.patches.selected_rows() == [0, 1, 2, 3]


def test_a_box_selects(dock: GalleryDock, qtbot: Any) -> None:
    view, left = dock.patches.viewport(), Qt.MouseButton.LeftButton
    start, end = QPoint(0, 0), dock.patches.visualRect(dock.model.index(1)).center()
    qtbot.mousePress(view, left, NONE, start)
    for place in (QPoint(20, 20), end):
        move = QMouseEvent(QEvent.Type.MouseMove, QPointF(place), QPointF(view.mapToGlobal(place)), left, left, NONE)
        QApplication.sendEvent(view, move)
    qtbot.mouseRelease(view, left, NONE, end)
    boxed = [dock.patches.visualRect(dock.model.index(row)) for row in dock.patches.selected_rows()]
    lefts, tops = {each.left() for each in boxed}, {each.top() for each in boxed}
    assert len(boxed) > 1 and len(boxed) == len(lefts) * len(tops)


def test_enter_accepts_for_the_selected_crops_what_the_person_sees(dock: GalleryDock, session: Any, qtbot: Any) -> None:
    ids = [dock.model.key(row).id for row in range(48)]
    session.suggested = {number: (1 + number % 2, 0.9) for number in ids[:40]}
    session.suggestions_changed.emit()
    assert dock.model.suggested and dock.labelling.accept.isEnabled()
    chosen = select(dock, 0, 1, 47)
    session.suggested = dict.fromkeys(ids, (1, 0.5))  # a newer model, not shown yet
    session.suggestions_changed.emit()
    qtbot.keyClick(dock.patches, Qt.Key.Key_Return)
    assert labels(session) == {number: 1 + number % 2 for number in chosen[:2]}
    assert session.project.history(chosen[0])["source"].tolist() == ["accepted prediction"]
    qtbot.keyClick(dock.patches, Qt.Key.Key_Z, CONTROL)
    assert labels(session) == {}


def test_enter_without_a_selection_accepts_the_page_in_view_and_leaves_labels_alone(
    dock: GalleryDock, session: Any, qtbot: Any
) -> None:
    show(dock, "real", "every object")
    first = dock.model.key(0).id
    session.project.label([first], 1)
    session.suggested = {dock.model.key(row).id: (2, 0.9) for row in range(48)}
    dock.refresh()
    page = dock.patches.rows_in_view()
    assert page[0] == 0 and 1 < len(page) < 48 and page == list(range(len(page)))
    qtbot.keyClick(dock.patches, Qt.Key.Key_Return)
    assert labels(session) == {dock.model.key(row).id: 1 if row == 0 else 2 for row in page}
    session.project.undo()
    assert labels(session) == {first: 1}


def test_crops_are_shown_by_what_is_suggested_and_the_surest_come_first(dock: GalleryDock, session: Any) -> None:
    ids = [dock.model.key(row).id for row in range(48)]
    session.suggested = {number: (1 + number % 2, number / 100) for number in ids}
    dock.refresh()
    dock.labelling.suggested_box.setCurrentText("suggested: Spread")
    dock.labelling.suggested_box.activated.emit(2)
    dock.order_box.setCurrentText("surest class first")
    dock.order_box.activated.emit(0)
    shown = [dock.model.key(row).id for row in range(dock.model.rowCount())]
    assert shown == sorted((number for number in ids if number % 2), reverse=True)


def test_a_selection_stays_when_the_table_is_read_again_after_labels(
    dock: GalleryDock, session: Any, qtbot: Any
) -> None:
    select(dock, 0, 1)
    qtbot.keyClick(dock.patches, "1")
    dock.patches.clearSelection()
    chosen = select(dock, 5, 6)
    dock.refresh()
    assert dock.model.rowCount() == 46
    assert [dock.model.key(row).id for row in dock.patches.selected_rows()] == chosen


def test_a_key_that_is_held_down_labels_once_and_synthetic_patches_never(
    dock: GalleryDock, session: Any, said: list[str], qtbot: Any
) -> None:
    select(dock, 0)
    held = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_1, NONE, "1", True)
    QApplication.sendEvent(dock.patches, held)
    assert labels(session) == {}
    dock.patches.clearSelection()
    qtbot.keyClick(dock.patches, "1")
    assert len(said) == 1 and "No real crop is selected" in said[0]
    qtbot.keyClick(dock.patches, "9")
    assert "No class has the key 9" in said[1]


def test_keys_in_another_field_label_nothing(dock: GalleryDock, session: Any, qtbot: Any) -> None:
    select(dock, 0, 1)
    qtbot.keyClick(dock.choose.threshold, "1")
    qtbot.keyClick(dock.class_box, "1")
    assert labels(session) == {}


def test_in_a_multi_label_project_a_key_gives_a_class_to_all_and_takes_it_where_all_have_it(
    dock: GalleryDock, session: Any, qtbot: Any
) -> None:
    project = session.project
    project.set_multi_label(True)
    first, second = select(dock, 0, 1)
    project.label([first], 1)
    qtbot.keyClick(dock.patches, "2")
    assert [project.classes_of(label) for label in project.labels_of([first, second])] == [(1, 2), (2,)]
    qtbot.keyClick(dock.patches, "2")
    assert [project.classes_of(label) for label in project.labels_of([first, second])] == [(1,), ()]
    project.undo()
    assert [project.classes_of(label) for label in project.labels_of([first, second])] == [(1, 2), (2,)]


def test_five_thousand_of_fifty_thousand_are_labelled_by_one_key(
    session: Any, viewer: Any, project_path: Path, qtbot: Any
) -> None:
    session.open(project_path)
    project = session.project
    corner = np.arange(50_000) % 100
    project.add_boxes(1, 0, pd.DataFrame({"y0": corner, "x0": 0, "y1": corner + 5, "x1": 9}))
    dock = GalleryDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(500, 420)
    dock.show()
    show(dock, "real", "unlabelled")
    qtbot.waitUntil(lambda: not dock.reading.under_way, timeout=20_000)
    dock.labelling._select(range(5_000))
    qtbot.keyClick(dock.patches, "1")
    assert project.label_counts()[1] == 5_000
    actions = project._db.read("SELECT count(*) FROM actions WHERE kind = 'label'")
    assert actions == [(1,)]
    dock.refresh()
    qtbot.waitUntil(lambda: dock.model.rowCount() == 50_048 - 5_000, timeout=20_000)
    qtbot.keyClick(dock.patches, Qt.Key.Key_Z, CONTROL)
    assert 1 not in project.label_counts()
    dock.model.close()


def test_real_crops_are_shown_with_suggestions_of_a_table(dock: GalleryDock, session: Any) -> None:
    ids = session.project.objects().index.to_numpy()
    session.suggested = SuggestionTable(ids, np.ones(len(ids), np.int64), np.full(len(ids), 0.5))
    dock.refresh()
    assert dock.show_box.currentText() == "real" and dock.model.rowCount() == len(ids)
    assert dock.model.suggested.get(int(ids[0])) == 1
