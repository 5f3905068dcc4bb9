"""Which docks there are, and where the window has them: the frame that napari puts around each."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QDockWidget, QWidget

DOCKS = (
    ("Segment colonies", "Segment", "segment:SegmentDock"),
    ("Label crops", "Label", "label:LabelDock"),
    ("Train GANs", "Train", "train_gans:TrainGansDock"),
    ("Gallery", "Gallery", "gallery:GalleryDock"),
    ("Classify", "Classify", "classify:ClassifyDock"),
    ("Evaluate", "Evaluate", "evaluate:EvaluateDock"),
)
"""Display name in the manifest, name on the tab, where the dock is."""


def frame_of(widget: QWidget) -> QDockWidget | None:
    """Return napari's frame around a dock, or None."""
    parent = widget.parent()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parent()
    return parent


def frames_of(viewer: Any, name: str) -> list[QDockWidget]:
    """Return the frames around the viewer's docks of a class, by the class's name; none where no such dock is open."""
    window = getattr(viewer, "window", None)
    docks = [dock for dock in dict(getattr(window, "dock_widgets", {})).values() if type(dock).__name__ == name]
    return [frame for dock in docks if (frame := frame_of(dock)) is not None]
