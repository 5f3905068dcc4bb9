"""The grid of patches: where cells and headings lie, keys, boxes drawn with the mouse, two sections side by side."""

from __future__ import annotations

import pytest

pytest.importorskip("qtpy.QtWidgets")

from qtpy.QtCore import QEvent, QPoint, QPointF, QRect, QSize, QStringListModel, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QScrollBar

from napari_cellsynth.widgets.patch_grid import HEADING, PatchGrid, Section

pytestmark = pytest.mark.gui
CELL = 50
LEFT, SHIFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def grid(qtbot) -> PatchGrid:
    """Ten rows, four a line."""
    made = PatchGrid()
    qtbot.addWidget(made)
    made.setGridSize(QSize(CELL, CELL))
    made.setModel(QStringListModel([str(number) for number in range(10)], made))
    bar: QScrollBar = made.verticalScrollBar()
    made.resize(4 * CELL + bar.sizeHint().width() + 2 * made.frameWidth() + 3, 170)
    made.show()
    qtbot.waitExposed(made)
    return made


def chosen(grid: PatchGrid) -> list[int]:
    return sorted(index.row() for index in grid.selectionModel().selectedIndexes())


def corner(grid: PatchGrid, row: int) -> tuple[int, int]:
    area = grid.visualRect(grid.model().index(row, 0))
    return area.left(), area.top()


def test_cells_stand_in_lines_and_are_found_again_under_the_mouse(grid) -> None:
    assert [corner(grid, row) for row in (0, 3, 4, 9)] == [(0, 0), (150, 0), (0, 50), (50, 100)]
    for row in range(10):
        assert grid.indexAt(grid.visualRect(grid.model().index(row, 0)).center()).row() == row
    assert not grid.indexAt(QPoint(120, 120)).isValid()
    assert not grid.indexAt(QPoint(4 * CELL + 1, 10)).isValid()


def test_a_section_begins_with_a_heading_and_a_new_line(grid) -> None:
    grid.set_sections([Section("a", 0, 3), Section("b", 3, 10)])
    assert corner(grid, 0) == (0, HEADING)
    assert corner(grid, 3) == (0, HEADING + CELL + HEADING)
    assert grid.verticalScrollBar().maximum() == 2 * HEADING + 3 * CELL - grid.viewport().height()


def test_two_sections_side_by_side_scroll_together(grid) -> None:
    grid.set_sections([Section("a", 0, 7), Section("b", 7, 10)], beside=True)
    (left, top), (other, same) = corner(grid, 0), corner(grid, 7)
    assert top == same == HEADING and other == grid.viewport().width() // 2 and left == 0
    grid.verticalScrollBar().setValue(30)
    assert corner(grid, 0)[1] == corner(grid, 7)[1] == HEADING - 30
    # The longer of them says how far there is to scroll: seven rows, two a line.
    assert grid.verticalScrollBar().maximum() == HEADING + 4 * CELL - grid.viewport().height()


@pytest.mark.parametrize(
    ("start", "key", "expected"),
    [
        (0, Qt.Key.Key_Right, 1),
        (0, Qt.Key.Key_Left, 0),
        (1, Qt.Key.Key_Down, 2),  # into the last, shorter line of the first section
        (2, Qt.Key.Key_Down, 3),  # and from there into the next one
        (3, Qt.Key.Key_Up, 2),
        (4, Qt.Key.Key_Down, 8),
        (9, Qt.Key.Key_Down, 9),
        (5, Qt.Key.Key_Home, 0),
        (5, Qt.Key.Key_End, 9),
    ],
)
def test_arrows_lead_through_the_lines_and_from_section_to_section(grid, start, key, expected) -> None:
    grid.set_sections([Section("a", 0, 3), Section("b", 3, 10)])
    if start == 1:
        # Three cells, two of them in the first line.
        grid.resize(grid.width() - 2 * CELL, grid.height())
    grid.setCurrentIndex(grid.model().index(start, 0))
    QTest.keyClick(grid, key)
    assert grid.currentIndex().row() == expected


def test_shift_takes_all_rows_between_and_a_box_only_what_it_touches(grid) -> None:
    def click(row: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseClick(grid.viewport(), LEFT, modifier, grid.visualRect(grid.model().index(row, 0)).center())

    click(6)
    click(1, SHIFT)
    assert chosen(grid) == [1, 2, 3, 4, 5, 6]
    click(9, CONTROL)
    assert chosen(grid) == [1, 2, 3, 4, 5, 6, 9]
    click(3)
    QTest.keyClick(grid, Qt.Key.Key_Down, SHIFT)
    assert chosen(grid) == [3, 4, 5, 6, 7]
    # From right to left and from below to above.
    grid.clearSelection()
    QTest.mousePress(grid.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, QPoint(140, 120))
    for x, y in ((100, 80), (70, 60)):
        here, there = QPointF(x, y), QPointF(grid.viewport().mapToGlobal(QPoint(x, y)))
        none = Qt.KeyboardModifier.NoModifier
        moved = QMouseEvent(QEvent.Type.MouseMove, here, there, Qt.MouseButton.NoButton, LEFT, none)
        QApplication.sendEvent(grid.viewport(), moved)
    QTest.mouseRelease(grid.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, QPoint(70, 60))
    assert chosen(grid) == [5, 6, 9]


def test_only_what_is_in_view_is_painted_and_headings_stay_at_the_top(grid) -> None:
    grid.setModel(QStringListModel([""] * 5000, grid))
    grid.set_sections([Section("M" * 12, 0, 4000), Section("b", 4000, 5000)])
    grid.verticalScrollBar().setValue(10_000)
    area = QRect(0, 10_000, grid.viewport().width(), grid.viewport().height())
    seen = [row for rows in grid._rows_in(area) for row in rows]
    assert len(seen) <= 4 * 5 and min(seen) == 4 * ((10_000 - HEADING) // CELL)
    painted = grid.viewport().grab(QRect(0, 0, 100, HEADING)).toImage()
    colors = {painted.pixelColor(x, HEADING // 2).name() for x in range(4, 60)}
    assert len(colors) > 2


def test_a_narrower_view_keeps_the_row_at_its_top(grid) -> None:
    grid.setModel(QStringListModel([""] * 5000, grid))
    grid.scrollTo(grid.model().index(2000, 0), PatchGrid.ScrollHint.PositionAtTop)
    grid.resize(grid.width() - CELL, grid.height())
    top = grid.indexAt(QPoint(1, 1)).row()
    assert 1996 <= top <= 2004
