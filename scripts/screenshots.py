"""Make the pictures of docs/images from the running program: ``make screenshots`` after ``make demo``.

Usage: ``scripts/screen.sh python scripts/screenshots.py PROJECT OUT [--train]``. With ``--train`` the Train GANs dock
is pictured while it trains (the run is stopped again and stays in the project).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import napari
import numpy as np
from PIL import Image
from qtpy.QtWidgets import QApplication

from napari_cellsynth.widgets.session import session_for
from napari_cellsynth.widgets.workspace import DOCKS, open_workspace

SIZE = (1366, 768)
SUGGESTED_S = 90
NAMES = ("segment", "label", "train_gans", "gallery", "classify", "evaluate")


def settle(seconds: float = 1.5) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.01)


def grab(viewer: napari.Viewer, path: Path) -> None:
    """Save the whole window as a small palette PNG."""
    pixels = np.asarray(viewer.screenshot(canvas_only=False, flash=False))[..., :3]
    Image.fromarray(pixels).quantize(192).save(path, optimize=True)


def main() -> None:
    project, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(show=True)
    window = viewer.window._qt_window
    window.resize(*SIZE)
    session = session_for(viewer)
    docks = open_workspace(viewer)
    session.open(project)
    settle(4)
    for (display_name, _, _), name in zip(DOCKS, NAMES, strict=True):
        dock = docks[display_name]
        frame = dock.parentWidget()
        while frame is not None and not hasattr(frame, "toggleViewAction"):
            frame = frame.parentWidget()
        frame.show()
        frame.raise_()
        settle()
        if name == "train_gans" and "--train" in sys.argv:
            dock.picker.setValue("cellsynth", {"width": 32, "batch": 16, "steps": 200})
            dock.train_all.click()
            settle(30)
            grab(viewer, out / f"{name}.png")
            dock.progress.stop.click()
            while session.running is not None:
                settle(0.2)
            continue
        if name == "label":  # with what the live model suggests
            until = time.monotonic() + SUGGESTED_S
            while not session.suggested and time.monotonic() < until:
                settle(0.5)
            settle()
        grab(viewer, out / f"{name}.png")
    session.shut_down()
    viewer.close()


if __name__ == "__main__":
    main()
