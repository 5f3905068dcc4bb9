"""A window of its own with pictures (PNG files) that scroll: mistakes, and what a classifier looks at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QDialog, QLabel, QScrollArea, QVBoxLayout, QWidget

_WIDEST, _HIGHEST = 1100, 760


def show_pictures(parent: QWidget, title: str, pictures: Sequence[tuple[str, Path]]) -> QDialog:
    """Open a window that leaves the others usable, and return it.

    Parameters
    ----------
    parent : QWidget
        Closes the window with itself.
    title : str
        Of the window.
    pictures : sequence of (str, Path)
        Headings and files.
    """
    window = QDialog(parent)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    window.setObjectName("pictures")
    window.setWindowTitle(title)
    inside = QWidget()
    column = QVBoxLayout(inside)
    for heading, file in pictures:
        column.addWidget(QLabel(heading))
        picture = QLabel()
        picture.setPixmap(QPixmap(str(file)))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(picture)
    column.addStretch(1)
    area = QScrollArea()
    area.setWidget(inside)
    area.setWidgetResizable(True)
    layout = QVBoxLayout(window)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(area)
    wanted = inside.sizeHint()
    window.resize(min(_WIDEST, wanted.width() + 40), min(_HIGHEST, wanted.height() + 20))
    window.show()
    return window
