"""What each class has to train a GAN on, its newest run, and how good that run's patches are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtCore import Signal
from qtpy.QtGui import QBrush, QColor, QIcon, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_cellsynth.widgets.theme import colors_around

FEW = 10
"""Fewer crops than this give copies rather than new patches."""

LEAST = 2
"""Fewer crops than this cannot be trained on."""


@dataclass(frozen=True)
class ClassState:
    """One class's row: its training crops, the distinct patches in them, its newest run, its figures."""

    id: int
    name: str
    color: str
    crops: int
    patches: int
    run: str
    quality: str

    @property
    def advice(self) -> str:
        """What to do before training, or an empty string."""
        if self.crops == 0:
            return f"{self.name} has no training crops: label some"
        if self.crops < LEAST:
            return f"{self.name} has one training crop: label more"
        if self.crops < FEW:
            return f"{self.name} has only {self.crops} crops: expect copies of them"
        return ""

    @property
    def warning(self) -> str:
        """The advice in a word or two, for a narrow column."""
        return "none" if self.crops == 0 else "one only" if self.crops < LEAST else "few" if self.crops < FEW else ""

    @property
    def trainable(self) -> bool:
        """Whether a GAN can be trained at all."""
        return self.crops >= LEAST


def distinct_windows(boxes: pd.DataFrame, size: int) -> int:
    """Return how many windows of ``size`` pixels lie beside each other in the boxes; every box has one at least."""
    height = (boxes["y1"] - boxes["y0"]).to_numpy() // size
    width = (boxes["x1"] - boxes["x0"]).to_numpy() // size
    return int((np.maximum(1, height) * np.maximum(1, width)).sum())


def quality_text(quality: dict[str, Any]) -> str:
    """Return the KID of figures with, in brackets, that between real sets: ".021 (.004)"; empty where not measured."""
    if quality.get("kid") is None:
        return ""
    floor = (quality.get("floor") or {}).get("kid")
    return short(quality["kid"]) + (f" ({short(floor)})" if floor is not None else "")


def run_quality_text(run: Any) -> str:
    """Return the KID of a GAN run, of all its classes in their order; empty where none is measured."""
    texts = [quality_text(run.quality(class_id)) for class_id in run.class_ids]
    return " · ".join(text or "–" for text in texts) if any(texts) else ""


def short(value: float) -> str:
    """Return a figure near 0 in three decimals without its leading zero."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3g}"


def class_states(project: Any, size: int) -> list[ClassState]:
    """Return a row for every class of a project, in its order."""
    training = project.per_class(project.training_objects())
    newest: dict[int, Any] = {}
    for run in project.runs("gan"):
        for class_id in run.class_ids:
            newest.setdefault(class_id, run)
    states = []
    for record in project.classes():
        boxes = training[training["class_id"] == record.id]
        run = newest.get(record.id)
        words = "–" if run is None else run.status
        states.append(
            ClassState(
                id=record.id,
                name=record.name,
                color=record.color,
                crops=len(boxes),
                patches=distinct_windows(boxes, size) if len(boxes) else 0,
                run=words,
                quality="" if run is None else quality_text(run.quality(record.id)),
            )
        )
    return states


class ClassTable(QTableWidget):
    """The table of the classes; the selected rows say which ones to train.

    Parameters
    ----------
    parent : QWidget, optional
        The widget that owns this one.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 4, parent)
        self.setObjectName("classes")
        self.setToolTip("Select a class to train it alone. Patches: windows beside each other in the crops.")
        self.setHorizontalHeaderLabels(["class", "crops → patches", "run", "KID (floor)"])
        self.horizontalHeaderItem(1).setToolTip(
            "Labelled crops to learn from (objects in their boxes), and how many different patches they hold: what a "
            "network sees at a time is a window of a patch's size."
        )
        self.horizontalHeaderItem(2).setToolTip("What became of the newest training of this class.")
        self.horizontalHeaderItem(3).setToolTip(
            "KID (kernel inception distance) tells how far synthetic patches are from real ones: smaller is better. "
            "In brackets what two sets of real patches get, the best there can be."
        )
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.states: list[ClassState] = []
        self.itemSelectionChanged.connect(self.chosen.emit)

    def set_states(self, states: list[ClassState]) -> None:
        """Show these rows; the selection stays."""
        before = {state.name for state in self.selected()}
        self.states = list(states)
        self.blockSignals(True)
        self.setRowCount(len(states))
        for row, state in enumerate(states):
            crops = f"{state.crops:,} → {state.patches:,}" if state.crops else "0"
            for column, text in enumerate([state.name, crops, state.run, state.quality or state.warning or "–"]):
                item = QTableWidgetItem(text)
                item.setToolTip(state.advice or f"{state.name}: {text}")
                if state.advice and (column == 1 or (column == 3 and not state.quality)):
                    item.setForeground(QBrush(QColor(colors_around(self).problem)))
                self.setItem(row, column, item)
            self.item(row, 0).setIcon(_dot(state.color))
        self.clearSelection()
        mode = self.selectionMode()
        self.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        for row, state in enumerate(states):
            if state.name in before:
                self.selectRow(row)
        self.setSelectionMode(mode)
        self.blockSignals(False)
        self.setFixedHeight(30 + 24 * max(1, min(8, len(states))))

    def selected(self) -> list[ClassState]:
        """Return the selected classes."""
        return [self.states[index.row()] for index in self.selectionModel().selectedRows()]


def _dot(color: str) -> QIcon:
    pixmap = QPixmap(10, 10)
    pixmap.fill(QColor(color))
    return QIcon(pixmap)
