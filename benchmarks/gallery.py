"""The Gallery with 50,000 patches and crops of a project on disk: first paint, scrolling, filters, memory.

Run it on a virtual screen: ``scripts/screen.sh python benchmarks/gallery.py``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
from qtpy.QtWidgets import QApplication

from napari_cellsynth.project import Project

COMMAND = "scripts/screen.sh python benchmarks/gallery.py"
PATCHES, CROPS, SIDE = 45_000, 5_000, 64
CLASSES = ("Dense", "Spread", "Debris", "Differentiated")
GRID = 25
"""Crops a side of a frame."""


def make_project(folder: Path) -> Path:
    """Write a project of 45,000 patches of four runs and 5,000 labelled crops of 8 frames, all pixels different."""
    draw = np.random.default_rng(0)
    frames = -(-CROPS // GRID**2)
    tifffile.imwrite(folder / "frames.tif", draw.integers(0, 255, (frames, 48 * GRID, 48 * GRID), np.uint8))
    corners = [(y, x) for y in range(0, 48 * GRID, 48) for x in range(0, 48 * GRID, 48)]
    rows = [(y + 4, x + 4, y + 44, x + 44) for y, x in corners]
    boxes = pd.DataFrame(rows, columns=["y0", "x0", "y1", "x1"])
    with Project.create(folder / "gallery.cellsynth", classes=CLASSES) as project:
        [image] = project.add_images([folder / "frames.tif"])
        for frame in range(frames):
            project.set_objects(image, frame, boxes, None)
        ids = project.objects().index[:CROPS].to_numpy()
        for place, record in enumerate(project.classes()):
            project.label(ids[place :: len(CLASSES)].tolist(), record.id, source="import")
            run = project.new_run("gan", "dcgan", {}, class_id=record.id, groups=["frames"], seed=0)
            for first in range(0, PATCHES // len(CLASSES), 1250):
                pixels = draw.integers(0, 255, (1250, 1, SIDE, SIDE), np.uint8)
                made = project.add_synthetic(run.id, "step", record.id, 0, first, pixels)
                project.set_nearest(made, [int(ids[0])] * len(made), draw.random(len(made)))
        return project.path


def resident_mb() -> float:
    """Return the memory of this process that is in use, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def until(done: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited in vain"
        QApplication.processEvents()
        time.sleep(0.001)


def painted(dock: Any) -> None:
    """Let everything that is due happen, up to the paint."""
    QApplication.processEvents()
    dock.patches.viewport().repaint()


def measure(act: Any, dock: Any) -> float:
    """Return how long something takes up to its paint, in ms."""
    start = time.perf_counter()
    act()
    painted(dock)
    return 1000 * (time.perf_counter() - start)


def choose(box: Any, index: int) -> None:
    box.setCurrentIndex(index)
    box.activated.emit(index)


def scrolled(dock: Any, seconds: float, step: int) -> list[float]:
    """Scroll down and up again as a wheel does, and return the times between two frames, in ms."""
    bar, times = dock.patches.verticalScrollBar(), []
    end, down = time.monotonic() + seconds, step
    while time.monotonic() < end:
        times.append(measure(lambda step=down: bar.setValue(bar.value() + step), dock))
        if bar.value() in (bar.minimum(), bar.maximum()):
            down = -down
    return times


def figures(project: Path) -> dict[str, Any]:
    """Open the project and go through all of it."""
    import napari

    from napari_cellsynth.widgets.gallery import GalleryDock
    from napari_cellsynth.widgets.gallery_model import KEEP
    from napari_cellsynth.widgets.session import session_for

    viewer = napari.Viewer(show=True)
    session = session_for(viewer)
    dock = GalleryDock(viewer)
    viewer.window.add_dock_widget(dock, name="Gallery", area="right")
    session.open(project)
    dock.show_box.setCurrentText("both")
    QApplication.processEvents()
    found: dict[str, Any] = {"cold": measure(lambda: (dock.source.forget(), dock.refresh()), dock)}
    start = time.perf_counter()
    until(lambda: not dock.reading.under_way, 20)
    found["whole"] = found["cold"] + 1000 * (time.perf_counter() - start)
    dock.model.set_table(dock.model.table.iloc[:0])
    found["first"] = measure(dock.refresh, dock)
    start = time.perf_counter()
    until(lambda: dock.model.patches_read > 20, 20)
    found["pictures"] = found["first"] + 1000 * (time.perf_counter() - start)
    settled = time.monotonic() + 2
    until(lambda: time.monotonic() > settled, 5)
    assert dock.model.rowCount() == PATCHES // len(CLASSES) // 1250 * 1250 * len(CLASSES) + CROPS
    found["filters"] = [measure(lambda i=i: choose(dock.class_box, i % 5), dock) for i in range(25)]
    choose(dock.class_box, 0)
    # Until as many pictures are held as ever will be; from there on it must not grow.
    until(lambda: bool(scrolled(dock, 1, 400)) and dock.model.patches_read > 2 * KEEP, 120)
    found["memory"] = [resident_mb()]
    found["scroll"] = scrolled(dock, 10, 120)
    found["jump"] = scrolled(dock, 15, dock.patches.verticalScrollBar().maximum() // 97)
    found["memory"].append(resident_mb())
    found["read"] = dock.model.patches_read
    session.shut_down()
    viewer.close()
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = figures(make_project(Path(folder)))

    def times(name: str) -> str:
        return ", ".join(f"p{q} {np.percentile(found[name], q):.0f} ms" for q in (50, 95, 99))

    shared = {"peer": "–", "theirs": "–", "ratio": "–", "spread": "–", "command": f"`{COMMAND}`"}
    from_disk = f"after a change, the newest from disk {found['cold']:.0f} ms, all {found['whole']:.0f} ms"
    told = (
        (
            "first paint",
            f"{found['first']:.0f} ms, first pictures {found['pictures']:.0f} ms; {from_disk}",
            "< 100 ms",
        ),
        ("another class, to its paint", times("filters"), "< 100 ms"),
        ("a frame of scrolling by the wheel", times("scroll"), "p95 < 33 ms"),
        ("a frame of dragging the bar from end to end", times("jump"), "p95 < 33 ms"),
        (
            f"memory before and after {found['read']:,} pictures",
            " → ".join(f"{each:.0f} MB" for each in found["memory"]),
            "flat",
        ),
    )
    rows = [
        shared | {"work": f"gallery of 50,000 patches and crops: {work}", "ours": ours, "aim": aim}
        for work, ours, aim in told
    ]
    print(json.dumps({"rows": rows}) if "--json" in sys.argv else "\n".join(f"{r['work']}: {r['ours']}" for r in rows))


if __name__ == "__main__":
    main()
