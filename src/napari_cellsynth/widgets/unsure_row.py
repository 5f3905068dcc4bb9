"""The row that sets below which confidence an answer is *unsure*, and says what that costs and gains."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from napari_cellsynth.evaluate.score_words import unsure_words
from napari_cellsynth.widgets.dock import delayed, label
from napari_cellsynth.widgets.session import Session

_SETTLE_MS = 300


class UnsureRow(QWidget):
    """Sets the project's threshold; the overlay paints what lies below it grey.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._scores: dict[str, Any] = {}
        self.threshold = QSpinBox()
        self.threshold.setObjectName("unsure_below")
        self.threshold.setRange(0, 99)
        self.threshold.setSingleStep(5)
        self.threshold.setSuffix(" %")
        self.threshold.setSpecialValueText("never")
        self.threshold.setToolTip("Answers with less confidence than this are unsure: grey in the overlay.")
        self.consequence = label("", "quiet", name="consequence", wrap=True)
        row = QHBoxLayout()
        row.addWidget(label("Unsure below"))
        row.addWidget(self.threshold)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.consequence)
        # Each turn of the wheel would repaint the overlay; only where it comes to rest counts.
        self._settled = delayed(self, _SETTLE_MS, self._keep)
        self.threshold.valueChanged.connect(self._on_value)

    def refresh(self, run: Any) -> None:
        """Read the project's threshold again, and what it does to the held-out crops of a run (or None)."""
        project = self._session.project
        self._scores = ((run.result or {}).get("scores") or {}) if run is not None else {}
        self.threshold.setEnabled(project is not None)
        if project is not None and not self._settled.isActive():
            self.threshold.blockSignals(True)
            self.threshold.setValue(round(100 * project.unsure_below()))
            self.threshold.blockSignals(False)
        self._tell()

    def _on_value(self) -> None:
        self._tell()
        self._settled.start()

    def _tell(self) -> None:
        self.consequence.setText(unsure_words(self._scores, self.threshold.value() / 100))
        self.consequence.setVisible(bool(self.consequence.text()))

    def _keep(self) -> None:
        with self._session.reporting():
            project = self._session.project
            if project is not None and round(100 * project.unsure_below()) != self.threshold.value():
                project.set_unsure_below(self.threshold.value() / 100)
