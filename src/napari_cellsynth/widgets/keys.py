"""The keys of the Label dock: what they do, and the sheet that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QHideEvent, QKeyEvent, QShowEvent
from qtpy.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

Keys = Qt.Key
SHEET = (
    ("1 … 9", "give the class with that key and go on"),
    ("0", "unsure"),
    ("X", "bad segmentation"),
    ("Enter", "accept the suggested class"),
    ("Delete", "take the label away"),
    ("← →", "previous and next object"),
    ("↑ ↓", "the same, on the canvas too (← → move through time there)"),
    ("Space", "show or hide the outline"),
    ("Ctrl+Z", "undo, also what was done yesterday"),
    ("Ctrl+Shift+Z", "redo"),
    ("?", "show or hide these keys"),
)
SEVERAL = {"1 … 9": "give or take away the class with that key", "Enter": "go on; accept the suggested classes first"}
"""What keys do instead where an object may have several classes."""
PLAIN = {
    int(Keys.Key_X): "bad_segmentation",
    int(Keys.Key_0): "unsure",
    int(Keys.Key_Return): "accept",
    int(Keys.Key_Enter): "accept",
    int(Keys.Key_Delete): "unlabel",
    int(Keys.Key_Left): "previous",
    int(Keys.Key_Right): "next",
    int(Keys.Key_Up): "previous",
    int(Keys.Key_Down): "next",
    int(Keys.Key_Space): "outline",
    int(Keys.Key_Question): "keys",
    **{int(Keys.Key_1) + i: f"class {i + 1}" for i in range(9)},
}


def verb_of(event: QKeyEvent) -> str:
    """Return what a key press means in the Label dock (``"class 3"``, ``"undo"``, …), or ``""``."""
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    if event.key() == Keys.Key_Z and held in (control, control | shift):
        return "redo" if held & shift else "undo"
    # A question mark needs Shift on most keyboards, digits need it on French ones.
    if held in (Qt.KeyboardModifier.NoModifier, shift):
        return PLAIN.get(int(event.key()), "")
    return ""


def is_held(event: QKeyEvent, verb: str) -> bool:
    """Whether a key that labels is only still held down: one press labels one object."""
    labels = verb.startswith("class ") or verb in ("unsure", "bad_segmentation", "unlabel", "accept")
    return labels and bool(event.isAutoRepeat())


def overrides(event: QEvent) -> bool:
    """Whether `event` asks if a menu's shortcut may take a key that is ours while the dock has the focus."""
    return event.type() == QEvent.Type.ShortcutOverride and bool(verb_of(event))


class KeySheet(QWidget):
    """The table of keys, laid over a widget until a key, Escape too, or a click takes it away."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setObjectName("key_sheet")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet("QWidget#key_sheet { background: rgba(16, 19, 23, 235); } QLabel { color: #e8eaed; }")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self.tell(several=False)
        layout = QVBoxLayout(self)
        layout.addWidget(self._text)
        layout.addStretch(1)
        over.installEventFilter(self)
        self.hide()

    def tell(self, *, several: bool) -> None:
        """List what the keys do where an object has one class, or several."""
        told = [(key, SEVERAL.get(key, does) if several else does) for key, does in SHEET]
        self.tell_rows(told)

    def tell_rows(self, told: Sequence[tuple[str, str]], columns: int = 1) -> None:
        """List keys and what they do."""
        cells = [f"<td><b>{key}</b>&nbsp;&nbsp;</td><td>{does}&nbsp;&nbsp;&nbsp;</td>" for key, does in told]
        rows = "".join(f"<tr>{''.join(cells[i : i + columns])}</tr>" for i in range(0, len(cells), columns))
        self._text.setText(f"<table cellpadding=3>{rows}</table>")

    def toggle(self) -> None:
        """Show or hide the sheet."""
        self._cover()
        self.setVisible(self.isHidden())
        self.raise_()

    def mousePressEvent(self, event: Any) -> None:
        """Hide the sheet."""
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget below; Escape hides the sheet."""
        if isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.KeyPress and event.key() == Keys.Key_Escape:
                self.hide()
        elif watched is self.parent() and event.type() == QEvent.Type.Resize:
            self._cover()
        elif watched is self.parent() and event.type() == QEvent.Type.Hide:
            self.hide()
        return False

    def showEvent(self, event: QShowEvent) -> None:
        """Look out for Escape, whichever widget has the focus."""
        QApplication.instance().installEventFilter(self)

    def hideEvent(self, event: QHideEvent) -> None:
        """Look out no more."""
        QApplication.instance().removeEventFilter(self)

    def _cover(self) -> None:
        over = self.parentWidget()
        if over is not None:
            self.setGeometry(over.rect())
