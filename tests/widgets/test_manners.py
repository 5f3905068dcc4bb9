"""Every control of every dock has a name, an explanation and a place for the Tab key; nothing is cut off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("napari")

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

from napari_cellsynth.widgets.accessible import controls
from napari_cellsynth.widgets.dock_places import DOCKS
from napari_cellsynth.widgets.workspace import open_workspace

pytestmark = pytest.mark.gui
NAMES = [name for name, _, _ in DOCKS]


def spoken_name(control: QWidget) -> str:
    """Return what a reader of the screen says of a control."""
    text = control.text() if isinstance(control, QAbstractButton) else ""
    return control.accessibleName() or text


@pytest.fixture
def docks(viewer, session, project_path, qtbot):
    made = open_workspace(viewer)
    session.open(project_path)
    for _ in range(5):
        QApplication.processEvents()
    return made


def told(control: QWidget) -> str:
    return f"{type(control).__name__} {control.objectName()!r}"


def test_every_control_has_a_name_an_explanation_and_is_reached_by_tab(docks) -> None:
    wrong = []
    count = 0
    for name, dock in docks.items():
        for control in controls(dock):
            count += 1
            wrong += [f"{name}: {told(control)} has no objectName"] if not control.objectName() else []
            wrong += [f"{name}: {told(control)} has no name to be read out"] if not spoken_name(control).strip() else []
            wrong += [f"{name}: {told(control)} has no tooltip"] if not control.toolTip() else []
            tab = control.focusPolicy() & Qt.FocusPolicy.TabFocus
            wrong += [f"{name}: {told(control)} is not reached by Tab"] if not tab else []
    assert count > 150
    assert not wrong, "\n" + "\n".join(sorted(set(wrong)))


def cut_off(control: QWidget) -> str:
    """Return what of a control's text is cut off, in pixels; empty where it is whole."""
    metrics = control.fontMetrics()
    if isinstance(control, QComboBox):
        option = QStyleOptionComboBox()
        option.initFrom(control)
        field = control.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, control
        )
        room, text = field.width(), control.currentText()
    elif isinstance(control, QAbstractButton):
        room, text = control.width(), control.text().replace("&&", "&")
    elif isinstance(control, QLabel) and not control.wordWrap() and control.textFormat() != Qt.TextFormat.RichText:
        room, text = control.width(), control.text()
    else:
        return ""
    needed = max((metrics.horizontalAdvance(line) for line in text.splitlines()), default=0)
    return f"{text!r} needs {needed} px and has {room}" if needed > room + 1 else ""


def all_cut_off(docks: dict[str, QWidget]) -> list[str]:
    """Bring each dock to the front and return what is cut off of its controls or lies beyond its right edge."""
    wrong = []
    for name, dock in docks.items():
        frame = dock.parentWidget()
        while not hasattr(frame, "toggleViewAction"):
            frame = frame.parentWidget()
        frame.show()
        frame.raise_()
        for _ in range(20):
            QApplication.processEvents()
        for control in [*controls(dock), *dock.findChildren(QLabel)]:
            if not control.isVisible():
                continue
            if cut := cut_off(control):
                wrong.append(f"{name}: {told(control)}: {cut}")
            right = control.mapTo(dock, control.rect().topRight()).x()
            inside_table = any(type(each).__name__.endswith("Table") for each in _parents(control, dock))
            if right > dock.width() + 1 and not inside_table:
                wrong.append(f"{name}: {told(control)} ends {right - dock.width()} px beyond the dock")
    return wrong


def _parents(widget: QWidget, top: QWidget) -> list[QWidget]:
    found = []
    parent = widget.parentWidget()
    while parent is not None and parent is not top:
        found.append(parent)
        parent = parent.parentWidget()
    return found


def main() -> None:
    """Open the workspace on a small laptop's screen and print what is cut off (of a process with its own scale)."""
    import napari

    from napari_cellsynth.widgets.session import session_for

    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1366, 768)
    docks = open_workspace(viewer)
    session_for(viewer).open(Path(sys.argv[1]))
    for _ in range(50):
        QApplication.processEvents()
    print("\n".join([f"pixels: {viewer.window._qt_window.devicePixelRatioF()}", *all_cut_off(docks)]))
    session_for(viewer).shut_down()
    viewer.close()


@pytest.mark.parametrize("scale", ["1", "2"])
def test_nothing_is_cut_off_on_a_small_laptop_at_either_scale(project_path, scale) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from tests.widgets.test_manners import main; main()", str(project_path)],
        env=os.environ | {"QT_SCALE_FACTOR": scale, "PYTHONPATH": os.pathsep.join(["src", ".", *sys.path])},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.strip().splitlines()
    lines = lines[lines.index(next(line for line in lines if line.startswith("pixels:"))) :]
    assert lines[0] == f"pixels: {float(scale)}"
    assert not lines[1:], "\n" + "\n".join(lines[1:])


def test_the_check_for_cut_off_controls_can_fail(qtbot) -> None:
    from qtpy.QtWidgets import QPushButton

    made = QPushButton("a text that needs some room")
    qtbot.addWidget(made)
    made.setFixedWidth(60)
    assert "needs" in cut_off(made)
    made.setFixedWidth(400)
    assert not cut_off(made)
