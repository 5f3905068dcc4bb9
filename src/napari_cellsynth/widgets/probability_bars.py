"""The probabilities of the object under the pointer as bars, one a class, in the classes' colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

MOST, ROW_PX, GAP_PX = 6, 16, 2
OTHER = "#7a8089"


class ProbabilityBars(QWidget):
    """Draws at most six classes, the most probable first; the room for them is kept, so that nothing jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("probabilities")
        self.setAccessibleName("Probabilities of the object under the pointer")
        self.setToolTip("How probable the classifier takes each class of the object under the pointer to be.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.shown: list[tuple[str, float]] = []
        self._colors: Mapping[str, str] = {}
        self._rows = 0

    def set_colors(self, colors: Mapping[str, str]) -> None:
        """Keep room for these classes, and paint them in these colours."""
        self._colors = colors
        self._rows = min(len(colors), MOST)
        self.updateGeometry()
        self.update()

    def show_probabilities(self, found: Sequence[tuple[str, float]]) -> None:
        """Show classes with their probabilities, the most probable first; none: nothing is drawn."""
        self.shown = list(found)[:MOST]
        self.setAccessibleDescription(", ".join(f"{name} {value:.2f}" for name, value in self.shown))
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for the rows."""
        return QSize(200, self._rows * (ROW_PX + GAP_PX))

    def minimumSizeHint(self) -> QSize:
        """Return the room for the rows."""
        return QSize(80, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw a bar a class behind its name, and the number at its end."""
        painter = QPainter(self)
        words, numbers = self.width() * 0.4, 34
        for row, (name, value) in enumerate(self.shown):
            top = row * (ROW_PX + GAP_PX)
            color = QColor(self._colors.get(name, OTHER))
            length = max(0.0, min(1.0, value)) * (self.width() - words - numbers - 8)
            painter.fillRect(QRectF(words, top + 2, max(length, 1.0), ROW_PX - 4), color)
            painter.setPen(self.palette().windowText().color())
            text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(words) - 6)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, words - 6, ROW_PX), middle | Qt.AlignmentFlag.AlignLeft, text)
            place = QRectF(words + length + 4, top, numbers, ROW_PX)
            painter.drawText(place, middle | Qt.AlignmentFlag.AlignLeft, f"{value:.2f}")
        painter.end()
