"""A plot that follows napari's light and dark themes: background, axes, and lines told apart by any colour vision."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QWidget

from napari_cellsynth.widgets.theme import DARK, Colors, colors_around

DARK_LINES = ("#56b4e9", "#e69f00", "#2cc295", "#cc79a7", "#f0e442", "#e8743b", "#6fa8dc", "#b0b0b0")
"""Okabe and Ito's colours, the three darkest made lighter for a dark background."""

LIGHT_LINES = ("#0072b2", "#b35c00", "#00795a", "#a8457f", "#7a6a00", "#c43d00", "#2c4f9e", "#5a5a5a")
"""The same in the same order, darker for a light background."""


def line_color(place: int, colors: Colors) -> str:
    """Return the colour of the line of that number; after the last of them they begin again."""
    lines = DARK_LINES if colors is DARK else LIGHT_LINES
    return lines[place % len(lines)]


class Plot(pg.PlotWidget):
    """A pyqtgraph plot in the colours of the theme around it.

    Parameters
    ----------
    name : str
        Its objectName.
    tooltip : str
        What is drawn.
    parent : QWidget, optional
        The widget that owns this one.
    """

    themed = Signal()
    """The colours have changed."""

    def __init__(self, name: str, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(name.replace("_", " "))
        self.setToolTip(tooltip)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.colors = DARK
        self._places: list[tuple[Any, int]] = []
        self._paint()

    def add_line(self, place: int, *values: Any, **options: Any) -> Any:
        """Draw values as the line of that number; what else `PlotItem.plot` takes."""
        line = self.plot(*values, pen=pg.mkPen(line_color(place, self.colors), width=1.5), **options)
        self._places.append((line, place))
        return line

    def clear(self) -> None:
        """Take all lines away."""
        self._places = []
        self.getPlotItem().clear()

    def removeItem(self, item: Any) -> None:
        """Take one line away."""
        self._places = [each for each in self._places if each[0] is not item]
        self.getPlotItem().removeItem(item)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._follow()

    def showEvent(self, event: QShowEvent) -> None:
        """Take the colours of wherever it is now."""
        super().showEvent(event)
        self._follow()

    def _follow(self) -> None:
        colors = colors_around(self)
        if colors is not getattr(self, "colors", colors):
            self.colors = colors
            self._paint()
            self.themed.emit()

    def _paint(self) -> None:
        self.setBackground(self.colors.background)
        for side in ("bottom", "left"):
            axis = self.getAxis(side)
            axis.setPen(self.colors.text)
            axis.setTextPen(self.colors.text)
        for line, place in self._places:
            line.setPen(pg.mkPen(line_color(place, self.colors), width=1.5))
