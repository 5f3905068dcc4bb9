"""The confusion matrix as a table: rows are the truth, columns the prediction, and a cell can be opened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem, QWidget

LONGEST_NAME = 9
"""Letters of a class name that fit over a column; the tooltip has the whole name."""

RIGHT = QColor("#2f7f5f")
WRONG = QColor("#b0472b")


def shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each row of a confusion matrix (K, K) as shares of its sum; a class without objects gives zeros."""
    sums = matrix.sum(axis=1, keepdims=True)
    return np.divide(matrix, sums, out=np.zeros(matrix.shape), where=sums > 0)


class ConfusionView(QTableWidget):
    """Counts of true class (row) against predicted class (column).

    Parameters
    ----------
    parent : QWidget, optional
        The widget that owns this one.
    """

    cell_opened = Signal(int, int)
    """Row (true class) and column (predicted class) of a cell that was clicked or entered."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts = np.zeros((0, 0), np.int64)
        self._as_shares = False
        self.setObjectName("confusion")
        self.setToolTip("Rows: true class. Columns: predicted class. Click a cell to see its crops.")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setHighlightSections(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setMinimumSectionSize(44)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(26)
        self.verticalHeader().setMaximumWidth(110)
        self.cellClicked.connect(self.cell_opened.emit)
        self.cellActivated.connect(self.cell_opened.emit)

    def set_matrix(self, matrix: ArrayLike, names: Sequence[str], colors: Sequence[str] = ()) -> None:
        """Show a matrix.

        Parameters
        ----------
        matrix : array_like (K, K) of int
            Objects of true class i that were predicted as class j.
        names : sequence of str
            The K class names in the order of the matrix.
        colors : sequence of str, optional
            The K class colours ("#rrggbb"), for the headers.
        """
        counts = np.asarray(matrix, dtype=np.int64).reshape(len(names), len(names))
        part = shares(counts)
        self._counts = counts
        self.clear()
        self.setRowCount(len(names))
        self.setColumnCount(len(names))
        for place, name in enumerate(names):
            for orientation in (Qt.Orientation.Horizontal, Qt.Orientation.Vertical):
                self._set_header(place, name, colors[place] if place < len(colors) else "", orientation)
        for row, true in enumerate(names):
            for column, predicted in enumerate(names):
                count, share = int(counts[row, column]), float(part[row, column])
                item = QTableWidgetItem(self._text(count, share))
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                item.setToolTip(f"{count} objects of class {true}, predicted {predicted} ({share:.1%} of {true})")
                item.setBackground(QBrush(self._shade(row == column, share)))
                self.setItem(row, column, item)
        self.updateGeometry()

    def show_shares(self, on: bool) -> None:
        """Write shares of the true class into the cells, or counts."""
        self._as_shares = on
        for (row, column), share in np.ndenumerate(shares(self._counts)):
            self.item(row, column).setText(self._text(int(self._counts[row, column]), float(share)))

    def _text(self, count: int, share: float) -> str:
        return "·" if not count else f"{share:.0%}" if self._as_shares else f"{count:,}"

    def sizeHint(self) -> QSize:
        """Return the size in which every row is seen."""
        return QSize(340, self._height())

    def minimumSizeHint(self) -> QSize:
        """Return the height of all rows; the columns may scroll."""
        return QSize(200, self._height())

    def _height(self) -> int:
        return int(self.horizontalHeader().sizeHint().height() + self.verticalHeader().length() + 6)

    def _set_header(self, place: int, name: str, color: str, orientation: Qt.Orientation) -> None:
        item = QTableWidgetItem(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…")
        across = orientation == Qt.Orientation.Horizontal
        item.setToolTip(f"predicted {name}" if across else f"true class {name}")
        if color:
            item.setForeground(QBrush(QColor(color)))
        if across:
            self.setHorizontalHeaderItem(place, item)
        else:
            self.setVerticalHeaderItem(place, item)

    @staticmethod
    def _shade(right: bool, share: float) -> QColor:
        color = QColor(RIGHT if right else WRONG)
        # A wrong cell of a tenth is already worth a look, so the wrong ones brighten faster.
        color.setAlphaF(min(1.0, share if right else 2.0 * share) * 0.85)
        return color
