from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from npe2 import PluginManifest

import napari_cellsynth
from napari_cellsynth.widgets.dock_places import DOCKS
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.workspace import Workspace, open_workspace

pytestmark = pytest.mark.gui


def test_the_workspace_opens_all_six_docks_once_in_working_order(session: Session, qtbot: Any) -> None:
    docks = open_workspace(session.viewer)
    assert list(docks) == ["Segment colonies", "Label crops", "Train GANs", "Gallery", "Classify", "Evaluate"]
    again = open_workspace(session.viewer)
    assert all(again[name] is docks[name] for name in docks)
    assert all(dock.session is session for dock in docks.values())


def test_the_menu_entry_opens_the_docks_and_goes_away(session: Session, qtbot: Any) -> None:
    entry = Workspace(session.viewer)
    session.viewer.window.add_dock_widget(entry, name="CellSynth workspace (napari-cellsynth)")
    qtbot.waitUntil(lambda: "CellSynth workspace (napari-cellsynth)" not in session.viewer.window.dock_widgets)
    assert len(session.viewer.window.dock_widgets) >= len(DOCKS)


def test_every_control_of_a_dock_has_a_name_and_a_tooltip(session: Session, qtbot: Any) -> None:
    from qtpy.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSpinBox

    docks = open_workspace(session.viewer)
    for name in ("Segment colonies", "Label crops"):
        for kind in (QAbstractButton, QComboBox, QLineEdit, QSpinBox):
            for control in docks[name].findChildren(kind):
                if control.objectName().startswith("qt_"):
                    continue  # a part of Qt's own
                assert control.objectName() and control.toolTip(), (name, kind, control.objectName())


def test_the_gallery_shows_rows_of_patches_in_a_small_laptops_window(session: Session, qtbot: Any) -> None:
    window = session.viewer.window._qt_window
    window.resize(1366, 768)
    window.show()
    docks = open_workspace(session.viewer)
    patches = docks["Gallery"].patches
    qtbot.waitUntil(lambda: patches.viewport().height() >= 2.3 * patches.gridSize().height(), timeout=5000)
    assert docks["Gallery"].bar.isHidden() and not docks["Evaluate"].bar.isHidden()


def test_the_manifest_is_valid_and_every_command_can_be_imported() -> None:
    manifest = PluginManifest.from_file(Path(napari_cellsynth.__file__).parent / "napari.yaml")
    manifest.validate_imports()
    names = [widget.display_name for widget in manifest.contributions.widgets or []]
    assert names == ["CellSynth workspace", *(display_name for display_name, _, _ in DOCKS)]


def test_the_sample_is_a_time_lapse() -> None:
    from napari_cellsynth.widgets.sample_data import simulated_timelapse

    [(pixels, options, kind)] = simulated_timelapse()
    assert pixels.shape == (12, 512, 512) and pixels.dtype == np.uint8
    assert kind == "image" and options["name"]
