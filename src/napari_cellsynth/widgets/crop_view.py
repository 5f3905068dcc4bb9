"""One object, large, with its surroundings and its outline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_cellsynth.imaging.composite import to_rgb
from napari_cellsynth.imaging.crop import Box
from napari_cellsynth.widgets.thumbnails import to_image

OUTLINE = QColor("#ffd23f")


class CropView(QWidget):
    """Draws a crop as large as there is room for.

    Attributes
    ----------
    outline_shown : bool
        Whether the object's outline lies over it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("crop")
        self.setToolTip("The object with its surroundings. Space shows and hides the outline.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.outline_shown = True
        self._picture: QImage | None = None
        self._edges: list[QLineF] = []
        self._box = QRectF()
        self._color = OUTLINE
        self._text = ""

    def sizeHint(self) -> QSize:
        """Return a square that leaves the Label dock its rows on a small laptop."""
        return QSize(228, 228)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size in which a colony can still be judged."""
        return QSize(180, 180)

    @property
    def has_crop(self) -> bool:
        """Whether there is a crop (and not a text) in the view."""
        return self._picture is not None

    def set_crop(self, pixels: NDArray[np.generic], cut: Box, box: Box) -> None:
        """Show a crop.

        Parameters
        ----------
        pixels : ndarray (C, h, w)
            Raw intensities of the cut, stretched from their 0.5 to their 99.5 percentile for the screen.
        cut : Box
            What was cut out of the frame, px.
        box : Box
            The object's box in the same frame, px; it stands for the outline until `set_mask`.
        """
        # Every so many pixels: the stretch of a large crop must not cost the key its time.
        values = pixels.reshape(-1)[:: max(1, pixels.size // 20_000)]
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [0.5, 99.5]) if values.size else (0.0, 1.0)
        self._picture = to_image(to_rgb(pixels, float(low), float(max(high, low + 1e-6))))
        self._box = QRectF(box.x0 - cut.x0, box.y0 - cut.y0, box.x1 - box.x0, box.y1 - box.y0)
        self._edges = []
        self.update()

    def set_mask(self, mask: NDArray[np.bool_]) -> None:
        """Draw the object's own outline; `mask` (h, w) covers the same pixels as the crop."""
        padded = np.pad(mask, 1)
        # An edge lies wherever two neighbours differ: right-hand neighbours give upright edges, lower ones flat ones.
        y, x = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
        upright = [QLineF(a, b, a, b + 1) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        y, x = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
        self._edges = upright + [QLineF(a, b, a + 1, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        self.update()

    def set_color(self, color: str | None) -> None:
        """Draw the outline in a class's colour (None: unlabelled)."""
        self._color = QColor(color) if color else OUTLINE
        self.update()

    def set_text(self, text: str) -> None:
        """Show a line of text in place of a crop."""
        self._picture, self._text = None, text
        self.update()

    def toggle_outline(self) -> None:
        """Show or hide the outline."""
        self.outline_shown = not self.outline_shown
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the crop, centred, and the outline in screen pixels over it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#14171b"))
        if self._picture is None:
            painter.setPen(QColor("#9aa0a8"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(12, 12, -12, -12), int(flags), self._text)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        width, height = self._picture.width(), self._picture.height()
        scale = min(self.width() / width, self.height() / height)
        origin = QPointF((self.width() - width * scale) / 2, (self.height() - height * scale) / 2)
        painter.translate(origin)
        painter.scale(scale, scale)
        painter.drawImage(QRectF(0, 0, width, height), self._picture, QRectF(self._picture.rect()))
        if self.outline_shown:
            pen = QPen(self._color, 1.6)
            pen.setCosmetic(True)
            painter.setPen(pen)
            if self._edges:
                painter.drawLines(self._edges)
            else:
                painter.drawRect(self._box)
