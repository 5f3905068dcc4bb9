"""The legend of the overlay: a switch a class with its colour and how many objects of it the frame has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QApplication, QToolButton, QWidget
from superqt import QFlowLayout

from napari_cellsynth.project import UNSURE, ClassRecord
from napari_cellsynth.widgets.button_text import literal
from napari_cellsynth.widgets.overlay import UNSURE_COLOR

TIP = "Show or hide these objects. Ctrl+click shows them alone, and again all."


class Legend(QWidget):
    """Switches the classes of the overlay on and off.

    Signals
    -------
    switched : set of int
        The classes that are to be hidden (`UNSURE`: the unsure ones).
    """

    switched = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("legend")
        self.switches: dict[int, QToolButton] = {}
        self._kinds: list[tuple[int, str, str]] = []
        self._layout = QFlowLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(2)
        self._layout.setVerticalSpacing(2)

    def set_classes(self, classes: list[ClassRecord], hidden: set[int]) -> None:
        """Make a switch a class; the ones there are stay where nothing has changed."""
        kinds = [(record.id, record.name, record.color) for record in classes]
        kinds += [(UNSURE, "unsure", UNSURE_COLOR)] if kinds else []
        if kinds != self._kinds:
            for switch in self.switches.values():
                self._layout.removeWidget(switch)
                switch.hide()
                switch.deleteLater()
            self.switches = {number: self._switch(number, name, color) for number, name, color in kinds}
            self._kinds = kinds
        for number, switch in self.switches.items():
            switch.setChecked(number not in hidden)

    def set_counts(self, counts: Callable[[int], int]) -> None:
        """Say how many objects of each class the frame has."""
        for number, name, _color in self._kinds:
            self.switches[number].setText(literal(f"{name} {counts(number):,}"))
            self.switches[number].setAccessibleName(f"{name}, {counts(number)} objects")

    def _switch(self, number: int, name: str, color: str) -> QToolButton:
        made = QToolButton()
        made.setObjectName(f"class_{number}" if number > 0 else "class_unsure")
        made.setCheckable(True)
        made.setAutoRaise(True)
        made.setToolTip(f"{name}: {TIP[0].lower()}{TIP[1:]}")
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setIcon(_dot(color))
        made.setIconSize(QSize(12, 12))
        made.setStyleSheet("QToolButton { padding: 1px 4px; } QToolButton:!checked { color: #7a8089; }")
        made.clicked.connect(partial(self._on_clicked, number))
        self._layout.addWidget(made)
        return made

    def _on_clicked(self, number: int, _on: bool) -> None:
        if QApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier:
            self.show_alone(number)
        else:
            self._tell()

    def _tell(self) -> None:
        self.switched.emit({number for number, switch in self.switches.items() if not switch.isChecked()})

    def show_alone(self, number: int) -> None:
        """Show one class alone; where it is alone already, all."""
        others = [other for other in self.switches if other != number]
        alone = all(not self.switches[other].isChecked() for other in others)
        for other in [number, *others]:
            self.switches[other].setChecked(alone or other == number)
        self._tell()


def _dot(color: str) -> QIcon:
    """Return a dot that is full where its class is shown and a ring where it is hidden."""
    icon = QIcon()
    for state, filled in ((QIcon.State.On, True), (QIcon.State.Off, False)):
        pixmap = QPixmap(24, 24)
        pixmap.fill(QColor(0, 0, 0, 0))
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = painter.pen()
        pen.setColor(QColor(color))
        pen.setWidth(3)
        painter.setPen(pen)
        painter.setBrush(QColor(color) if filled else QColor(0, 0, 0, 0))
        painter.drawEllipse(3, 3, 18, 18)
        painter.end()
        icon.addPixmap(pixmap, QIcon.Mode.Normal, state)
    return icon
