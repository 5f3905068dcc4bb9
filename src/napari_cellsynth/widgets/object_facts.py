"""What is known of the object in view, its suggested class, and the way to its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_cellsynth.project.classes import ClassRecord
from napari_cellsynth.widgets.dock import button, label
from napari_cellsynth.widgets.label_queue import Entry

LONG_NAME = 24
"""Characters of an image's name that fit beside the rest of the line."""


class ObjectFacts(QWidget):
    """The lines under the crop; its buttons are the dock's to connect."""

    def __init__(self) -> None:
        super().__init__()
        self.where = label("", name="where", wrap=True)  # a long name would make the dock wider than its place
        self.both = label("", name="both_answers", wrap=True)
        self.suggestion = label("", name="suggestion")
        self.accept = button("accept", "accept ⏎", "Give the object its suggested class (Enter).", primary=True)
        self.previous = button("previous", "‹ previous", "The object before (←).")
        self.next = button("next", "next ›", "The next object (→).")
        self.follow = QCheckBox("canvas follows")
        self.follow.setObjectName("follow")
        self.follow.setToolTip("Bring each object to the middle of the canvas.")
        self.follow.setChecked(True)
        self.suggested = QWidget()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(4)
        outer.addWidget(self.where)
        outer.addWidget(self.both)
        offer = QHBoxLayout(self.suggested)
        offer.setContentsMargins(0, 0, 0, 0)
        offer.addWidget(self.suggestion)
        offer.addWidget(self.accept)
        offer.addStretch(1)
        outer.addWidget(self.suggested)
        walk = QHBoxLayout()
        walk.addWidget(self.previous)
        walk.addWidget(self.next)
        walk.addStretch(1)
        walk.addWidget(self.follow)
        outer.addLayout(walk)
        for widget in (self.accept, self.previous, self.next, self.follow):
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def tell_both(self, words: str) -> None:
        """Tell what two people said of the object; empty where nothing is compared."""
        self.both.setText(words)
        self.both.setVisible(bool(words))

    def show_entry(
        self,
        entry: Entry | None,
        classes: Sequence[ClassRecord],
        suggestion: tuple[tuple[int, ...], float] | None,
        image: str = "",
    ) -> None:
        """Tell of an object (None: there is none), the class ids and the confidence predicted for it, and its image."""
        self.previous.setEnabled(entry is not None)
        self.next.setEnabled(entry is not None)
        names = {record.id: record.name for record in classes}
        words = " + ".join(names[each] for each in suggestion[0] if each in names) if suggestion is not None else ""
        offered = entry is not None and bool(words)
        self.suggested.setVisible(offered)
        if suggestion is not None and offered:
            self.suggestion.setText(f"suggested  {words}  {suggestion[1]:.2f}")
        self.where.setText("")
        if entry is not None:
            number = entry.mask_label or entry.object_id
            size = f"{entry.box.width}×{entry.box.height} px"
            # The ends of names differ: series are numbered there.
            short = image if len(image) <= LONG_NAME else f"…{image[-LONG_NAME:]}"
            parts = [short] if image else []
            self.where.setText(" · ".join([*parts, f"frame {entry.frame + 1}", f"object {number}", size]))
            self.where.setToolTip(image)
