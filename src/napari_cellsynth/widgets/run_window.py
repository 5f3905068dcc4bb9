"""A window about one run, or about several side by side: what differs, scores, curves over each other, samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_cellsynth.project.run_comparison import Comparison, compare_runs, value_text
from napari_cellsynth.widgets.curves import spoken
from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.patch_list import choice_box
from napari_cellsynth.widgets.plot import Plot, line_color
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.theme import Colors, wear_theme

SAMPLES_WIDE, SAMPLES_HIGH = 300, 150
"""Room for the samples of a run, in pixels."""

FIRST_SHOWN = ("kid", "loss_critic", "loss_discriminator", "loss")
"""Of the figures of a training the first of these is shown at first."""


def show_runs(session: Session, run_ids: Sequence[str], parent: QWidget) -> RunWindow:
    """Open the window about these runs; it leaves the others usable and closes with its dock."""
    window = RunWindow(compare_runs(session.need_project(), run_ids), session.viewer, parent)
    session.project_changed.connect(window.reject)
    window.show()
    return window


class RunWindow(QDialog):
    """Tables, curves and samples of runs.

    Parameters
    ----------
    found : Comparison
        What is shown.
    viewer : napari.Viewer
        Whose theme it wears.
    parent : QWidget
        The dock.
    """

    def __init__(self, found: Comparison, viewer: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("run_window")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        wear_theme(self, viewer)
        self._found = found
        ids = [run.id for run in found.runs]
        self.setWindowTitle(" · ".join(ids))
        self.table = _table(ids)
        self.all_settings = QCheckBox("all settings, not only those that differ")
        self.all_settings.setObjectName("all_settings")
        self.all_settings.setToolTip("Show the settings that the runs share, too.")
        self.all_settings.setVisible(len(ids) > 1)
        self.figure = choice_box("figure", "Which figure of the trainings is drawn.", list(found.curves))
        self.plot = Plot("curves_plot", "A line a run, over its steps. Drag to move, wheel to zoom.", _prepare)
        self.plot.setMinimumHeight(160)
        self.legend = QLabel(_legend(ids, self.plot.colors))
        self.plot.themed.connect(lambda: self.legend.setText(_legend(ids, self.plot.colors)))
        self._lay_out()
        self._fill()
        self.all_settings.toggled.connect(self._fill)
        self.figure.activated.connect(lambda _index: self._draw())
        first = next((name for name in FIRST_SHOWN if name in found.curves), None)
        if first is not None:
            self.figure.setCurrentText(first)
        self._draw()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(self.all_settings)
        layout.addWidget(self.table, 1)
        if self._found.curves:
            row = QHBoxLayout()
            row.addWidget(label("curve"))
            row.addWidget(self.figure)
            row.addWidget(self.legend, 1)
            layout.addLayout(row)
            layout.addWidget(self.plot, 1)
        pictures = QHBoxLayout()
        for run, file in zip(self._found.runs, self._found.samples, strict=True):
            if file is not None:
                pictures.addLayout(_samples(run.id, QPixmap(str(file))))
        pictures.addStretch(1)
        layout.addLayout(pictures)
        self.resize(min(1000, 460 + 150 * len(self._found.runs)), 640)

    def _fill(self) -> None:
        found = self._found
        every = self.all_settings.isChecked() or len(found.runs) == 1
        settings = {name: found.parameters[name] for name in (found.parameters if every else found.differing)}
        rows: list[tuple[str, list[Any] | None]] = [("settings" if every else "settings that differ", None)]
        rows += settings.items()
        rows += [("scores", None), *found.scores.items()] if found.scores else []
        self.table.setRowCount(len(rows))
        for row, (name, values) in enumerate(rows):
            texts = [spoken(name), *(map(value_text, values) if values is not None else [""] * len(found.runs))]
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if values is None:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                self.table.setItem(row, column, item)

    def _draw(self) -> None:
        self.plot.clear()
        curves = self._found.curves.get(self.figure.currentText()) or []
        for place, curve in enumerate(curves):
            if curve is not None:
                self.plot.add_line(place, np.asarray(curve[0]), np.asarray(curve[1]))


def _table(ids: Sequence[str]) -> QTableWidget:
    table = QTableWidget(0, 1 + len(ids))
    table.setObjectName("comparison")
    table.setAccessibleName("Settings and scores")
    table.setToolTip("A column a run; – where a run has no such setting or score.")
    table.setHorizontalHeaderLabels(["", *ids])
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(22)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    table.horizontalHeader().setDefaultSectionSize(150)
    table.horizontalHeader().resizeSection(0, 240)
    table.horizontalHeader().setStretchLastSection(True)
    return table


def _prepare(canvas: Any) -> None:
    canvas.setLabel("bottom", "step")


def _legend(ids: Sequence[str], colors: Colors) -> str:
    return " &nbsp;".join(
        f'<span style="color:{line_color(place, colors)}">●</span>&nbsp;{run_id}' for place, run_id in enumerate(ids)
    )


def _samples(run_id: str, picture: QPixmap) -> QVBoxLayout:
    column = QVBoxLayout()
    column.addWidget(label(run_id, "quiet"))
    shown = QLabel()
    shown.setToolTip(f"The newest samples of {run_id}.")
    keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    shown.setPixmap(picture.scaled(SAMPLES_WIDE, SAMPLES_HIGH, keep, smooth))
    column.addWidget(shown)
    return column
