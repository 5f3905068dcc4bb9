"""What the gallery says of the selected patch: its nearest real neighbour, and its figures in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPixmap, QResizeEvent
from qtpy.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_cellsynth.evaluate.patch_figures import PATCH_FIGURES, patch_words
from napari_cellsynth.widgets.dock import label

NARROW = 460
"""Pixels: in less the facts would leave no room for the patches beside them."""


class PatchFacts(QWidget):
    """The nearest real patch as a picture, and a line a figure beside it; hidden where there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("\n".join(f"{figure.title}: {figure.words}" for figure in PATCH_FIGURES.values()))
        self.picture = QLabel()
        self.picture.setObjectName("nearest_patch")
        self.picture.setFixedSize(72, 72)
        self.picture.setScaledContents(True)
        self.picture.setToolTip("The nearest real patch.")
        self.labels = [label("", "quiet", name=f"fact_{number}") for number in range(len(PATCH_FIGURES))]
        lines = QVBoxLayout()
        lines.setSpacing(1)
        for each in self.labels:
            lines.addWidget(each)
        lines.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(lines, 1)
        self.tell(None)

    def tell(self, values: Mapping[str, Any] | None, class_name: str = "", pixmap: QPixmap | None = None) -> None:
        """Show a patch's figures (None: of no patch) and its nearest real one, where that is known."""
        neighbour = values is not None and int(values["nearest_object"]) > 0
        words = [] if values is None else patch_words(values, class_name)
        if neighbour and words:
            words[0] = f"nearest real · {words[0]}"
        for place, each in enumerate(self.labels):
            each.setText(words[place] if place < len(words) else "")
            each.setVisible(place < len(words))
        self.picture.setVisible(neighbour)
        self.setVisible(bool(words))
        if pixmap is not None:
            self.picture.setPixmap(pixmap)


class WithFacts(QWidget):
    """The patches with the facts and further controls beside them, or below and above where there is little room."""

    def __init__(self, patches: QWidget, facts: PatchFacts, more: QWidget) -> None:
        super().__init__()
        self._more = more
        self._parts = (more, patches, facts)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(more)
        self._row.addWidget(patches, 1)
        self._row.addWidget(facts)

    def minimumSizeHint(self) -> QSize:
        """Return the width that is needed with all below each other: beside each other they must not keep it wide."""
        shown = [part for part in self._parts if not part.isHidden()]
        return QSize(max(part.minimumSizeHint().width() for part in shown), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose between beside and below."""
        super().resizeEvent(event)
        wide = self.width() > NARROW
        self._row.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)
        self._more.setMaximumWidth(self._more.sizeHint().width() if wide else 16_777_215)
        self._more.setMaximumHeight(16_777_215 if wide else max(44, self.height() // 2))
