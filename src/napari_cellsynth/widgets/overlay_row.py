"""The switches of the prediction overlay, the classes in the frame on the canvas, and what is under the pointer."""

from __future__ import annotations

import html

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.overlay import COLORED_BY, UNSURE_COLOR, PredictionOverlay
from napari_cellsynth.widgets.patch_list import choice_box
from napari_cellsynth.widgets.session import Session

POINT = "Point at an object to see its class; its number key corrects it."


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
        self.colored_by = choice_box(
            "colored_by", "\n".join(f"{k}: {v}" for k, v in COLORED_BY.items()), tuple(COLORED_BY)
        )
        self.colored_by.currentTextChanged.connect(self.overlay.color_by)
        self.counts = QLabel()
        self.counts.setObjectName("frame_counts")
        self.counts.setWordWrap(True)
        self.counts.setTextFormat(Qt.TextFormat.RichText)
        self.counts.setToolTip("Objects of each class in the frame on the canvas.")
        self.hover = label(POINT, "quiet", name="hover", wrap=True)
        switches = QHBoxLayout()
        switches.addWidget(label("Overlay"))
        for what, box in self.toggles.items():
            box.setObjectName(what)
            box.setChecked(what != "confidence")
            box.setToolTip(f"Show the {what} over the image.")
            box.toggled.connect(lambda on, what=what: self.overlay.show(what, on))
            switches.addWidget(box)
        switches.addStretch(1)
        shown = QHBoxLayout()
        shown.addWidget(label("of"))
        shown.addWidget(self.colored_by, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(switches)
        layout.addLayout(shown)
        layout.addWidget(self.counts)
        layout.addWidget(self.hover)
        self.overlay.changed.connect(self._show_counts)
        self.overlay.hovered.connect(lambda words: self.hover.setText(words or POINT))
        self.overlay.refresh()

    def _show_counts(self) -> None:
        project, counts = self._session.project, self.overlay.counts()
        if project is None or self.overlay.table.empty:
            self.counts.setText("")
            return
        parts = []
        for record in project.classes():
            words = f"{html.escape(record.name)} {counts.get(record.id, 0)}".replace(" ", "&nbsp;")
            parts.append(f'<span style="color:{record.color}">●</span>&nbsp;{words}')
        if unsure := self.overlay.unsure():
            parts.append(f'<span style="color:{UNSURE_COLOR}">●</span>&nbsp;unsure&nbsp;{unsure}')
        differing = self.overlay.differing()
        told = f" &nbsp;·&nbsp; {differing} differ from their label" if differing else ""
        self.counts.setText(" &nbsp;".join(parts) + " &nbsp;in this frame" + told)
