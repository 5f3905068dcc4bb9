"""The switches of the prediction overlay: layers, classes, confidences; and what is under the pointer."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QVBoxLayout, QWidget

from napari_cellsynth.project import UNSURE
from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.legend import Legend
from napari_cellsynth.widgets.overlay import PredictionOverlay
from napari_cellsynth.widgets.overlay_table import COLORED_BY
from napari_cellsynth.widgets.patch_list import choice_box
from napari_cellsynth.widgets.probability_bars import ProbabilityBars
from napari_cellsynth.widgets.rows import row_of
from napari_cellsynth.widgets.session import Session

STRENGTHS = "full colour: labelled by hand · pale: predicted or suggested"
POINT = "Point at an object to see its class; its number key corrects it, Shift+click offers the classes."
BETWEEN = "Show only objects whose prediction is as sure as this; at 0 to 1 also those without a prediction."


class OverlayRow(QWidget):
    """Switches the layers of an overlay of its own.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.overlay = PredictionOverlay(session, self)
        self.toggles = {what: QCheckBox(what) for what in ("classes", "outlines", "confidence")}
        for what, box in self.toggles.items():
            box.setObjectName(what)
            box.setChecked(what != "confidence")
            box.setToolTip(f"Show the {what} over the image.")
            box.toggled.connect(lambda on, what=what: self.overlay.show(what, on))
            session.remembering.keep_switch(f"overlay {what}", box)
        self.colored_by = choice_box(
            "colored_by", "\n".join(f"{k}: {v}" for k, v in COLORED_BY.items()), tuple(COLORED_BY)
        )
        self.colored_by.currentTextChanged.connect(self.overlay.color_by)
        session.remembering.keep("overlay of", self.colored_by)
        self.legend = Legend()
        self.legend.switched.connect(self.overlay.hide_classes)
        self.strengths = label(STRENGTHS, "quiet", name="strengths", wrap=True)
        self.low, self.high = (_share(name, value) for name, value in (("surer_than", 0.0), ("less_sure_than", 1.0)))
        for each in (self.low, self.high):
            each.valueChanged.connect(lambda _value: self._on_range())
        self.counts = label("", "quiet", name="frame_counts", wrap=True)
        self.hover = label(POINT, "quiet", name="hover", wrap=True)
        self.bars = ProbabilityBars()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row_of(label("Overlay"), *self.toggles.values()))
        layout.addLayout(row_of(label("of"), self.colored_by, stretch=1))
        layout.addWidget(self.legend)
        layout.addWidget(self.strengths)
        layout.addLayout(row_of(label("confidence"), self.low, label("to"), self.high))
        for widget in (self.counts, self.hover, self.bars):
            layout.addWidget(widget)
        self.overlay.changed.connect(self._show_counts)
        self.overlay.hovered.connect(lambda words: self.hover.setText(words or POINT))
        self.overlay.pointed.connect(self.bars.show_probabilities)
        session.project_changed.connect(self._on_project)
        self.overlay.refresh()

    def _on_project(self) -> None:
        """Show everything again: another project has other classes."""
        self.overlay.filter.hidden.clear()
        self.low.setValue(0.0)
        self.high.setValue(1.0)
        self.overlay.refresh()

    def _on_range(self) -> None:
        # Either end pushes the other one along.
        if self.low.value() > self.high.value():
            other = self.high if self.sender() is self.low else self.low
            other.setValue(self.low.value() if other is self.high else self.high.value())
            return
        self.overlay.show_confidences(self.low.value(), self.high.value())

    def _show_counts(self) -> None:
        project, counts, overlay = self._session.project, self.overlay.counts(), self.overlay
        there = project is not None and not overlay.table.empty
        self.legend.setVisible(there)
        self.strengths.setVisible(there)
        if project is None or not there:
            self.counts.setText("")
            return
        classes = project.classes()
        self.legend.set_classes(classes, overlay.filter.hidden)
        self.legend.set_counts(lambda number: overlay.unsure() if number == UNSURE else counts.get(number, 0))
        self.bars.set_colors({record.name: record.color for record in classes})
        differing = overlay.differing()
        parts = [f"{len(overlay.table):,} objects in this frame"]
        parts += [] if overlay.filter.is_open else [f"{overlay.passing():,} shown"]
        parts += [f"{differing:,} differ from their label"] if differing else []
        parts += ["in place of predictions: what is suggested while you label"] if self._session.suggested else []
        self.counts.setText(" · ".join(parts))


def _share(name: str, value: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setObjectName(name)
    box.setAccessibleName(f"confidence {'from' if value == 0 else 'to'}")
    box.setToolTip(BETWEEN)
    box.setRange(0.0, 1.0)
    box.setSingleStep(0.05)
    box.setValue(value)
    box.setKeyboardTracking(False)
    return box
