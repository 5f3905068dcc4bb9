"""A grid of equal cells under headings, for tens of thousands of rows: where a cell lies is computed, never stored."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QPoint, QRect, QSize, Qt
from qtpy.QtGui import QFont, QMouseEvent, QPainter, QPaintEvent, QPalette, QRegion, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QStyle, QStyleOptionViewItem

HEADING = 20  # height of a heading in pixels
Move = QAbstractItemView.CursorAction


@dataclass(frozen=True)
class Section:
    """Rows of the model that stand together: from ``start`` up to, without, ``stop``."""

    title: str
    start: int
    stop: int


@dataclass(frozen=True)
class _Block:
    """Where a section lies, in pixels of the whole content; ``top`` is that of its heading, ``cells`` of its cells."""

    section: Section
    left: int
    top: int
    width: int
    cells: int
    columns: int
    bottom: int


class PatchGrid(QAbstractItemView):
    """An item view that lays its rows out as a grid by arithmetic, in sections below or beside each other.

    Qt's own icon view places every row one by one, which takes a second for 50,000, at every filter.
    """

    # Qt asks for the layout while the view is still being made.
    _sections: Sequence[Section] = ()
    _blocks: Sequence[_Block] = ()
    _beside = False
    _height = 0
    _cell = QSize(70, 73)

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Always there: a bar that comes and goes changes the number of columns, and so whether it is needed.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._pressed = QPoint()

    def set_sections(self, sections: Sequence[Section], *, beside: bool = False) -> None:
        """Put the rows under headings (none of them: all rows in one section without one).

        Parameters
        ----------
        sections : sequence of Section
            In the order of the rows, which they cover.
        beside : bool
            Put the sections side by side, where they scroll together, instead of one below the other.
        """
        self._sections, self._beside = list(sections), beside
        self.updateGeometries()
        self.viewport().update()

    def selected_rows(self) -> list[int]:
        """Return the selected rows, first to last; from ranges, since one index each would be slow."""
        chosen = self.selectionModel().selection()
        return sorted({row for part in chosen for row in range(part.top(), part.bottom() + 1)})

    # ------------------------------------------------------------------ where everything is
    def gridSize(self) -> QSize:
        """Return the size of a cell."""
        return self._cell

    def setGridSize(self, size: QSize) -> None:
        """Make the cells this large; the row at the top stays in view."""
        kept = self._top_row()
        self._cell = size
        self.updateGeometries()
        self.viewport().update()
        self._keep_at_top(kept)

    def _top_row(self) -> QModelIndex:
        return self.indexAt(QPoint(1, HEADING + 1)) if self.verticalOffset() else QModelIndex()

    def _keep_at_top(self, index: QModelIndex) -> None:
        if index.isValid():
            self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtTop)

    def _lay_out(self) -> None:
        count = self.model().rowCount() if self.model() is not None else 0
        sections = [each for each in self._sections if each.stop <= count] or [Section("", 0, count)]
        side_by_side = self._beside and len(sections) > 1
        cell, room = self._cell, self.viewport().width()
        width = room // len(sections) if side_by_side else room
        blocks, top = list[_Block](), 0
        for place, section in enumerate(sections):
            columns = max(1, width // max(1, cell.width()))
            cells = top + (HEADING if section.title else 0)
            bottom = cells + -(-(section.stop - section.start) // columns) * cell.height()
            left = place * width if side_by_side else 0
            blocks.append(_Block(section, left, top, width, cells, columns, bottom))
            top = 0 if side_by_side else bottom
        self._blocks, self._height = blocks, max(block.bottom for block in blocks)

    def _block_of(self, row: int) -> _Block | None:
        place = bisect_right([block.section.start for block in self._blocks], row) - 1
        # An empty section begins at the same row as the next one.
        return self._blocks[place] if place >= 0 and row < self._blocks[place].section.stop else None

    def _place(self, row: int) -> QRect:
        """Return a row's cell in the whole content."""
        block, cell = self._block_of(row), self._cell
        if block is None:
            return QRect()
        line, column = divmod(row - block.section.start, block.columns)
        left, top = block.left + column * cell.width(), block.cells + line * cell.height()
        return QRect(left, top, cell.width(), cell.height())

    def _rows_in(self, area: QRect) -> Iterator[range]:
        """Yield the rows whose cells touch an area of the whole content, a line of cells at a time."""
        cell = self._cell
        for block in self._blocks:
            first_column = max(0, (area.left() - block.left) // cell.width())
            last_column = min(block.columns - 1, (area.right() - block.left) // cell.width())
            first_line = max(0, (area.top() - block.cells) // cell.height())
            last_line = (min(area.bottom(), block.bottom - 1) - block.cells) // cell.height()
            for line in range(first_line, last_line + 1) if first_column <= last_column else ():
                first = block.section.start + line * block.columns
                yield range(first + first_column, min(first + last_column + 1, block.section.stop))

    def visualRect(self, index: QModelIndex) -> QRect:
        """Return where a row is on the screen."""
        return self._place(index.row()).translated(0, -self.verticalOffset()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        """Return the row at a point of the screen."""
        for rows in self._rows_in(QRect(point.x(), point.y() + self.verticalOffset(), 1, 1)):
            if len(rows) and point.x() >= 0:
                return self.model().index(rows[0], 0)
        return QModelIndex()

    def verticalOffset(self) -> int:
        """Return how far the content is scrolled, in pixels."""
        return int(self.verticalScrollBar().value())

    def horizontalOffset(self) -> int:
        """Return 0: the grid is as wide as the view."""
        return 0

    def reset(self) -> None:
        """Show other rows; nothing of the old layout may be painted."""
        super().reset()
        self._sections = ()
        self.updateGeometries()

    def isIndexHidden(self, _index: QModelIndex) -> bool:
        """Return False: what is not to be seen is not in the model."""
        return False

    def updateGeometries(self) -> None:
        """Lay out anew, a few numbers a section, and give the scroll bar its range."""
        self._lay_out()
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setSingleStep(max(1, self._cell.height() // 2))
        bar.setPageStep(height)
        bar.setRange(0, max(0, self._height - height))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out for the new width; the row at the top stays in view."""
        kept = self._top_row()
        super().resizeEvent(event)
        self.updateGeometries()
        self._keep_at_top(kept)

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        """Paint again: the headings stay where they are, so the pixels cannot be moved."""
        self.viewport().update()

    def scrollTo(
        self, index: QModelIndex, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        """Bring a row into view."""
        block = self._block_of(index.row()) if index.isValid() else None
        if block is None:
            return
        area, bar, height = self._place(index.row()), self.verticalScrollBar(), self.viewport().height()
        top = area.top() - (HEADING if block.section.title else 0)
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(area.center().y() - height // 2)
        elif hint == QAbstractItemView.ScrollHint.PositionAtTop or top < bar.value():
            bar.setValue(top)
        elif area.bottom() >= bar.value() + height:
            bar.setValue(area.bottom() + 1 - height)

    # ------------------------------------------------------------------ keys and selection
    def moveCursor(self, action: Any, _modifiers: Any) -> QModelIndex:
        """Return the row that a key leads to."""
        count = self.model().rowCount() if self.model() is not None else 0
        if not count:
            return QModelIndex()
        row = self.currentIndex().row()
        return self.model().index(self._towards(action, row) if row >= 0 else 0, 0)

    def _towards(self, action: Any, row: int) -> int:
        last = self.model().rowCount() - 1
        block = self._block_of(row)
        if action in (Move.MoveHome, Move.MoveEnd) or block is None:
            return last if action == Move.MoveEnd else 0
        if action in (Move.MoveLeft, Move.MovePrevious):
            return max(0, row - 1)
        if action in (Move.MoveRight, Move.MoveNext):
            return min(last, row + 1)
        page = max(1, self.viewport().height() // self._cell.height())
        lines = page if action in (Move.MovePageUp, Move.MovePageDown) else 1
        down = action in (Move.MoveDown, Move.MovePageDown)
        target = row + (lines if down else -lines) * block.columns
        start, stop = block.section.start, block.section.stop
        if start <= target < stop:
            return target
        if down:
            # Into the last line, which may be shorter; from there into the next section.
            in_last_line = (row - start) // block.columns == (stop - 1 - start) // block.columns
            return min(last, stop) if in_last_line and not self._beside else stop - 1
        in_first_line = row - start < block.columns
        return max(0, start - 1) if in_first_line and not self._beside else start + (row - start) % block.columns

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select what a box touches, or (click and keys) all rows from one corner to the other."""
        model = self.model()
        chosen = QItemSelection()
        if self.state() == QAbstractItemView.State.DragSelectingState:
            box = rect.normalized().translated(0, self.verticalOffset())
            for rows in self._rows_in(box):
                if len(rows):
                    chosen.select(model.index(rows[0], 0), model.index(rows[-1], 0))
            self.viewport().update()
        else:
            ends = [self.indexAt(rect.topLeft()), self.indexAt(QPoint(rect.right(), rect.bottom()))]
            if all(end.isValid() for end in ends):
                first, last = sorted(end.row() for end in ends)
                chosen.select(model.index(first, 0), model.index(last, 0))
        self.selectionModel().select(chosen, command)

    def visualRegionForSelection(self, _selection: QItemSelection) -> QRegion:
        """Return all of the screen: a region of thousands of cells takes longer than painting those in view."""
        return QRegion(self.viewport().rect())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where a box begins."""
        self._pressed = event.pos() + QPoint(0, self.verticalOffset())
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Take the box away."""
        super().mouseReleaseEvent(event)
        self.viewport().update()

    # ------------------------------------------------------------------ painting
    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cells in view, the headings over them, and the box that is being drawn."""
        painter, model, offset = QPainter(self.viewport()), self.model(), self.verticalOffset()
        option = QStyleOptionViewItem()
        option.palette, option.font = self.palette(), self.font()
        chosen, delegate = self.selectionModel(), self.itemDelegate()
        area = event.rect().translated(0, offset)
        for rows in self._rows_in(area) if model is not None else ():
            for row in rows:
                index = model.index(row, 0)
                option.rect = self._place(row).translated(0, -offset)
                option.state = QStyle.StateFlag.State_Enabled
                if chosen.isSelected(index):
                    option.state |= QStyle.StateFlag.State_Selected
                delegate.paint(painter, option, index)
        for block in self._blocks:
            if block.section.title and block.bottom > offset and block.top <= offset + self.viewport().height():
                self._paint_heading(painter, block, offset)
        if self.state() == QAbstractItemView.State.DragSelectingState:
            here = self.viewport().mapFromGlobal(self.cursor().pos())
            painter.setPen(self.palette().color(QPalette.ColorRole.Highlight))
            painter.drawRect(QRect(self._pressed - QPoint(0, offset), here).normalized())

    def _paint_heading(self, painter: QPainter, block: _Block, offset: int) -> None:
        """Paint a heading over its cells; it stays at the top while they scroll by."""
        top = max(block.top - offset, min(0, block.bottom - HEADING - offset))
        area = QRect(block.left, top, block.width, HEADING)
        painter.fillRect(area, self.palette().color(QPalette.ColorRole.Window))
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        words = painter.fontMetrics().elidedText(block.section.title, Qt.TextElideMode.ElideMiddle, block.width - 8)
        painter.drawText(area.adjusted(4, 0, -4, 0), int(Qt.AlignmentFlag.AlignVCenter), words)
