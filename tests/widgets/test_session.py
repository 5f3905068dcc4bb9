from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_cellsynth.events import Failed, Finished, Metric, Progress, Saved, Stopped
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.jobs.job import Job, PredictParameters, SegmentParameters
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.session import Session, session_for

pytestmark = pytest.mark.gui


def job(path: Path) -> Job:
    return Job.of(path, SegmentParameters())


def test_a_viewer_and_its_proxy_have_one_session(viewer: Any, session: Session) -> None:
    from napari.utils._proxies import PublicOnlyProxy

    assert session_for(PublicOnlyProxy(viewer)) is session


def test_opening_a_project_shows_its_first_image_with_the_objects_of_the_frame(
    session: Session, project_path: Path, qtbot: Any
) -> None:
    with qtbot.waitSignal(session.project_changed):
        assert session.open(project_path)
    assert [layer.name for layer in session.viewer.layers] == ["video", "objects"]
    assert session.layers.objects_layer.data.max() == 16
    assert session.current_frame == 0
    assert list(session.layers.objects_layer.features["object"]) == list(range(1, 17))


def test_a_folder_that_is_no_project_is_one_sentence_and_leaves_the_open_one_open(
    session: Session, project_path: Path, tmp_path: Path, said: list[str]
) -> None:
    session.open(project_path)
    assert not session.open(tmp_path)
    assert len(said) == 1 and str(tmp_path) in said[0]
    assert session.project is not None and session.project.path == project_path


def test_the_objects_follow_the_time_slider(session: Session, project_path: Path) -> None:
    session.open(project_path)
    assert session.project is not None
    empty = np.zeros((160, 160), np.int32)
    empty[10:40, 10:40] = 1
    session.project.set_objects(1, 2, boxes_of(empty), empty)
    session.viewer.dims.set_point(0, 2)
    assert session.current_frame == 2
    assert session.layers.objects_layer.data.max() == 1


def test_selecting_an_object_brings_its_frame_and_place_to_the_middle(session: Session, project_path: Path) -> None:
    session.open(project_path)
    session.viewer.scene.camera.zoom = 20  # far out the whole image stays in the middle
    session.select_object(16 * 2 + 6)
    assert session.current_frame == 2
    assert session.viewer.scene.camera.center[-2:] == pytest.approx((59.5, 59.5))


def test_changes_of_the_project_come_as_qt_signals(session: Session, project_path: Path, qtbot: Any) -> None:
    session.open(project_path)
    assert session.project is not None
    with qtbot.waitSignal(session.labels_changed) as caught:
        session.project.label([3], 1)
    assert caught.args == [[3]]
    with qtbot.waitSignal(session.classes_changed):
        session.project.add_class("Debris")


def test_what_another_window_changes_comes_as_qt_signals(session: Session, project_path: Path, qtbot: Any) -> None:
    session.open(project_path)
    with Project.open(project_path) as other:
        with qtbot.waitSignal(session.labels_changed) as caught:
            other.label([3], 2)
        assert caught.args == [[3]]
        with qtbot.waitSignal(session.classes_changed):
            other.add_class("Debris")


def test_what_the_running_job_writes_waits_for_its_end(
    session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    session.open(project_path)
    told: list[str] = []
    session.objects_changed.connect(lambda: told.append("objects"))
    session.classes_changed.connect(lambda: told.append("classes"))
    session.submit(job(project_path), "Segment")
    with Project.open(project_path) as other:
        other.set_objects(1, 2, boxes_of(np.zeros((160, 160), np.int32)), np.zeros((160, 160), np.int32))
        other.add_class("Debris")
    session.others.look()
    assert told == ["classes"]
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: session.running is None)
    assert "objects" in told


def test_jobs_run_one_at_a_time_in_the_order_they_came(
    session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    session.open(project_path)
    first, second = session.submit(job(project_path), "first"), session.submit(job(project_path), "second")
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    assert (first.state, second.state) == ("running", "waiting")
    with qtbot.waitSignal(session.objects_changed):
        fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: len(fake_runs) == 2)
    assert (first.state, second.state) == ("finished", "running")
    fake_runs[1].gate.set()
    qtbot.waitUntil(lambda: second.state == "finished")
    assert session.running is None


