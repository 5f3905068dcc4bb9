"""All six docks at once, in the order of the work."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

from napari_cellsynth.widgets.dock_places import DOCKS, frame_of

PLUGIN = "napari-cellsynth"

BELOW = "Gallery"
WIDTH, GALLERY_HEIGHT = 390, 290


def open_workspace(viewer: Any) -> dict[str, QWidget]:
    """Lay the docks out: tabs on the right in working order, the Gallery along the bottom.

    Docks that are open already are kept as they are, wherever the person has put them.

    Parameters
    ----------
    viewer : napari.Viewer

    Returns
    -------
    dict
        Display name to dock.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    docks: dict[str, QWidget] = {}
    first: QDockWidget | None = None
    for display_name, tab, place in DOCKS:
        name = f"{display_name} ({PLUGIN})"
        widget = viewer.window.dock_widgets.get(name)
        if widget is None:
            module, _, attribute = place.partition(":")
            widget = getattr(import_module(f"napari_cellsynth.widgets.{module}"), attribute)(viewer)
            area = "bottom" if display_name == BELOW else "right"
            frame = viewer.window.add_dock_widget(widget, name=name, area=area, add_vertical_stretch=False)
            # Under their full names six tabs would not fit beside each other on a laptop.
            frame.setWindowTitle(tab)
            if area == "right":
                first = _join(first, frame)
            # Low as it lies there: project, jobs and next step are told beside it, and patches need the height.
            widget.bar.setHidden(display_name == BELOW)
        docks[display_name] = widget
    if first is not None:
        first.show()
        first.raise_()
    _soon(docks[BELOW], lambda: _give_room(docks))
    return docks


def _join(first: QDockWidget | None, frame: QDockWidget) -> QDockWidget:
    """Put a dock behind the first one as a tab."""
    window = frame.parent()
    if first is None:
        if isinstance(window, QMainWindow):
            right = Qt.DockWidgetArea.RightDockWidgetArea
            window.setTabPosition(right, QTabWidget.TabPosition.North)
            # The docks on both sides need a laptop's whole height; the Gallery lies under the canvas alone.
            window.setCorner(Qt.Corner.BottomRightCorner, right)
            window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        return frame
    if isinstance(window, QMainWindow):
        window.tabifyDockWidget(first, frame)
    return first


def _give_room(docks: dict[str, QWidget]) -> None:
    """Share the window out once it knows its size: the canvas keeps what the docks do not need."""
    frames = {name: frame_of(widget) for name, widget in docks.items()}
    side, below = frames["Segment colonies"], frames[BELOW]
    window = side.parent() if side is not None else None
    if isinstance(window, QMainWindow) and side is not None and below is not None:
        window.resizeDocks([side], [WIDTH], Qt.Orientation.Horizontal)
        window.resizeDocks([below], [GALLERY_HEIGHT], Qt.Orientation.Vertical)


def _soon(owner: QWidget, act: Callable[[], None]) -> None:
    """Do something in the next turn of the event loop, unless `owner` has gone by then."""
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.timeout.connect(act)
    timer.timeout.connect(timer.deleteLater)
    timer.start(0)


class Workspace(QWidget):
    """The menu entry “CellSynth workspace”: napari wants a widget, so this one opens the docks and goes away."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        _soon(self, self._open)

    def _open(self) -> None:
        open_workspace(self._viewer)
        if frame_of(self) is not None:
            self._viewer.window.remove_dock_widget(self)
