"""How a classifier did on held-out crops: a matrix whose cells open their crops, all figures, curves, mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.held_out import read_held_out
from napari_cellsynth.evaluate.score_words import (
    COUNTS,
    FIGURES,
    RATES,
    calibration_words,
    class_rows,
    count_rows,
    headline,
    rates_of,
    score_lines,
)
from napari_cellsynth.widgets.confusion import ConfusionView
from napari_cellsynth.widgets.dock import allow, button, label
from napari_cellsynth.widgets.figure_table import FigureTable
from napari_cellsynth.widgets.form import Foldable
from napari_cellsynth.widgets.picture_window import show_pictures
from napari_cellsynth.widgets.plot import Plot
from napari_cellsynth.widgets.score_text import score_text
from napari_cellsynth.widgets.session import Session

MISTAKES_TIP = "Show the misclassified held-out crops: what was answered, how surely, and what is true."


class ScorePanel(QWidget):
    """Shows the held-out test of one classifier run.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._run: Any = None
        self.score = label("", name="score", wrap=True)
        self.calibration = label("", "quiet", name="calibration", wrap=True)
        self.confusion = ConfusionView()
        self.as_shares = QCheckBox("% of class")
        self.as_shares.setObjectName("as_shares")
        self.as_shares.setToolTip("Show each row of the matrix as shares of its true class instead of counts.")
        self.as_shares.toggled.connect(self.confusion.show_shares)
        self.mistakes = button("mistakes", "Mistakes…", MISTAKES_TIP)
        self.mistakes.clicked.connect(self._on_mistakes)
        meanings = "\n".join(f"{title}: {meaning}" for title, meaning in FIGURES.values())
        self.figures = FigureTable("score_figures", ["figure", "value", "95 %"], meanings, most=10)
        rates = "\n".join(f"{name}: {meaning}" for name, meaning in RATES.items())
        self.per_class = FigureTable("per_class", ["class", *RATES, "crops"], rates, most=16)
        self.per_class.horizontalHeader().setMinimumSectionSize(44)
        self.roc = _plot("roc", "false positive rate", "true positive rate")
        self.reliability = _plot("reliability", "confidence", "share right")
        self.details = self._details()
        row = QHBoxLayout()
        row.addWidget(self.as_shares)
        row.addStretch(1)
        row.addWidget(self.mistakes)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.score)
        layout.addWidget(self.confusion)
        layout.addLayout(row)
        layout.addWidget(self.details)
        self.confusion.cell_opened.connect(self._on_cell)

    def _details(self) -> Foldable:
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        curves = QHBoxLayout()
        curves.addWidget(self.roc, 1)
        curves.addWidget(self.reliability, 1)
        for widget in (self.figures, self.per_class, self.calibration):
            layout.addWidget(widget)
        layout.addLayout(curves)
        return Foldable("All figures", inside, name="show_figures")

    # ------------------------------------------------------------------ what is shown
    def show_run(self, run: Any) -> None:
        """Show a finished run's scores; None hides everything."""
        self._run = run
        result = (run.result or {}) if run is not None else {}
        names, scores = result.get("classes") or [], result.get("scores") or {}
        counts = count_rows(scores)
        matrix = counts or result.get("confusion") or []
        text, figure = score_text(result), headline(scores)
        scored = bool(text and matrix and names)
        self.score.setVisible(run is not None)
        for widget in (self.confusion, self.as_shares, self.mistakes, self.details):
            widget.setVisible(scored)
        if run is None:
            return
        if not scored:
            self.score.setText(f"{run.id} has no held-out score: hold out a group, then train.")
            return
        told = f"{run.id}: {FIGURES[figure][0]} {text} on {result.get('held_out', 0):,} held-out crops"
        if figure not in (scores.get("intervals") or {}):
            told += " · no interval: it needs crops of two held-out groups"
        self.score.setText(told)
        colors = {record.name: record.color for record in self._session.need_project().classes()}
        show = self.confusion.set_counts if counts else self.confusion.set_matrix
        show(matrix, names, [colors.get(name, "") for name in names])
        wrong = "" if self._mistakes().is_file() else "There is no page of mistakes: none was made, or the run is old."
        allow(self.mistakes, wrong, MISTAKES_TIP)
        self._show_details(result, names)

    def _show_details(self, result: dict[str, Any], names: list[str]) -> None:
        scores = result["scores"]
        lines = score_lines(scores)
        self.figures.fill([line[:3] for line in lines], [line.meaning for line in lines])
        self.per_class.set_headings(["class", *rates_of(scores), "crops"])
        self.per_class.fill(class_rows(scores))
        self.calibration.setText(calibration_words(result["calibration"]) if "calibration" in result else "")
        for plot in (self.roc, self.reliability):
            plot.clear()
            plot.canvas.plot([0, 1], [0, 1], pen="#777777")
        for k, (name, curve) in enumerate(zip(names, scores.get("roc") or [], strict=False)):
            self.roc.add_line(k, curve["fpr"], curve["tpr"], name=name)
        self.reliability.setVisible("reliability" in scores)
        if bins := scores.get("reliability"):
            self.reliability.add_line(0, bins["confidence"], bins["accuracy"], symbol="o", symbolSize=5)

    def _mistakes(self) -> Any:
        return self._run.folder / "mistakes.png"

    # ------------------------------------------------------------------ what is done
    def _on_mistakes(self) -> None:
        show_pictures(self, f"Mistakes of {self._run.id}", [("surest first", self._mistakes())])

    def _on_cell(self, row: int, column: int) -> None:
        """Open the held-out crops of one cell of the matrix."""
        run = self._run
        with self._session.reporting():
            names = list((run.result or {})["classes"])
            answers = read_held_out(run.folder)
            scores = run.result["scores"]
            if scores.get("multi_label"):
                has, given = answers.labels[:, row] == 1, answers.probabilities[:, row] >= scores["thresholds"][row]
                here = (has == (column < 2)) & (given == (column in (0, 2)))  # TP, FN, FP, TN
                words = f"{names[row]} {list(COUNTS)[column]}"
                none = f"There is no held-out crop of {words}."
            else:
                here = (answers.labels == row) & (answers.probabilities.argmax(axis=1) == column)
                words = f"{names[row]} → {names[column]}"
                none = f"No {names[row]} was taken for {names[column]}."
            tested = [object_id for object_id, _ in run.parameters["test_objects"]]
            chosen = [int(tested[place]) for place in np.flatnonzero(here)]
            if not chosen:
                raise UserError(none)
            gallery = open_gallery(self._session.viewer)
            if gallery is None:
                self._session.select_object(chosen[0])
            else:
                gallery.show_objects(chosen, words)


def open_gallery(viewer: Any) -> Any:
    """Return the viewer's Gallery dock, opened if need be; None where the plugin is not installed in napari."""
    docked = viewer.window.dock_widgets.get("Gallery (napari-cellsynth)")
    if docked is not None:
        docked.parentWidget().show()
        return docked
    try:
        _dock, widget = viewer.window.add_plugin_dock_widget("napari-cellsynth", "Gallery")
    except (KeyError, ValueError):
        return None
    return widget


def _plot(name: str, x: str, y: str) -> Plot:
    def prepare(canvas: Any) -> None:
        canvas.setRange(xRange=(0, 1), yRange=(0, 1))
        canvas.setLabel("bottom", x)
        canvas.setLabel("left", y)

    plot = Plot(name, f"{y} over {x}, on held-out crops.", prepare)
    plot.setFixedHeight(150)
    plot.setMinimumWidth(120)
    return plot
