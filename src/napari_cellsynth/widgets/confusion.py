"""The confusion matrix as a table: rows are the truth, columns the prediction, and a cell can be opened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QIcon, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem, QWidget

from napari_cellsynth.evaluate.score_words import COUNTS

LONGEST_NAME, LONGEST_ACROSS = 9, 6
"""Letters of a class name that fit beside a row, and over a column with its colour; the tooltip has the whole name."""

MATRIX_TIP = "Rows: true class. Columns: predicted class. Click a cell to see its crops."
COUNTS_TIP = "Of each class its own four counts: objects may have several classes. Click a cell to see its crops."

SWATCH = 10
"""Side in pixels of the square that shows a class's colour."""

RIGHT = QColor("#2f7f5f")
WRONG = QColor("#b0472b")


def shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each row of a confusion matrix (K, K) as shares of its sum; a class without objects gives zeros."""
    sums = matrix.sum(axis=1, keepdims=True)
    return np.divide(matrix, sums, out=np.zeros(matrix.shape), where=sums > 0)


def swatch(color: str) -> QIcon:
    """Return a small square of a class's colour ("#rrggbb")."""
    square = QPixmap(SWATCH, SWATCH)
    square.fill(QColor(color))
    return QIcon(square)


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
        self._as_shares = self._several = False
        self.setObjectName("confusion")
        self.setToolTip(MATRIX_TIP)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setHighlightSections(False)
            header.setIconSize(QSize(SWATCH, SWATCH))
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setMinimumSectionSize(44)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(26)
        self.verticalHeader().setMaximumWidth(110)
        self.cellClicked.connect(self.cell_opened.emit)
        self.cellActivated.connect(self.cell_opened.emit)

    def set_counts(self, counts: ArrayLike, names: Sequence[str], colors: Sequence[str] = ()) -> None:
        """Show the four `COUNTS` (K, 4) of every class: the matrix of objects that have several classes."""
        self._start(np.asarray(counts, dtype=np.int64).reshape(len(names), len(COUNTS)), several=True)
        for column, word in enumerate(COUNTS):
            self._set_header(column, word, "", Qt.Orientation.Horizontal, COUNTS[word])
        for row, name in enumerate(names):
            self._set_header(row, name, colors[row] if row < len(colors) else "", Qt.Orientation.Vertical, name)
            for column, word in enumerate(COUNTS):
                self._set_cell(row, column, f"{name}, {COUNTS[word]}", right=word in ("TP", "TN"))
        self.updateGeometry()

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
        self._start(np.asarray(matrix, dtype=np.int64).reshape(len(names), len(names)), several=False)
        for place, name in enumerate(names):
            color = colors[place] if place < len(colors) else ""
            self._set_header(place, name, color, Qt.Orientation.Horizontal, f"predicted {name}")
            self._set_header(place, name, color, Qt.Orientation.Vertical, f"true class {name}")
        for row, true in enumerate(names):
            for column, predicted in enumerate(names):
                self._set_cell(row, column, f"objects of class {true}, predicted {predicted}", right=row == column)
        self.updateGeometry()

    def _start(self, counts: NDArray[np.int64], *, several: bool) -> None:
        self._counts, self._several = counts, several
        self.setToolTip(COUNTS_TIP if several else MATRIX_TIP)
        self.clear()
        self.setRowCount(counts.shape[0])
        self.setColumnCount(counts.shape[1])

    def _shares(self) -> NDArray[np.float64]:
        """Return the cells as shares: of the true class, or of those that have a class and of those that have not."""
        counts = self._counts.reshape(-1, 2) if self._several else self._counts
        return shares(counts).reshape(self._counts.shape)

    def _set_cell(self, row: int, column: int, words: str, *, right: bool) -> None:
        count, share = int(self._counts[row, column]), float(self._shares()[row, column])
        item = QTableWidgetItem(self._text(count, share))
        item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        item.setToolTip(f"{count} {words} ({share:.1%})")
        item.setBackground(QBrush(self._shade(right, share)))
        self.setItem(row, column, item)

    def show_shares(self, on: bool) -> None:
        """Write shares of the true class into the cells, or counts."""
        self._as_shares = on
        for (row, column), share in np.ndenumerate(self._shares()):
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

    def _set_header(self, place: int, name: str, color: str, orientation: Qt.Orientation, tip: str) -> None:
        across = orientation == Qt.Orientation.Horizontal
        most = LONGEST_ACROSS if across and color else LONGEST_NAME
        item = QTableWidgetItem(name if len(name) <= most else f"{name[: most - 1]}…")
        item.setToolTip(tip)
        if color:  # beside the name and not its letters: light colours cannot be read on a light ground
            item.setIcon(swatch(color))
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
