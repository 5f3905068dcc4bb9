"""How long a label takes among 50,000 objects: on the disk, from key to next crop in the window, in bulk, and undone.

Run it on a virtual screen: ``scripts/screen.sh python benchmarks/labels.py``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile

from napari_cellsynth.project import Project

OBJECTS, FRAMES, KEYS, SELECTED = 50_000, 10, 200, 5_000
PAUSES = (0.05, 0.8)
"""Seconds between two keys, at random: some fall into the moment in which the other docks catch up."""
SCREEN = "scripts/screen.sh python benchmarks/labels.py"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = make_project(Path(folder))
        rows = [*on_disk(path), *in_window(path)]
    print(json.dumps({"rows": rows}) if "--json" in sys.argv else pd.DataFrame(rows).T.to_string())


def make_project(folder: Path) -> Path:
    """A project of noise: 10 frames with 5,000 boxes each."""
    pixels = np.random.default_rng(0).integers(0, 255, (FRAMES, 512, 512), dtype=np.uint8)
    tifffile.imwrite(folder / "video.tif", pixels, photometric="minisblack", metadata={"axes": "TYX"})
    with Project.create(folder / "large", classes=["a", "b", "c"]) as project:
        [image_id] = project.add_images([folder / "video.tif"])
        y, x = np.arange(OBJECTS // FRAMES) % 480, np.arange(OBJECTS // FRAMES) * 7 % 480
        for frame in range(FRAMES):
            project.add_boxes(image_id, frame, pd.DataFrame({"y0": y, "x0": x, "y1": y + 24, "x1": x + 24}))
        return project.path


def on_disk(path: Path) -> list[dict[str, str]]:
    with Project.open(path) as project:
        listed = [seconds(project.objects) for _ in range(5)]
        ids = project.objects().index.to_numpy()
        single = [seconds(lambda i=i: project.label([int(ids[i * 97])], 2)) for i in range(300)]
        project.label([int(ids[i * 97]) for i in range(300)], 0)
    return [
        row(f"one label on disk (synchronous), {OBJECTS:,} objects", spread_of(single), "p95 < 50 ms"),
        row(
            f"listing {OBJECTS:,} objects with their labels",
            f"{np.median(listed):.2f} s",
            "0.5 s",
            f"{min(listed):.2f}–{max(listed):.2f} s",
        ),
    ]


def in_window(path: Path) -> list[dict[str, str]]:
    import napari
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    from napari_cellsynth.widgets.session import session_for
    from napari_cellsynth.widgets.workspace import open_workspace

    def rest(pause: float) -> None:
        end = time.monotonic() + pause
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.001)

    viewer = napari.Viewer(show=True)
    session, docks = session_for(viewer), open_workspace(viewer)
    session.open(path)
    label, gallery = docks["Label crops"], docks["Gallery"]
    rest(4)

    def press(key: Any, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(label.stage, key, modifiers)
        while label.stage.shown is None or label.stage.shown.object_id != label.queue.current.object_id:
            QApplication.processEvents()
        QApplication.processEvents()

    rng = np.random.default_rng(0)
    keys = []
    for number in range(KEYS):
        rest(rng.uniform(*PAUSES))
        keys.append(seconds(lambda number=number: press("123"[number % 3])))
    hurried = seconds(lambda: [press("123"[number % 3]) for number in range(KEYS)])
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    undone = [seconds(lambda: press(Qt.Key.Key_Z, control)) for _ in range(KEYS)]
    redone = [seconds(lambda: press(Qt.Key.Key_Z, control | shift)) for _ in range(KEYS)]
    for box, text in ((gallery.show_box, "real"), (gallery.class_box, "unlabelled")):
        box.setCurrentText(text)
        box.activated.emit(box.currentIndex())
    rest(2)  # until all of them have been read
    gallery.labelling._select(range(SELECTED))
    rest(2)
    bulk = seconds(lambda: (QTest.keyClick(gallery.patches, "1"), QApplication.processEvents()))
    session.shut_down()
    viewer.close()
    return [
        row(f"window: label key to next crop painted, on disk, {OBJECTS:,} objects", spread_of(keys), "p95 < 50 ms"),
        row("window: labels a minute of a script that waits for each crop", f"{60 * KEYS / hurried:,.0f}"),
        row(f"window: undo of a label, {KEYS} times", spread_of(undone)),
        row(f"window: redo of a label, {KEYS} times", spread_of(redone)),
        row(f"window: one key for {SELECTED:,} selected crops, on disk", f"{bulk:.2f} s"),
    ]


def row(work: str, ours: str, aim: str = "–", spread: str = "–") -> dict[str, str]:
    return {
        "work": work,
        "peer": "–",
        "ours": ours,
        "theirs": "–",
        "ratio": "–",
        "spread": spread,
        "aim": aim,
        "command": f"`{SCREEN}`",
    }


def spread_of(taken: list[float]) -> str:
    return f"p50 {1000 * np.median(taken):.1f} ms, p95 {1000 * np.percentile(taken, 95):.1f} ms"


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
