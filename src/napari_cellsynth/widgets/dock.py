"""The frame that all docks share: the session bar on top, the dock's own rows below it in a scroll area."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_cellsynth.widgets.accessible import make_accessible
from napari_cellsynth.widgets.dock_places import frame_of
from napari_cellsynth.widgets.session import Session, session_for
from napari_cellsynth.widgets.session_bar import SessionBar
from napari_cellsynth.widgets.theme import wear_theme


class Dock(QWidget):
    """A dock of the plugin.

    Subclasses add their rows to `body`.

    Attributes
    ----------
    session : Session
    body : QVBoxLayout
        The rows below the session bar; they scroll.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.session: Session = session_for(napari_viewer)
        self._wear_theme()
        # A method and not a lambda: napari holds it weakly, so that a closed dock is forgotten.
        napari_viewer.events.theme.connect(self._wear_theme)
        content = QWidget()
        self.body = QVBoxLayout(content)
        self.body.setContentsMargins(6, 4, 6, 6)
        self.body.setSpacing(6)
        self.scroll = QScrollArea()
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        # A scroll area that takes the focus would take the arrow keys with it.
        self.scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroll.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.bar = SessionBar(self.session)
        layout.addWidget(self.bar)
        layout.addWidget(self.scroll, 1)
        self.setMinimumWidth(300)
        self._frame: QDockWidget | None = None
        self._turning = delayed(self, 0, self._turn)
        # Once the rows are made, and again where a project brings rows of its own (its classes).
        self._naming = delayed(self, 0, lambda: make_accessible(self))
        self._naming.start()
        for signal in (self.session.project_changed, self.session.classes_changed):
            signal.connect(self._naming.start)

    def _wear_theme(self, _event: object = None) -> None:
        wear_theme(self, self.session.viewer)

    # ------------------------------------------------------------------ in front or behind another tab
    def is_seen(self) -> bool:
        """Whether the dock is on the screen; behind another tab Qt still calls it visible."""
        return bool(self.isVisible()) and not self.visibleRegion().isEmpty()

    def came_forward(self) -> None:
        """Do what is due when the dock comes on the screen; may be called again while it is there."""

    def went_back(self) -> None:
        """Do what is due when the dock is hidden or another tab is chosen; may be called again."""

    def showEvent(self, event: QShowEvent) -> None:
        """Watch the tabs that the dock is among."""
        super().showEvent(event)
        frame = frame_of(self)
        if frame is not None and frame is not self._frame:
            self._frame = frame
            frame.visibilityChanged.connect(self._on_tab)
        self._turn()

    def hideEvent(self, event: QHideEvent) -> None:
        """Leave the screen."""
        super().hideEvent(event)
        self.went_back()

    def _on_tab(self, _in_front: bool) -> None:
        # The docks are moved after Qt has told.
        self._turning.start()

    def _turn(self) -> None:
        if self.is_seen():
            if type(self).__name__ != "GalleryDock":  # it lies below the canvas, not among the tabs
                self.session.remembering.saw(type(self).__name__)
                self.session.ring.in_front(type(self).__name__)
            self.came_forward()
        else:
            self.went_back()

    # ------------------------------------------------------------------ layout
    def sizeHint(self) -> QSize:
        """Return the width of the wireframes; the height is napari's to give."""
        return QSize(380, 560)

    def add_row(self, *widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
        """Add widgets side by side; the one at index `stretch` takes the room that is left (else the end does)."""
        row = QHBoxLayout()
        row.setSpacing(6)
        for i, widget in enumerate(widgets):
            row.addWidget(widget, 1 if i == stretch else 0)
        if stretch is None:
            row.addStretch(1)
        self.body.addLayout(row)
        return row


def button(name: str, text: str, tooltip: str, *, primary: bool = False) -> QPushButton:
    """Return a push button; `name` (a verb) is its objectName."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setToolTip(tooltip)
    # Space and the arrows belong to the crop, not to the button clicked last.
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setProperty("primary", primary)
    made.pressed.connect(lambda: _take_typed(made))
    return made


def _take_typed(pressed: QPushButton) -> None:
    """Take over a number that is still being typed: a click leaves the focus, and so the typing, in its field."""
    field = pressed.window().focusWidget()
    if isinstance(field, QAbstractSpinBox):
        field.interpretText()


def label(text: str = "", role: str = "", *, name: str = "", wrap: bool = False) -> QLabel:
    """Return a label; `role` is ``""``, ``"quiet"``, ``"heading"`` or ``"problem"``."""
    made = QLabel(text)
    made.setProperty("role", role)
    made.setObjectName(name)
    made.setWordWrap(wrap)
    made.setTextFormat(Qt.TextFormat.PlainText)
    return made


def delayed(owner: QWidget, milliseconds: int, act: Callable[[], None]) -> QTimer:
    """Return a timer that does something once, that long after it was last started."""
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(act)
    return timer


def allow(target: QPushButton, why_not: str, tooltip: str) -> None:
    """Switch a button on, or off with the reason as its tooltip."""
    target.setEnabled(not why_not)
    target.setToolTip(why_not or tooltip)


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet looks at, and let it look again."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
