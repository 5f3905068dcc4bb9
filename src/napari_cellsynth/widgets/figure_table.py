"""A read-only table of figures that is as high as its rows."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

_ROW, _HEAD = 24, 30


class FigureTable(QTableWidget):
    """Rows of text under headings; the first column takes the room that is left.

    Parameters
    ----------
    name : str
        Its ``objectName``.
    headings : sequence of str
        One a column.
    tooltip : str
        What the table shows.
    most : int
        Rows that are shown before it scrolls.
    parent : QWidget, optional
        The widget that owns this one.
    """

    def __init__(
        self, name: str, headings: Sequence[str], tooltip: str, most: int = 8, parent: QWidget | None = None
    ) -> None:
        super().__init__(0, len(headings), parent)
        self._most = most
        self.setObjectName(name)
        self.setToolTip(tooltip)
        self.setHorizontalHeaderLabels(list(headings))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def set_headings(self, headings: Sequence[str]) -> None:
        """Show other columns from the next `fill` on."""
        self.setRowCount(0)
        self.setColumnCount(len(headings))
        self.setHorizontalHeaderLabels(list(headings))

    def fill(self, rows: Sequence[Sequence[str]], tooltips: Sequence[str] = ()) -> None:
        """Show these rows; a tooltip goes with its whole row, and without one each cell shows its own text."""
        self.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
                item.setToolTip((tooltips[row] if tooltips else "") or text)
                self.setItem(row, column, item)
        self.setFixedHeight(_HEAD + _ROW * max(1, min(self._most, len(rows))))
