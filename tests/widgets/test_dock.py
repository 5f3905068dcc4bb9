"""Docks as tabs of a window: which one is seen, and what those behind it leave undone until they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.seen_dock import SeenDock
from napari_cellsynth.widgets.segment import SegmentDock
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.workspace import open_workspace
from tests.widgets.conftest import make_project

pytestmark = pytest.mark.gui


class Counting(SeenDock):
    """Counts how often it reads the project."""

    reads = 0

    def refresh(self) -> None:
        self.reads += 1


@pytest.fixture
def tabs(session: Session, qtbot: Any) -> Iterator[dict[type, Any]]:
    """Three docks as tabs of a window that is shown; the first one is in front."""
    window = QMainWindow()
    qtbot.addWidget(window)
    made: dict[type, Any] = {}
    for kind in (SegmentDock, LabelDock, Counting):
        frame = QDockWidget(kind.__name__, window)
        made[kind] = kind(session.viewer)
        frame.setWidget(made[kind])
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, frame)
        if len(made) > 1:
            window.tabifyDockWidget(made[SegmentDock].parentWidget(), frame)
    window.resize(800, 600)
    made[SegmentDock].parentWidget().raise_()
    window.show()
    qtbot.waitUntil(lambda: [dock.is_seen() for dock in made.values()] == [True, False, False])
    yield made


def bring(dock: Any, qtbot: Any) -> None:
    dock.parentWidget().raise_()
    qtbot.waitUntil(dock.is_seen)


def test_a_dock_behind_a_tab_reads_the_project_once_it_is_in_front(
    tabs: dict[type, Any], session: Session, qtbot: Any
) -> None:
    dock = tabs[Counting]
    qtbot.waitUntil(lambda: not dock._turning.isActive())
    dock.reads = 0
    session.objects_changed.connect(dock.refresh_if_seen)
    session.objects_changed.emit()
    session.objects_changed.emit()
    assert dock.reads == 0
    bring(dock, qtbot)
    qtbot.waitUntil(lambda: dock.reads == 1)
    session.objects_changed.emit()
    assert dock.reads == 2


def test_the_preview_goes_with_its_tab_and_the_label_tab_takes_the_keys(
    tabs: dict[type, Any], session: Session, tmp_path: Path, qtbot: Any
) -> None:
    with qtbot.waitSignal(tabs[SegmentDock].preview.computed, timeout=60_000):
        session.open(make_project(tmp_path, segmented=False))
    bring(tabs[LabelDock], qtbot)
    qtbot.waitUntil(lambda: session.layers.ours("preview") is None)
    assert tabs[LabelDock].window().focusWidget() is tabs[LabelDock].stage
    with qtbot.waitSignal(tabs[SegmentDock].preview.computed, timeout=60_000):
        bring(tabs[SegmentDock], qtbot)


def test_the_gallery_lies_beside_the_layer_list_and_adds_nothing_to_its_height(session: Session, qtbot: Any) -> None:
    open_workspace(session.viewer)
    window = session.viewer.window._qt_window
    left = Qt.DockWidgetArea.LeftDockWidgetArea
    assert window.corner(Qt.Corner.BottomLeftCorner) == left
