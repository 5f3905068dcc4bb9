"""A grid of sample patches that sharpens while a GAN learns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_cellsynth.imaging.composite import to_rgb
from napari_cellsynth.widgets.theme import colors_around
from napari_cellsynth.widgets.thumbnails import to_image

GAP = 2
"""Pixels between two patches on the screen."""


class SampleGrid(QWidget):
    """Draws patches in as many columns as make them largest.

    Parameters
    ----------
    parent : QWidget, optional
        The widget that owns this one.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("samples")
        self.setToolTip("Samples from the same seeds through the training: they sharpen in place.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._pictures: list[QImage] = []
        self.shown = 0

    def sizeHint(self) -> QSize:
        """Return a size that leaves room for the curves beside it in a dock of 380 pixels."""
        return QSize(170, 150)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size in which a patch can still be judged."""
        return QSize(120, 110)

    def set_images(self, images: NDArray[np.floating], most: int = 24) -> None:
        """Show patches.

        Parameters
        ----------
        images : ndarray (N, C, Y, X)
            Float patches in [-1, 1].
        most : int
            How many of them are drawn.
        """
        self._pictures = [to_image(to_rgb(image, -1.0, 1.0)) for image in images[:most]]
        self.shown += 1
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._pictures = []
        self.update()

    def count(self) -> int:
        """Return the number of patches shown."""
        return len(self._pictures)

    def columns(self) -> int:
        """Return the number of columns that makes the patches largest in the widget as it is."""
        number = max(1, len(self._pictures))
        sides = {
            columns: min(self.width() / columns, self.height() / math.ceil(number / columns))
            for columns in range(1, number + 1)
        }
        return max(sides, key=lambda columns: sides[columns])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the patches, or one line that says that there are none yet."""
        painter = QPainter(self)
        if not self._pictures:
            painter.setPen(QColor(colors_around(self).quiet))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), int(flags), "samples appear here")
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        columns = self.columns()
        rows = math.ceil(len(self._pictures) / columns)
        side = min(self.width() / columns, self.height() / rows)
        for place, picture in enumerate(self._pictures):
            row, column = divmod(place, columns)
            target = QRectF(column * side, row * side, side - GAP, side - GAP)
            painter.drawImage(target, picture, QRectF(picture.rect()))
