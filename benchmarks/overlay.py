"""How quickly the overlay follows: one object recoloured, and a step of the time slider, at 50,000 objects.

Run it on a virtual screen: ``scripts/screen.sh python benchmarks/overlay.py``. A time is until the canvas is drawn;
beside the clock's stands the processor's, which other work on the machine changes less. The canvas drawn as it is
tells what drawing alone takes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import napari
import numpy as np
import tifffile
from qtpy.QtWidgets import QApplication

from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.classify import ClassifyDock
from napari_cellsynth.widgets.session import Session, session_for

COMMAND = "scripts/screen.sh python benchmarks/overlay.py"
SIDE, OBJECTS, FRAMES, REPEATS = 2098, 50_000, 48, 15
CLASSES = ("Dense", "Spread", "Debris", "Differentiated")


def grid(count: int) -> np.ndarray:
    """Squares in rows, as many as asked for, with a gap between them."""
    across = int(np.ceil(np.sqrt(count)))
    step = SIDE // across
    rows, columns = np.mgrid[:SIDE, :SIDE] // step
    numbers = rows * across + columns + 1
    inside = (np.mgrid[:SIDE, :SIDE] % step < step - 2).all(axis=0) & (rows < across) & (columns < across)
    return np.where(inside & (numbers <= count), numbers, 0).astype(np.int32)


def make_project(folder: Path, frames: int) -> Path:
    """A project of 50,000 predicted objects in all, the same number a frame."""
    noise = np.random.default_rng(0).integers(60, 120, (SIDE, SIDE), dtype=np.uint8)
    video = folder / "video"
    video.mkdir(parents=True)
    for t in range(frames):
        tifffile.imwrite(video / f"t{t:03}.tif", np.roll(noise, t, axis=1))
    labels = grid(OBJECTS // frames)
    boxes = boxes_of(labels)
    with Project.create(folder / "overlay.cellsynth", classes=CLASSES) as project:
        [image_id] = project.add_images([video])
        for t in range(frames):
            project.set_objects(image_id, t, boxes.assign(mask_hash=[f"{t}-{i}" for i in range(len(boxes))]), labels)
        ids = project.objects().index.tolist()
        run = project.new_run("classifier", "fast", {}, groups=["video"], seed=0)
        probabilities = np.random.default_rng(1).dirichlet(np.ones(len(CLASSES)), len(ids)).astype(np.float32)
        project.set_predictions(run.id, ids, probabilities, [record.id for record in project.classes()])
        return project.path


def drawn() -> None:
    """Let Qt do what is due: the canvas is drawn with it."""
    QApplication.processEvents()
    QApplication.processEvents()


def settle(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.005)


Times = list[tuple[float, float]]
"""Of each repeat the milliseconds by the clock and of the processor."""


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Return how long something takes until it is drawn."""
    begun, before = time.perf_counter(), time.process_time()
    act()
    drawn()
    return 1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - before)


def steps(viewer: Any, frames: int) -> Times:
    """Return the times of steps of the time slider, to frames that were not shown before."""
    times = []
    for t in range(1, min(frames, REPEATS + 1)):
        settle(0.3)  # as long as a person looks; the next frames are read ahead meanwhile
        times.append(timed(partial(viewer.dims.set_point, 0, t)))
    return times


def redraws(viewer: Any) -> Times:
    """Return the times of drawing the canvas as it is."""
    canvas, times = viewer.window._qt_viewer.canvas.native, []
    for _ in range(REPEATS):
        settle(0.3)
        times.append(timed(canvas.update))
    return times


def recolours(session: Session) -> tuple[Times, Times]:
    """Return the times from a label until its colour is drawn, and how long the loop stood still after it."""
    ids = session.layers.frame_objects().index[:: max(1, OBJECTS // 5000)].tolist()
    times, stood = [], []
    for number, object_id in enumerate(ids[:REPEATS]):
        settle(0.5)
        class_id = 1 + number % len(CLASSES)
        times.append(timed(partial(session.need_project().label, [object_id], class_id)))
        longest, end = (0.0, 0.0), time.monotonic() + 0.6
        while time.monotonic() < end:
            longest = max(longest, timed(lambda: None))
            time.sleep(0.002)
        stood.append(longest)
    return times, stood


def measured(frames: int) -> dict[str, Times]:
    with tempfile.TemporaryDirectory() as folder:
        path = make_project(Path(folder), frames)
        viewer = napari.Viewer(show=True)
        session = session_for(viewer)
        viewer.window.add_dock_widget(ClassifyDock(viewer), area="right")
        session.open(path)
        settle(3)
        found = {"steps": steps(viewer, frames)}
        found["redraws"] = redraws(viewer)
        found["recolours"], found["stood"] = recolours(session)
        session.shut_down()
        viewer.close()
        return found


def words(times: Times) -> str:
    clock, processor = np.array(times).T
    middle, late = np.percentile(clock, [50, 95])
    return f"p50 {middle:.0f} ms, p95 {late:.0f} ms; processor {np.percentile(processor, 50):.0f} ms"


def main() -> None:
    shared = {"peer": "–", "theirs": "–", "ratio": "–", "spread": "–", "command": f"`{COMMAND}`"}
    rows = []
    for frames in (FRAMES, 2) if "--quick" not in sys.argv else (int(sys.argv[-1]),):
        found = measured(frames)
        where = f"{OBJECTS:,} objects in {frames} frames of {SIDE}×{SIDE}"
        rows += [
            shared
            | {"work": f"overlay: a step of the time slider, {where}", "ours": words(found["steps"]), "aim": "150 ms"},
            shared
            | {"work": f"overlay: one object recoloured, {where}", "ours": words(found["recolours"]), "aim": "20 ms"},
            shared
            | {
                "work": f"overlay: the unchanged canvas drawn again, {where}",
                "ours": words(found["redraws"]),
                "aim": "–",
            },
            shared
            | {
                "work": f"overlay: longest halt of the window after a label, {where}",
                "ours": words(found["stood"]),
                "aim": "–",
            },
        ]
    print(json.dumps({"rows": rows}) if "--json" in sys.argv else "\n".join(f"{r['work']}: {r['ours']}" for r in rows))


if __name__ == "__main__":
    main()
