"""Viewers, small projects and fake runs for the docks' tests, and the check that no test leaves anything behind."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile
from npe2 import PluginManager
from qtpy.QtCore import QEvent, QSettings
from qtpy.QtWidgets import QApplication

import napari_cellsynth.widgets
from napari_cellsynth.events import Event, Finished, Stopped
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.jobs.job import Job
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.seen_dock import SeenDock
from napari_cellsynth.widgets.session import Session, session_for
from napari_cellsynth.widgets.session_bar import SessionBar

FRAMES, SIDE = 3, 160
DEFERRED_DELETE = getattr(QEvent.Type.DeferredDelete, "value", QEvent.Type.DeferredDelete)


def pytest_configure(config: pytest.Config) -> None:
    """Let napari say on PyQt5 that it cannot see the system's theme; give each worker a screen of its own."""
    config.addinivalue_line("filterwarnings", "ignore:System theme detection requires:UserWarning")
    if "PYTEST_XDIST_WORKER" in os.environ and "DISPLAY" in os.environ:
        _screen_of_its_own(config)


def _screen_of_its_own(config: pytest.Config) -> None:
    """Start a virtual screen, so that the windows of two workers do not take the focus from each other."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1366x768x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    os.environ["DISPLAY"] = f":{number}"
    os.environ.pop("XAUTHORITY", None)
    config.add_cleanup(screen.terminate)


BETWEEN_BINDINGS = {
    *("canvas_keys", "dock", "form", "gallery_view", "job_thread", "label", "main_job", "manners", "workspace"),
}
"""Tests of what differs between Qt bindings: keys, mouse, painting, dialogs, threads, the window's end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs Qt and a screen."""
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.gui)
            if Path(item.path).stem.removeprefix("test_") in BETWEEN_BINDINGS:
                item.add_marker(pytest.mark.bindings)


def _our_widgets() -> list[Any]:
    return [w for w in QApplication.topLevelWidgets() if type(w).__module__.startswith("napari_cellsynth")]


def _our_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("cellsynth")]


def _our_processes() -> set[psutil.Process]:
    """Return the worker processes that run."""
    found = set()
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE and any("napari_cellsynth" in w for w in process.cmdline()):
                found.add(process)
    return found


def followed(qtbot: Any) -> None:
    """Wait until every dock has read what the labels given so far have changed: once, after a burst of them."""
    docks = [widget for widget in QApplication.allWidgets() if isinstance(widget, SeenDock)]
    qtbot.waitUntil(lambda: not any(dock._after_labels.isActive() for dock in docks), timeout=5000)


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves one of our top-level widgets, threads or processes behind."""
    widgets, threads, processes = {id(w) for w in _our_widgets()}, set(_our_threads()), _our_processes()
    yield

    def left() -> list[Any]:
        QApplication.sendPostedEvents(None, DEFERRED_DELETE)
        QApplication.processEvents()
        old: list[Any] = [w for w in _our_widgets() if id(w) not in widgets]
        return old + [t for t in _our_threads() if t not in threads and t.is_alive()]

    # Collecting garbage takes a second beside napari, so it is done only where something seems to be left.
    if left():
        gc.collect()
        for thread in set(_our_threads()) - threads:
            thread.join(2)
    _, alive = psutil.wait_procs(_our_processes() - processes, timeout=5)
    assert not left() and not alive, f"left behind: {left() + alive}"


@pytest.fixture(autouse=True)
def settings_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests' recent projects out of the person's own list."""
    file = str(tmp_path / "settings.ini")

    def settings() -> QSettings:
        return QSettings(file, QSettings.Format.IniFormat)

    monkeypatch.setattr("napari_cellsynth.widgets.recent.settings", settings)


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the session has told the person, in place of napari's notifications."""
    texts: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", texts.append)
    monkeypatch.setattr("napari.utils.notifications.show_info", texts.append)
    return texts


@pytest.fixture(autouse=True)
def no_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the Train GANs dock from timing steps by itself, which most tests would take for a job."""
    monkeypatch.setattr("napari_cellsynth.widgets.step_timing.SETTLE_MS", 10**9)


@pytest.fixture(autouse=True)
def no_suggestions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the Label dock from suggesting by itself, which most tests would take for a job."""
    monkeypatch.setattr("napari_cellsynth.widgets.live_row.ON", False)


