"""The main job by hand: mouse and keys through all docks, from images to overlay, with real worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QPushButton, QWidget

from napari_cellsynth.imaging.simulate import CLASS_NAMES, write_timelapses
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.job_thread import start_process
from napari_cellsynth.widgets.session import Session, session_for
from napari_cellsynth.widgets.workspace import open_workspace

# Real trainings: minutes on a machine that does something else too.
pytestmark = [pytest.mark.gui, pytest.mark.slow, pytest.mark.timeout(1500)]

SMALL_GAN = {"size": 32, "width": 4, "batch": 4}
MINUTES = 600_000
LEFT = Qt.MouseButton.LeftButton


class Lateness:
    """How late a 10 ms timer of the event loop fires, in milliseconds: what a person feels as a freeze."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._last = 0.0

    def _tick(self) -> None:
        now = time.perf_counter()
        if self._last:
            self.late_ms.append(1000 * (now - self._last) - 10)
        self._last = now

    def __enter__(self) -> Lateness:
        self._timer.start(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_timelapses(folder, 3, frames=1, size=420, colonies=8, seed=5)
    return folder


@pytest.fixture
def window(make_napari_viewer: Callable[..., Any], qtbot: Any) -> Iterator[tuple[Any, Session, dict[str, QWidget]]]:
    """A shown napari window with all docks, whose jobs run in real processes."""
    viewer = make_napari_viewer(show=True)
    session = session_for(viewer)
    session.start_run = start_process
    docks = open_workspace(viewer)
    with qtbot.waitExposed(viewer.window._qt_window):
        viewer.window._qt_window.resize(1366, 768)
    yield viewer, session, docks
    session.shut_down()


def bring_up(qtbot: Any, dock: Any) -> None:
    parent = dock.parent()
    while parent is not None and not hasattr(parent, "raise_"):
        parent = parent.parent()
    while parent is not None and type(parent).__name__ != "QtViewerDockWidget":
        parent = parent.parent()
    if parent is not None:
        parent.show()
        parent.raise_()
    # A dock reads what it missed in the turn of the event loop after it came forward, long before a hand can click.
    qtbot.waitUntil(lambda: dock.is_seen() and not dock._turning.isActive())


def press(qtbot: Any, dock: QWidget, name: str) -> None:
    """Click a dock's button with the mouse; a button that is off is an error of the test's story."""
    button = dock.findChild(QPushButton, name)
    assert button is not None, name
    assert button.isEnabled(), f"{name} is off: {button.toolTip()}"
    qtbot.mouseClick(button, LEFT)


def wait_idle(qtbot: Any, session: Session) -> None:
    qtbot.waitUntil(lambda: session.running is None and not session.waiting, timeout=MINUTES)
    assert not [job.title for job in session.jobs if job.state == "failed"]


def truth_of(simulated: Path, project: Project) -> dict[int, str]:
    """The simulator's class of every object, found by its centre."""
    told = pd.read_csv(simulated / "truth.csv")
    names = project.images()["name"].to_dict()
    classes = {}
    for found in project.objects().itertuples():
        here = told[told["image"] == f"{names[found.image_id]}.tif"]
        distance = np.hypot((here["y0"] + here["y1"]) / 2 - found.cy, (here["x0"] + here["x1"]) / 2 - found.cx)
        classes[found.Index] = str(here["class"].iloc[int(distance.to_numpy().argmin())])
    return classes


def test_the_main_job_by_hand_from_images_to_overlay(
    window: Any, qtbot: Any, simulated: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    viewer, session, docks = window
    assert session.create(tmp_path / "hand.cellsynth")
    project = session.need_project()

    # Segment: link the videos, find the objects of all frames.
    segment = docks["Segment colonies"]
    segment.add.add(sorted((simulated / "images").glob("*.tif")))
    qtbot.waitUntil(lambda: len(project.images()) == 3, timeout=MINUTES)
    qtbot.waitUntil(lambda: segment.segment_all.isEnabled(), timeout=MINUTES)
    press(qtbot, segment, "segment_all")
    wait_idle(qtbot, session)
    objects = project.objects()
    assert len(objects) >= 18 and objects["image_id"].nunique() == 3
    layer = session.layers.objects_layer
    assert int(np.asarray(layer.data).max()) == (objects["image_id"] == session.current_image_id).sum()

    # Label: classes, then a key a crop; what was answered is on disk at once.
    label = docks["Label crops"]
    bring_up(qtbot, label)
    for name in CLASS_NAMES:
        label.classes.add_asked.emit(name)  # what the name dialog of "+ class" sends
    keys = {record.name: record.key for record in project.classes()}
    truth = truth_of(simulated, project)
    stage = label.stage
    stage.setFocus()
    with Project.open(project.path, read_only=True) as other:
        for _ in range(len(objects)):
            shown = label.queue.current.object_id
            qtbot.keyClick(stage, keys[truth[shown]])
            written = other.objects()["class_id"].to_dict()[shown]
            assert written == project.class_named(truth[shown]).id
            assert label.queue.current.object_id != shown or label.queue.counts().get(0, 0) == 0
    qtbot.keyClick(stage, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert project.label_counts().get(0) == 1
    qtbot.keyClick(stage, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert project.label_counts().get(0, 0) == 0

    # Train GANs: stop a long training within a second or a step, and resume it later.
    train = docks["Train GANs"]
    bring_up(qtbot, train)
    train.picker.setValue("dcgan", SMALL_GAN | {"steps": 100_000})
    press(qtbot, train, "train_all")
    running = session.running
    assert running is not None
    steps: list[int] = []
    running.progress.connect(lambda event: steps.append(event.done))
    with Lateness() as lateness:
        qtbot.waitUntil(lambda: len(steps) > 40, timeout=MINUTES)
    assert train.progress.samples.isVisible() and train.progress.curves.isVisible()
    asked = time.perf_counter()
    press(qtbot, train.progress, "stop")  # (the bar's own Stop would let the next class begin)
    qtbot.waitUntil(lambda: running.done, timeout=MINUTES)
    stop_s = time.perf_counter() - asked
    assert running.state == "stopped" and not session.waiting
    record_property("stop_s", float(stop_s))
    late = np.percentile(lateness.late_ms, 99)
    record_property("lateness_p99_ms", float(late))
    print(f"lateness while training: p99 {late:.1f} ms of {len(lateness.late_ms)} ticks; stop after {stop_s:.2f} s")
    assert project.runs("gan")[0].status == "stopped"

    # All classes, short; then patches, looked at and judged.
    train.picker.setValue("dcgan", SMALL_GAN | {"steps": 6})
    press(qtbot, train, "train_all")
    wait_idle(qtbot, session)
    assert {run.class_id for run in project.runs("gan") if run.status == "finished"} == set(
        project.training_objects()["class_id"]
    )
    train.count.setValue(12)
    press(qtbot, train, "generate")
    wait_idle(qtbot, session)
    patches = project.synthetic()
    assert len(patches) >= 48
    gallery = docks["Gallery"]
    qtbot.waitUntil(lambda: gallery.model.rowCount() > 0)
    gallery.patches.setCurrentIndex(gallery.model.index(0, 0))
    qtbot.keyClick(gallery.patches, "r")
    qtbot.waitUntil(lambda: (project.synthetic()["review"] == "rejected").sum() == 1)

    # Classify: with synthetic patches, then over the images.
    classify = docks["Classify"]
    bring_up(qtbot, classify)
    classify.picker.setValue("fast", {"size": 32, "fit": "window", "epochs": 2, "least_steps": 20, "batch": 8})
    classify.mode.setCurrentText("mixed")
    classify.synthetic.setValue(5)
    press(qtbot, classify, "train")
    wait_idle(qtbot, session)
    [run] = project.runs("classifier")
    assert run.parameters["synthetic"] == 5 and len(run.parameters["synthetic_patches"]) == 20
    assert np.sum(run.result["confusion"]) == len(project.test_objects())
    press(qtbot, classify, "predict_all")
    wait_idle(qtbot, session)
    predictions = project.predictions()
    assert len(predictions) == len(objects)

    # Overlay: the class-id layer shows each object's class; hand labels stand above predictions.
    overlay = viewer.layers["classes"]
    here = project.objects(image_id=session.current_image_id, frame=0)
    # Behind the classes and unsure as they are predicted come those that are labelled.
    place = {record.id: len(project.classes()) + 1 + i + 1 for i, record in enumerate(project.classes())}
    instances = np.asarray(session.layers.objects_layer.data)
    for found in here.itertuples():
        assert (np.asarray(overlay.data)[instances == found.mask_label] == place[found.class_id]).all()
    assert "confidence" in session.layers.objects_layer.features

    # Evaluate: the GANs are listed with what is known of them.
    evaluate = docks["Evaluate"]
    bring_up(qtbot, evaluate)
    assert evaluate.gans.rowCount() >= 4
