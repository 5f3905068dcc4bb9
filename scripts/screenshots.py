"""Make the pictures of docs/images from the running program: ``make screenshots`` after ``make demo``.

Usage: ``scripts/screen.sh python scripts/screenshots.py PROJECT OUT [--train] [--theme light] [--contact NAME]``. With
``--train`` the Train GANs dock is pictured while it trains (the run is stopped again and stays in the project). With
``--contact`` all docks are put on one picture, OUT/NAME.png, in place of one each: for a look at a theme, a scale
(``QT_SCALE_FACTOR=2`` before the command) or a binding.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import napari
import numpy as np
from PIL import Image
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication

from napari_cellsynth.widgets.dock_places import DOCKS
from napari_cellsynth.widgets.session import session_for
from napari_cellsynth.widgets.workspace import open_workspace

SIZE = (1366, 768)
SUGGESTED_S = 90
NAMES = ("segment", "label", "train_gans", "gallery", "classify", "evaluate")
CONTACT_WIDTH, CONTACT_COLORS = 560, 128


def settle(seconds: float = 1.5) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.01)


def pixels_of(viewer: napari.Viewer) -> Image.Image:
    """Return the whole window as it is on the screen, every pixel of it where the screen is scaled."""
    if os.environ.get("QT_SCALE_FACTOR", "1") == "1":
        return Image.fromarray(np.asarray(viewer.screenshot(canvas_only=False, flash=False))[..., :3])
    shot = viewer.window._qt_window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(shot.constBits().asstring(shot.bytesPerLine() * shot.height()), np.uint8)
    return Image.fromarray(rows.reshape(shot.height(), -1)[:, : 3 * shot.width()].reshape(shot.height(), -1, 3).copy())


def save(picture: Image.Image, path: Path, colors: int = 256) -> None:
    """Save a small palette PNG; other ways to choose its colours lose those of the classes, which are a few pixels."""
    picture.quantize(colors, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)


def bring_forward(dock: Any) -> None:
    frame = dock.parentWidget()
    while frame is not None and not hasattr(frame, "toggleViewAction"):
        frame = frame.parentWidget()
    frame.show()
    frame.raise_()
    settle()


def trained(dock: Any, session: Any, viewer: napari.Viewer) -> Image.Image:
    """Return the Train GANs dock while it trains."""
    dock.picker.setValue("cellsynth", {"width": 32, "batch": 16, "steps": 200})
    dock.train_all.click()
    settle(30)
    picture = pixels_of(viewer)
    dock.progress.stop.click()
    while session.running is not None:
        settle(0.2)
    return picture


def contact_sheet(pictures: list[Image.Image]) -> Image.Image:
    """Return the pictures two a row, each as wide as half a small laptop."""
    scaled = [each.resize((CONTACT_WIDTH, round(each.height * CONTACT_WIDTH / each.width))) for each in pictures]
    high = max(each.height for each in scaled)
    sheet = Image.new("RGB", (2 * CONTACT_WIDTH + 6, (high + 6) * -(-len(scaled) // 2)), "#808080")
    for place, each in enumerate(scaled):
        sheet.paste(each, ((place % 2) * (CONTACT_WIDTH + 6), (place // 2) * (high + 6)))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--contact", default="")
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(show=True)
    viewer.theme = wanted.theme
    scale = float(os.environ.get("QT_SCALE_FACTOR", "1"))
    viewer.window._qt_window.resize(*(round(side / scale) for side in SIZE) if wanted.contact == "" else SIZE)
    session = session_for(viewer)
    docks = open_workspace(viewer)
    session.open(wanted.project)
    settle(4)
    pictures = []
    for (display_name, _, _), name in zip(DOCKS, NAMES, strict=True):
        dock = docks[display_name]
        bring_forward(dock)
        if name == "label" and not wanted.contact:  # with what the live model suggests
            until = time.monotonic() + SUGGESTED_S
            while not session.suggested and time.monotonic() < until:
                settle(0.5)
            settle()
        training = name == "train_gans" and wanted.train
        pictures.append(trained(dock, session, viewer) if training else pixels_of(viewer))
        if not wanted.contact:
            save(pictures[-1], wanted.out / f"{name}.png")
        elif os.environ.get("KEEP_EACH"):
            pictures[-1].save(wanted.out / f"{wanted.contact}_{name}.png")
    if wanted.contact:
        save(contact_sheet(pictures), wanted.out / f"{wanted.contact}.png", CONTACT_COLORS)
    session.shut_down()
    viewer.close()


if __name__ == "__main__":
    main()
