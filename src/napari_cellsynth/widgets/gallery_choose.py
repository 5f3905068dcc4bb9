"""The gallery's row for choosing patches by a figure: all below or above a threshold."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QDoubleSpinBox

from napari_cellsynth.evaluate.patch_figures import PATCH_FIGURES
from napari_cellsynth.widgets.dock import button, label
from napari_cellsynth.widgets.patch_list import choice_box

SELECT_TIP = "Select all patches in view beyond the threshold, worst first; then A or R judges them all."


class ThresholdChoice(QObject):
    """A figure, a side and a threshold; `widgets` are to be laid out by the dock.

    Parameters
    ----------
    parent : QObject
        The dock.
    """

    wanted = Signal(str, bool, float)
    """A name in `PATCH_FIGURES`, whether patches below (else above) are wanted, and the threshold."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        tips = "\n".join(f"{figure.title}: {figure.words}" for figure in PATCH_FIGURES.values())
        self.figure = choice_box("figure", tips, [figure.title for figure in PATCH_FIGURES.values()])
        self.side = choice_box("side", "Which side of the threshold.", ("below", "above"))
        self.threshold = QDoubleSpinBox()
        self.threshold.setObjectName("threshold")
        self.threshold.setToolTip("The threshold.")
        self.threshold.setRange(0.0, 100.0)
        self.threshold.setDecimals(2)
        self.threshold.setSingleStep(0.05)
        self.select = button("select_beyond", "Select", SELECT_TIP)
        self.widgets = (label("those with"), self.figure, self.side, self.threshold, self.select)
        self.figure.activated.connect(lambda _index: self._suggest())
        self.select.clicked.connect(self._on_select)
        self._suggest()

    def name(self) -> str:
        """Return the chosen figure's name."""
        return list(PATCH_FIGURES)[self.figure.currentIndex()]

    def _suggest(self) -> None:
        """Put in the threshold from which on patches are doubtful."""
        self.threshold.setValue(PATCH_FIGURES[self.name()].doubtful)

    def _on_select(self) -> None:
        self.wanted.emit(self.name(), self.side.currentText() == "below", self.threshold.value())