@pytest.fixture(scope="session", autouse=True)
def imported_once() -> Iterator[None]:
    """Import all that a window needs, and keep what never goes away from every later collection of garbage.

    napari's fixture collects garbage after each viewer; beside 300,000 objects of modules that alone is half a second.
    The list of installed plugins is read once for the same reason.
    """
    importlib.import_module("napari._qt.qt_main_window")
    for module in pkgutil.iter_modules(napari_cellsynth.widgets.__path__):
        importlib.import_module(f"napari_cellsynth.widgets.{module.name}")
    discover, done = PluginManager.discover, []

    def discover_once(self: PluginManager, *args: Any, **settings: Any) -> int:
        if done:
            return 0
        done.append(self)
        return discover(self, *args, **settings)

    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManager, "discover", discover_once)
        yield
    gc.unfreeze()


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any]) -> Any:
    """A napari viewer whose window is not shown."""
    return make_napari_viewer()


@pytest.fixture
def session(viewer: Any) -> Iterator[Session]:
    """The viewer's session; no job of it starts a process unless the test asks for it."""
    made = session_for(viewer)
    made.start_run = FakeRun
    yield made
    made.shut_down()


def grid_labels(side: int = SIDE, step: int = 40) -> np.ndarray:
    """Return a label image of square objects, 24 px a side, on a grid."""
    labels = np.zeros((side, side), np.int32)
    corners = [(y, x) for y in range(8, side - 24, step) for x in range(8, side - 24, step)]
    for number, (y, x) in enumerate(corners):
        labels[y : y + 24, x : x + 24] = number + 1
    return labels


def make_project(folder: Path, *, segmented: bool = True, frames: int = FRAMES) -> Path:
    """Write a project of one time-lapse with bright squares; returns its path."""
    labels = grid_labels()
    noise = np.random.default_rng(0).normal(60, 10, (frames, SIDE, SIDE))
    video = np.clip(noise + 90 * (labels > 0), 0, 255).astype(np.uint8)
    tifffile.imwrite(folder / "video.tif", video, photometric="minisblack", metadata={"axes": "TYX"})
    path = folder / "small.cellsynth"
    with Project.create(path, classes=["Dense", "Spread"]) as project:
        [image_id] = project.add_images([folder / "video.tif"])
        if segmented:
            for frame in range(frames):
                project.set_objects(image_id, frame, boxes_of(labels), labels)
    return path


@pytest.fixture
def project_path(tmp_path: Path) -> Path:
    """A segmented project: 3 frames of 9 squares, classes Dense and Spread."""
    return make_project(tmp_path)


@pytest.fixture
def label_dock(session: Session, project_path: Path, qtbot: Any) -> LabelDock:
    """The Label dock on the small project, with a crop in view."""
    made = LabelDock(session.viewer)
    qtbot.addWidget(made)
    made.show()
    session.open(project_path)
    qtbot.waitUntil(lambda: made.stage.shown is not None)
    return made


def current(dock: LabelDock) -> int:
    """Return the number of the object that a Label dock asks about."""
    assert dock.queue is not None and dock.queue.current is not None
    return dock.queue.current.object_id


class FakeRun:
    """A run without a process: it plays `script`, then waits for `gate` (or for a stop) before its last event."""

    script: tuple[Event, ...] = ()
    last: Event = Finished({})
    started: list[FakeRun] = []  # noqa: RUF012 - cleared by the `fake_runs` fixture

    def __init__(self, job: Job) -> None:
        self.job = job
        self.gate = threading.Event()
        self.stopped = False
        self.killed = False
        FakeRun.started.append(self)

    def __iter__(self) -> Iterator[Event]:
        yield from self.script
        assert self.gate.wait(10)
        yield Stopped("gan-0001") if self.stopped else self.last

    def stop(self) -> None:
        self.stopped = True
        self.gate.set()

    def kill(self) -> None:
        self.killed = True
        self.gate.set()


@pytest.fixture(autouse=True)
def fake_runs() -> Iterator[list[FakeRun]]:
    """The fake runs that were started, newest last; all of them let go at the end."""
    FakeRun.started, FakeRun.script, FakeRun.last = [], (), Finished({})
    yield FakeRun.started
    for run in FakeRun.started:
        run.gate.set()


@pytest.fixture
def bar(session: Session, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> SessionBar:
    """The bar of a dock, on a machine on which no GPU is looked for."""
    monkeypatch.setattr("shutil.which", lambda _name: None)
    made = SessionBar(session)
    qtbot.addWidget(made)
    made.show()
    return made
