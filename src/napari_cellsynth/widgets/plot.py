"""A plot that follows napari's light and dark themes: background, axes, and lines told apart by any colour vision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_cellsynth.widgets.theme import DARK, Colors, colors_around

DARK_LINES = ("#56b4e9", "#e69f00", "#2cc295", "#cc79a7", "#f0e442", "#e8743b", "#6fa8dc", "#b0b0b0")
"""Okabe and Ito's colours, the three darkest made lighter for a dark background."""

LIGHT_LINES = ("#0072b2", "#b35c00", "#00795a", "#a8457f", "#7a6a00", "#c43d00", "#2c4f9e", "#5a5a5a")
"""The same in the same order, darker for a light background."""


def line_color(place: int, colors: Colors) -> str:
    """Return the colour of the line of that number; after the last of them they begin again."""
    lines = DARK_LINES if colors is DARK else LIGHT_LINES
    return lines[place % len(lines)]


class Plot(QWidget):
    """A pyqtgraph plot in the colours of the theme around it, made when it is first shown or drawn on.

    pyqtgraph takes a quarter of a second to load, which a dock that has nothing to draw yet need not wait for.

    Parameters
    ----------
    name : str
        Its objectName.
    tooltip : str
        What is drawn.
    prepare : callable
        Called once with the new `pyqtgraph.PlotWidget`, to label it.
    parent : QWidget, optional
        The widget that owns this one.
    """

    themed = Signal()
    """The colours have changed."""

    def __init__(self, name: str, tooltip: str, prepare: Callable[[Any], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(name.replace("_", " "))
        self.setToolTip(tooltip)
        self.colors = DARK
        self._prepare = prepare
        self._canvas: Any = None
        self._places: list[tuple[Any, int]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)

    @property
    def canvas(self) -> Any:
        """The `pyqtgraph.PlotWidget`."""
        if self._canvas is None:
            import pyqtgraph

            self._canvas = pyqtgraph.PlotWidget(self)
            self._canvas.setMenuEnabled(False)
            self._canvas.hideButtons()
            self._canvas.setToolTip(self.toolTip())
            self.layout().addWidget(self._canvas)
            self._prepare(self._canvas)
            self._paint()
        return self._canvas

    def add_line(self, place: int, *values: Any, **options: Any) -> Any:
        """Draw values as the line of that number; what else `PlotItem.plot` takes."""
        line = self.canvas.plot(*values, **options)
        self._places.append((line, place))
        self._color(line, place)
        return line

    def clear(self) -> None:
        """Take all lines away."""
        self._places = []
        if self._canvas is not None:
            self._canvas.clear()

    def remove(self, line: Any) -> None:
        """Take one line away."""
        self._places = [each for each in self._places if each[0] is not line]
        self.canvas.removeItem(line)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._follow()

    def showEvent(self, event: QShowEvent) -> None:
        """Take the colours of wherever it is now."""
        super().showEvent(event)
        self.canvas.show()
        self._follow()

    def _follow(self) -> None:
        colors = colors_around(self)
        if colors is not getattr(self, "colors", colors):
            self.colors = colors
            if self._canvas is not None:
                self._paint()
            self.themed.emit()

    def _paint(self) -> None:
        self._canvas.setBackground(self.colors.background)
        for side in ("bottom", "left"):
            axis = self._canvas.getAxis(side)
            axis.setPen(self.colors.text)
            axis.setTextPen(self.colors.text)
        for line, place in self._places:
            self._color(line, place)

    def _color(self, line: Any, place: int) -> None:
        line.setPen({"color": line_color(place, self.colors), "width": 1.5})
