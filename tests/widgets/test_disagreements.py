from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QWidget

from napari_cellsynth.jobs.agreement import between
from napari_cellsynth.widgets.disagreement_grid import LINE, SIDE
from napari_cellsynth.widgets.disagreements import Disagreements, show_disagreements
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.label_modes import SETTLE
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui


@pytest.fixture
def page(session: Session, project_path: Path, qtbot: Any) -> Iterator[Disagreements]:
    """Ann calls five objects Dense, Bob the last four of them Spread."""
    session.open(project_path)
    session.project.label([1, 2, 3, 4, 5], 1, user="ann")
    session.project.answer([1], 1, "independent", user="bob")
    session.project.answer([2, 3, 4, 5], 2, "independent", user="bob")
    made = Disagreements(session)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


def shown(page: Disagreements) -> list[int]:
    return [page.model.key(row).id for row in range(page.model.rowCount())]


def click_label(page: Disagreements, row: int, line: int, qtbot: Any) -> None:
    corner = page.grid.visualRect(page.model.index(row)).topLeft()
    point = corner + QPoint(30, 4 + SIDE + line * LINE + LINE // 2)
    qtbot.mouseClick(page.grid.viewport(), Qt.MouseButton.LeftButton, pos=point)


def test_all_disagreements_are_on_the_page_with_both_labels(page: Disagreements) -> None:
    assert shown(page) == [2, 3, 4, 5] and page.pair.currentText() == "A: ann · B: bob"
    said = page.grid.itemDelegate().said[2]
    assert (said.first, said.second, said.decided) == ("Dense", "Spread", "")
    assert page.summary.text() == "4 disagreements · 0 settled"


def test_keys_settle_one_after_the_other_and_undo_takes_a_decision_back(
    page: Disagreements, session: Session, qtbot: Any
) -> None:
    project = session.project
    for key in (Qt.Key.Key_B, Qt.Key.Key_A, Qt.Key.Key_2, Qt.Key.Key_X):
        qtbot.keyClick(page.grid, key)
    assert project.labels_of([2, 3, 4, 5]) == [2, 1, 2, -2] and shown(page) == []
    found, differing = between(project, "ann", "bob")
    assert all(each.decided for each in differing) and found.agreed == 1
    qtbot.keyClick(page.grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: shown(page) == [5])
    assert project.labels_of([5]) == [1]


def test_a_click_on_a_label_settles_and_one_on_the_crop_only_selects(
    page: Disagreements, session: Session, qtbot: Any
) -> None:
    click_label(page, 1, -1, qtbot)
    assert shown(page) == [2, 3, 4, 5] and page.grid.selected_rows() == [1]
    click_label(page, 1, 1, qtbot)
    assert session.project.labels_of([3]) == [2] and shown(page) == [2, 4, 5]
    page.settled.setChecked(True)
    assert shown(page) == [2, 4, 5, 3] and page.grid.itemDelegate().said[3].decided == "Spread"


def test_several_selected_crops_are_settled_in_one_step(page: Disagreements, session: Session, qtbot: Any) -> None:
    page.grid.selectAll()
    qtbot.keyClick(page.grid, Qt.Key.Key_B)
    assert session.project.labels_of([2, 3, 4, 5]) == [2, 2, 2, 2]
    session.project.undo_step()
    assert session.project.labels_of([2, 3, 4, 5]) == [1, 1, 1, 1]


def test_a_class_without_a_key_is_told(page: Disagreements, session: Session, said: list[str], qtbot: Any) -> None:
    qtbot.keyClick(page.grid, Qt.Key.Key_9)
    assert "No class has the key 9" in said[-1] and shown(page) == [2, 3, 4, 5]


def test_the_label_dock_opens_the_page_and_says_where_nobody_can_be_compared(
    page: Disagreements, session: Session, said: list[str], qtbot: Any
) -> None:
    dock = LabelDock(session.viewer)
    qtbot.addWidget(dock)
    dock.modes.box.setCurrentText(SETTLE)
    dock.modes.box.activated.emit(dock.modes.box.currentIndex())
    dock.modes.page.click()
    opened = dock.findChild(Disagreements)
    assert shown(opened) == [2, 3, 4, 5]
    opened.close()
    session.project.label([1, 2, 3, 4, 5], 0, user="ann")
    parent = QWidget()
    qtbot.addWidget(parent)
    assert show_disagreements(session, parent) is None and "Nobody has labelled" in said[-1]
