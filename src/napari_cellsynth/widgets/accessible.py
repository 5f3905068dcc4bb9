"""What readers of the screen and the Tab key need: a name on every control, and a way to it without the mouse."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QSlider, QTableView, QWidget

CONTROLS = (QAbstractButton, QComboBox, QAbstractSpinBox, QSlider, QLineEdit)
_PART_OF = (QAbstractSpinBox, QComboBox, QLineEdit, QTableView)


def controls(dock: QWidget) -> list[QWidget]:
    """Return a dock's own controls: without the parts that Qt makes of them (a spin box's field, a table's corner)."""
    found = [each for kind in CONTROLS for each in dock.findChildren(kind)]
    return [each for each in found if not isinstance(each.parentWidget(), _PART_OF)]


def make_accessible(dock: QWidget) -> None:
    """Give controls without words of their own the name of their field, and all of them a place for the Tab key.

    A control's objectName is a verb or a field's name, so its words are what it is for.
    """
    for control in controls(dock):
        if control.objectName().startswith("qt_"):
            continue
        spoken = control.text() if isinstance(control, QAbstractButton) else ""
        if not spoken.strip() and not control.accessibleName():
            control.setAccessibleName(control.objectName().replace("_", " ").replace(".", " "))
        # By Tab alone: a click must leave the keys with the crop.
        if control.focusPolicy() == Qt.FocusPolicy.NoFocus:
            control.setFocusPolicy(Qt.FocusPolicy.TabFocus)
