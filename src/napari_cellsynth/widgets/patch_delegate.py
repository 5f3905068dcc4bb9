"""How a patch of the gallery is painted: its pixels, its class, its verdict, and whether it is selected."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, QObject, QRect, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPalette, QPen
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_cellsynth.widgets.gallery_model import ACCEPTED, REJECTED, SYNTHETIC, GalleryModel


class PatchDelegate(QStyledItemDelegate):
    """Paints a patch with its class as a bar below it, a mark for its verdict, and a frame where it is selected."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.side = 64

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the size of a cell, the same for all."""
        return QSize(self.side + 4, self.side + 7)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one cell."""
        area = QRect(option.rect.x() + 2, option.rect.y() + 2, self.side, self.side)
        # Straight from the model: asking through an index for each of them takes most of a frame.
        model, row = index.model(), index.row()
        assert isinstance(model, GalleryModel)
        key, review, color = model.key(row), model.review(row), model.color(row)
        pixmap = model.pixmap(key)
        if pixmap is None:
            painter.fillRect(area, option.palette.color(QPalette.ColorRole.Mid))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.setOpacity(0.35 if review == REJECTED else 1.0)
            painter.drawPixmap(area, pixmap)
            painter.setOpacity(1.0)
        if color is not None:
            # Real patches have a whole bar, synthetic ones a broken one: told apart without reading.
            self._bar(painter, area, color, broken=key.kind == SYNTHETIC)
        elif (suggested := model.suggested_color(row)) is not None:
            # Hollow: nobody has labelled it yet.
            painter.setPen(QPen(suggested, 1))
            painter.drawRect(area.left(), area.bottom() + 1, area.width() - 1, 3)
        if review:
            self._mark(painter, area, review)
        if option.state & QStyle.StateFlag.State_Selected:
            # White within dark: seen on any patch, in any theme.
            painter.setPen(QPen(QColor("#101418"), 4))
            painter.drawRect(area.adjusted(0, 0, -1, -1))
            painter.setPen(QPen(QColor("#ffffff"), 2))
            painter.drawRect(area.adjusted(0, 0, -1, -1))

    @staticmethod
    def _bar(painter: QPainter, area: QRect, color: QColor, *, broken: bool) -> None:
        top = area.bottom() + 1
        if not broken:
            painter.fillRect(area.left(), top, area.width(), 3, color)
            return
        step = max(6, area.width() // 8)
        for left in range(area.left(), area.right(), step):
            painter.fillRect(left, top, step // 2, 3, color)

    @staticmethod
    def _mark(painter: QPainter, area: QRect, review: str) -> None:
        spot = QRect(area.right() - 14, area.top() + 1, 14, 14)
        painter.fillRect(spot, QColor("#1d7f4e" if review == ACCEPTED else "#b0472b"))
        painter.setPen(QColor("white"))
        painter.drawText(spot, int(Qt.AlignmentFlag.AlignCenter), "✓" if review == ACCEPTED else "✕")
