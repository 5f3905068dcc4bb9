"""What the gallery says of the selected patch: its nearest real neighbour, and its figures in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QLabel

from napari_cellsynth.evaluate.patch_figures import PATCH_FIGURES, patch_words
from napari_cellsynth.widgets.dock import label


class PatchFacts(QObject):
    """A picture and a few short labels, which the dock lays out; all hidden where there is nothing to say."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.picture = QLabel()
        self.picture.setObjectName("nearest_patch")
        self.picture.setFixedSize(72, 72)
        self.picture.setScaledContents(True)
        self.picture.setToolTip("The nearest real patch.")
        self.nearest = label("", "quiet", name="nearest")
        # A label each, so that the row can break between them.
        self.more = [label("", "quiet", name=f"fact_{number}") for number in range(1, len(PATCH_FIGURES))]
        tip = "\n".join(f"{figure.title}: {figure.words}" for figure in PATCH_FIGURES.values())
        for each in (self.nearest, *self.more):
            each.setToolTip(tip)
        self.show(None)

    @property
    def labels(self) -> tuple[QLabel, ...]:
        """The labels, in order."""
        return (self.nearest, *self.more)

    def show(self, values: Mapping[str, Any] | None, class_name: str = "", pixmap: QPixmap | None = None) -> None:
        """Show a patch's figures (None: of no patch) and its nearest real one, where that is known."""
        neighbour = values is not None and int(values["nearest_object"]) > 0
        words = [] if values is None else patch_words(values, class_name)
        if neighbour and words:
            words[0] = f"nearest real · {words[0]}"
        for place, each in enumerate(self.labels):
            each.setText(words[place] if place < len(words) else "")
            each.setVisible(place < len(words))
        self.picture.setVisible(neighbour)
        if pixmap is not None:
            self.picture.setPixmap(pixmap)