def test_a_project_that_may_not_be_written_is_opened_for_reading(
    session: Session, project_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(Project, "is_writable", lambda path: False)
    assert session.open(project_path)
    project = session.need_project()
    assert project.read_only and session.current_image_id is not None
    assert any("reading only" in text for text in said)
    with session.reporting():
        project.label([1], 1)
    assert "was opened read-only" in said[-1] and set(project.label_counts()) == {0}


def test_a_waiting_job_can_be_taken_out_of_the_queue(
    session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    session.submit(job(project_path), "first")
    second = session.submit(job(project_path), "second")
    second.stop()
    assert second.state == "stopped"
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: session.running is None)
    assert len(fake_runs) == 1


def test_a_failed_job_is_told_in_one_sentence_and_the_next_one_starts(
    session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any, said: list[str]
) -> None:
    from tests.widgets.conftest import FakeRun

    FakeRun.last = Failed("There are no frames to segment.", "Add images first.")
    session.submit(job(project_path), "Segment")
    second = session.submit(job(project_path), "again")
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: second.state == "running")
    assert said == ["Segment: There are no frames to segment. Add images first."]


def test_a_prediction_that_a_worker_wrote_is_announced_when_it_ends(
    session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    session.open(project_path)
    session.submit(Job.of(project_path, PredictParameters()), "Predict")
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    with qtbot.waitSignal(session.predictions_changed):
        fake_runs[0].gate.set()


def test_progress_reaches_the_handle_with_a_time_left(
    session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    from tests.widgets.conftest import FakeRun

    FakeRun.script = (Progress(1, 10, "frames"), Metric(1, {"loss": 2.0}), Saved("gan-0001", "x"))
    handle = session.submit(job(project_path), "Segment")
    with qtbot.waitSignals([handle.progress, handle.metric, handle.saved]):
        pass
    assert handle.fraction == pytest.approx(0.1)
    handle.stop()
    assert handle.eta_text() == "stopping…"
    with qtbot.waitSignal(handle.ended) as caught:
        pass
    assert caught.args == [Stopped("gan-0001")]


def test_napari_knows_of_the_running_job_and_so_asks_before_it_closes(
    session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    manager = session.viewer.window._task_status_manager
    handle = session.submit(job(project_path), "GAN · Spread")
    assert manager.is_busy()
    assert "GAN · Spread" in manager.get_status()[0]
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    manager.cancel_all()
    qtbot.waitUntil(lambda: handle.state == "stopped")
    assert not manager.is_busy()


def test_closing_the_window_stops_the_job_waits_for_it_and_closes_the_project(
    make_napari_viewer: Any, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    from tests.widgets.conftest import FakeRun

    viewer = make_napari_viewer()
    session = session_for(viewer)
    session.start_run = FakeRun
    session.open(project_path)
    handle = session.submit(job(project_path), "Segment")
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    viewer.close()
    qtbot.waitUntil(lambda: session.project is None)
    assert fake_runs[0].stopped and not fake_runs[0].killed
    assert handle.wait(0)
    with Project.open(project_path) as project:
        assert len(project.objects()) == 48


def test_a_real_segmentation_in_a_worker_process_comes_back_to_the_window(
    session: Session, project_path: Path, qtbot: Any
) -> None:
    from napari_cellsynth.widgets.job_thread import start_process

    session.start_run = start_process
    session.open(project_path)
    handle = session.submit(Job.of(project_path, SegmentParameters(radius=3, min_area=100)), "Segment")
    with qtbot.waitSignal(handle.ended, timeout=60_000):
        pass
    assert isinstance(handle.last_event, Finished), handle.last_event
    assert handle.last_event.result["frames"] == 3


def test_no_dock_imports_torch() -> None:
    code = (
        "import sys, napari.viewer, napari.layers\n"
        "before = set(sys.modules)  # what napari itself has loaded costs the docks nothing\n"
        "import napari_cellsynth.widgets.segment, napari_cellsynth.widgets.label, napari_cellsynth.widgets.workspace\n"
        "import napari_cellsynth.widgets.train_gans, napari_cellsynth.widgets.gallery\n"
        "import napari_cellsynth.widgets.classify, napari_cellsynth.widgets.evaluate\n"
        "from napari.components import ViewerModel\n"
        "from qtpy.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "viewer = ViewerModel()\n"
        "from napari_cellsynth.widgets.dock_places import DOCKS\n"
        "from importlib import import_module\n"
        "docks = []\n"
        "for _, _, place in DOCKS:\n"
        "    module, _, name = place.partition(':')\n"
        "    docks.append(getattr(import_module('napari_cellsynth.widgets.' + module), name)(viewer))\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
        "slow = {'scipy.stats', 'sklearn', 'matplotlib.figure'} - before\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)\n"
        "print('no torch')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "no torch" in done.stdout, done.stderr
