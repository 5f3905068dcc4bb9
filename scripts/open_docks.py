"""Open all docks of the installed napari-cellsynth in a window and say with which Qt; CI runs it on wheel and sdist."""

from __future__ import annotations

import napari
from qtpy import API_NAME

import napari_cellsynth
from napari_cellsynth.widgets.dock_places import DOCKS, frame_of
from napari_cellsynth.widgets.workspace import open_workspace

viewer = napari.Viewer()
docks = open_workspace(viewer)
assert list(docks) == [name for name, _, _ in DOCKS], list(docks)
assert all(frame_of(dock) is not None for dock in docks.values())
print(f"{napari_cellsynth.__version__} on {API_NAME}: {', '.join(docks)}")
viewer.close()
