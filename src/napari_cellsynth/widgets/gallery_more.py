"""The Gallery's further controls, in a panel of their own beside the patches: groups, contrast, figures, tools."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.gallery_groups import GROUPS, SIDE_BY_SIDE
from napari_cellsynth.widgets.gallery_model import CONTRASTS
from napari_cellsynth.widgets.patch_list import choice_box, flow_row, refill

GROUP_TIP = "Put the patches under headings; two runs stand beside each other and scroll together."
CONTRAST_TIP = (
    "What is black and white: shared by all patches in view, by those of a class, or each patch's own darkest and "
    "brightest pixels. Channels beyond three are added up in colours, two are green and magenta."
)
WIDTH = 258
"""Pixels beside the patches; the panel scrolls, so that they stay in sight in a low dock."""


class MorePanel(QScrollArea):
    """Groups and contrast, above rows that the dock gives.

    Parameters
    ----------
    rows : sequence of sequence of QWidget
        Rows of controls, each of which breaks where it is too long.
    """

    changed = Signal()
    """Other groups, or another run to compare with, are wanted."""
    contrast_wanted = Signal(str)

    def __init__(self, *rows: Sequence[QWidget]) -> None:
        super().__init__()
        self.setObjectName("more_panel")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.group_box = choice_box("group", GROUP_TIP, GROUPS)
        self.beside_box = choice_box("beside", "The run on the right, to compare with.", ())
        self.contrast_box = choice_box("contrast", CONTRAST_TIP, CONTRASTS)
        self.with_label = label("with")
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(4)
        layout.addWidget(flow_row(label("Group"), self.group_box, self.with_label, self.beside_box, self.contrast_box))
        for row in rows:
            layout.addWidget(flow_row(*row))
        layout.addStretch(1)
        self.setWidget(content)
        self.hide()
        for box in (self.group_box, self.beside_box):
            box.activated.connect(lambda _index: self._on_group())
        self.contrast_box.currentTextChanged.connect(self.contrast_wanted)
        self._show_beside()

    def sizeHint(self) -> QSize:
        """Return the panel's width and a height that a low dock has."""
        return QSize(WIDTH, 96)

    def minimumSizeHint(self) -> QSize:
        """Return a row's height."""
        return QSize(WIDTH, 44)

    def group(self) -> str:
        """Return the chosen grouping."""
        return str(self.group_box.currentText())

    def beside(self, run: str | None) -> str | None:
        """Return the run to show beside `run`, or None."""
        other = self.beside_box.currentData()
        return other if self.group() == SIDE_BY_SIDE and other is not None and other != run else None

    def set_runs(self, runs: Sequence[str]) -> None:
        """Offer these runs to compare with, the newest first."""
        refill(self.beside_box, [(run, run) for run in runs])

    def _on_group(self) -> None:
        self._show_beside()
        self.changed.emit()

    def _show_beside(self) -> None:
        for widget in (self.with_label, self.beside_box):
            widget.setVisible(self.group() == SIDE_BY_SIDE)
