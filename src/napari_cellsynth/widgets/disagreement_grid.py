"""The grid of the page of disagreements: a crop each, with both people's labels below it; a click on one settles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qtpy.QtCore import QModelIndex, QPoint, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPalette, QPen
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_cellsynth.widgets.gallery_model import GalleryModel
from napari_cellsynth.widgets.keys import is_held, verb_of
from napari_cellsynth.widgets.patch_grid import PatchGrid

SIDE, LINE = 112, 17
"""Pixels: a crop's side and the height of a line below it."""


@dataclass(frozen=True)
class Said:
    """What is written below a crop: either person's label with its colour, and what was decided, if anything."""

    first: str
    second: str
    first_color: str
    second_color: str
    decided: str = ""


class DisagreementDelegate(QStyledItemDelegate):
    """Paints a crop, both labels below it, and what was decided.

    Attributes
    ----------
    said : mapping
        Object id to what is written below its crop.
    """

    said: Mapping[int, Said] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the size of a cell, the same for all."""
        return QSize(SIDE + 8, SIDE + 3 * LINE + 8)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one cell."""
        model = index.model()
        assert isinstance(model, GalleryModel)
        key = model.key(index.row())
        area = QRect(option.rect.x() + 4, option.rect.y() + 4, SIDE, SIDE)
        said, pixmap = self.said.get(key.id), model.pixmap(key)
        if said is None:
            return
        painter.setOpacity(0.45 if said.decided else 1.0)
        if pixmap is None:
            painter.fillRect(area, option.palette.color(QPalette.ColorRole.Mid))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(area, pixmap)
        text = option.palette.color(QPalette.ColorRole.Text)
        lines = ((f"A  {said.first}", said.first_color), (f"B  {said.second}", said.second_color))
        for place, (words, color) in enumerate(lines):
            line = QRect(area.left(), area.bottom() + 2 + place * LINE, SIDE, LINE)
            painter.fillRect(line.left(), line.top() + 3, 4, LINE - 6, QColor(color))
            self._write(painter, line.adjusted(8, 0, 0, 0), words, text)
        painter.setOpacity(1.0)
        if said.decided:
            line = QRect(area.left(), area.bottom() + 2 + 2 * LINE, SIDE, LINE)
            self._write(painter, line, f"✓ {said.decided}", text)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(option.palette.color(QPalette.ColorRole.Highlight), 2))
            painter.drawRect(option.rect.adjusted(1, 1, -2, -2))

    @staticmethod
    def _write(painter: QPainter, line: QRect, words: str, color: QColor) -> None:
        painter.setPen(color)
        short = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), short)


class DisagreementGrid(PatchGrid):
    """The grid; keys and clicks become signals."""

    verb = Signal(str)
    """A key of the Label dock: ``"class 3"``, ``"unsure"``, ``"undo"``; or ``"first"``, ``"second"`` for A and B."""
    clicked_label = Signal(int, str)
    """Row, and ``"first"`` or ``"second"``: the label below the crop that was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("disagreement_grid")
        self.setAccessibleName("Disagreements")
        self.setToolTip("Click a label below a crop, or select crops and press A, B, 1 to 9, 0 or X.")
        self.setGridSize(QSize(SIDE + 8, SIDE + 3 * LINE + 8))

    def side_at(self, point: QPoint) -> str:
        """Return whose label lies at a point of the viewport: ``"first"``, ``"second"``, or empty."""
        index = self.indexAt(point)
        if not index.isValid():
            return ""
        line = (point.y() - self.visualRect(index).top() - 4 - SIDE) // LINE
        return {0: "first", 1: "second"}.get(line, "")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Settle where a label was clicked."""
        super().mouseReleaseEvent(event)
        index, plain = self.indexAt(event.pos()), event.modifiers() == Qt.KeyboardModifier.NoModifier
        if event.button() == Qt.MouseButton.LeftButton and plain and (side := self.side_at(event.pos())):
            self.clicked_label.emit(index.row(), side)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the keys that settle; the arrows go through the crops."""
        verb = {int(Qt.Key.Key_A): "first", int(Qt.Key.Key_B): "second"}.get(int(event.key()), "")
        if event.modifiers() not in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
            verb = ""
        verb = verb or verb_of(event)
        if verb.startswith("class ") or verb in ("first", "second", "unsure", "bad_segmentation", "undo", "redo"):
            if not is_held(event, verb) and not event.isAutoRepeat():
                self.verb.emit(verb)
            return
        super().keyPressEvent(event)
