"""The live curves of a training: one line a figure, drawn at most ten times a second."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QFont
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_cellsynth.events import Metric
from napari_cellsynth.widgets.plot import Plot

INTERVAL_MS = 100
"""Shortest time between two drawings, in milliseconds: ten a second is as fast as one reads a curve."""

MOST_POINTS = 2000
"""Points drawn of one line; a longer history is thinned for the drawing only."""

NO_CURVE = frozenset({"learning_rate"})
"""Figures too small to be seen on the axis of the others; the legend tells their newest value."""


def spoken(name: str) -> str:
    """Return the words for a figure's name: ``loss_generator`` becomes ``loss generator``."""
    return name.replace("_", " ")


class CurvesView(QWidget):
    """Curves of the figures of one training, over its steps.

    Parameters
    ----------
    parent : QWidget, optional
        The widget that owns this one.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curves")
        self.setToolTip("The figures of the running training, step by step. Drag to move, wheel to zoom.")
        self._history: dict[str, tuple[list[float], list[float]]] = {}
        self._lines: dict[str, Any] = {}
        self.drawings = 0
        self.plot = Plot("curves_plot", self.toolTip(), _prepare, self)
        # Beside the plot and not in it, where it would lie over the curves.
        self.legend = QLabel()
        self.legend.setObjectName("legend")
        self.legend.setWordWrap(True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        small = self.legend.font()
        small.setPointSize(8)
        self.legend.setFont(small)
        self.plot.themed.connect(self._draw)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._draw)

    def sizeHint(self) -> QSize:
        """Return a size that leaves room for the samples beside it in a dock of 380 pixels."""
        return QSize(190, 150)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size in which the axes can still be read."""
        return QSize(140, 110)

    def add(self, metric: Metric) -> None:
        """Add the figures of one step; they appear with the next drawing."""
        for name, value in metric.values.items():
            self._append(name, metric.step, value)
        if not self._timer.isActive():
            self._timer.start()

    def set_history(self, rows: Iterable[tuple[float, Mapping[str, float]]]) -> None:
        """Show a finished run: ``rows`` are (step, figures by name) in order of the steps."""
        self.clear()
        for step, values in rows:
            for name, value in values.items():
                self._append(name, step, value)
        self._draw()

    def clear(self) -> None:
        """Forget every curve."""
        self._timer.stop()
        self._history.clear()
        for line in self._lines.values():
            self.plot.remove(line)
        self._lines.clear()
        self.legend.clear()

    def names(self) -> list[str]:
        """Return the names of the figures seen so far."""
        return list(self._history)

    def points(self, name: str) -> tuple[list[float], list[float]]:
        """Return the steps and the values of one figure."""
        steps, values = self._history[name]
        return list(steps), list(values)

    def _append(self, name: str, step: float, value: float) -> None:
        if not math.isfinite(value):
            return
        steps, values = self._history.setdefault(name, ([], []))
        steps.append(float(step))
        values.append(float(value))

    def _draw(self) -> None:
        self.drawings += 1
        words = []
        for name, (steps, values) in self._history.items():
            shown = f"{spoken(name)} {values[-1]:.3g}".replace(" ", "&nbsp;")
            if name in NO_CURVE:
                words.append(shown)
                continue
            line = self._lines.get(name)
            if line is None:
                line = self._lines[name] = self.plot.add_line(len(self._lines))
            color = line.opts["pen"].color().name()
            words.append(f'<span style="color:{color}">●</span>&nbsp;{shown}')
            stride = max(1, math.ceil(len(steps) / MOST_POINTS))
            line.setData(np.asarray(steps[::stride]), np.asarray(values[::stride]))
        self.legend.setText(" &nbsp;".join(words))


def _prepare(canvas: Any) -> None:
    canvas.setLabel("bottom", "step")
    font = QFont()
    font.setPointSize(7)
    for side in ("bottom", "left"):
        canvas.getAxis(side).setStyle(tickFont=font, maxTickLevel=0, tickTextOffset=3)
