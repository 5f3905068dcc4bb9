"""The switch for suggestions while one labels, and what they are worth."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.live import LiveSuggestions
from napari_cellsynth.widgets.session import Session

TIP = (
    "After every few labels a quick model is fitted again in the background. What it suggests stands under the crop "
    "(Enter accepts it) and colours the objects on the canvas, paler than labels, in place of an older classifier's "
    "predictions."
)
ON = True
"""Whether suggestions are on from the start."""


class LiveRow(QWidget):
    """Switches the suggestions on and off; the dock lays out the ``switch``, this widget holds the words.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.live = LiveSuggestions(session)
        self.switch = QCheckBox("suggest while I label")
        self.switch.setObjectName("suggest")
        self.switch.setToolTip(TIP)
        self.switch.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.switch.setChecked(ON)
        session.remembering.keep_switch("suggest", self.switch)
        self.words = label("", "quiet", name="live_words", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.words)
        self.switch.toggled.connect(self.live.want)
        self.live.changed.connect(self._tell)
        self._tell()

    def begin(self) -> None:
        """Ask for suggestions, where they are switched on: somebody is here to label."""
        self.live.want(self.switch.isChecked())

    def _tell(self) -> None:
        self.words.setText(self.live.words)
        self.words.setVisible(bool(self.live.words))
