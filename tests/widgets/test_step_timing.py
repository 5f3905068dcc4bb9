"""The time a training takes, told before it starts: timed when nobody needs the machine, and out of the way at once."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("napari")

from napari_cellsynth.events import Failed, Finished
from napari_cellsynth.jobs.job import Job, TimeGanParameters
from napari_cellsynth.widgets.job_thread import start_process
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.step_timing import StepTiming
from napari_cellsynth.widgets.train_gans import TrainGansDock

pytestmark = pytest.mark.gui
SECONDS = 5000


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings settle at once."""
    monkeypatch.setattr("napari_cellsynth.widgets.step_timing.SETTLE_MS", 0)


@pytest.fixture
def dock(session: Session, viewer: Any, qtbot: Any, project_path: Any, at_once: None) -> TrainGansDock:
    """The dock over 12 Dense and 3 Spread crops."""
    session.open(project_path)
    project = session.need_project()
    ids = [int(i) for i in project.objects().index]
    dense, spread = (record.id for record in project.classes())
    project.label(ids[:12], dense)
    project.label(ids[12:15], spread)
    made = TrainGansDock(viewer)
    qtbot.addWidget(made)
    made.resize(380, 600)
    return made


def kinds(fake_runs: list[Any]) -> list[str]:
    return [run.job.kind for run in fake_runs]


def shown_and_timed(dock: TrainGansDock, qtbot: Any, fake_runs: list[Any], count: int = 1) -> None:
    dock.show()
    qtbot.waitUntil(lambda: len(fake_runs) == count and dock.timing.busy, timeout=SECONDS)


def answered(dock: TrainGansDock, qtbot: Any, fake_runs: list[Any]) -> None:
    with qtbot.waitSignal(dock.timing.changed, timeout=SECONDS):
        fake_runs[-1].gate.set()


def test_the_dock_tells_how_long_all_classes_take(dock, session, qtbot, fake_runs):
    session.start_run.last = Finished({"seconds_a_step": 0.12})
    shown_and_timed(dock, qtbot, fake_runs)
    assert dock.estimate.text() == "3,000 steps a class · 2 classes · timing a few steps…"
    answered(dock, qtbot, fake_runs)
    # 3,000 steps of 0.12 s for each of 2 classes.
    assert dock.estimate.text() == "3,000 steps a class · 2 classes · about 12 min on this machine"
    asked = fake_runs[0].job.checked()
    assert asked == TimeGanParameters(recipe="cellsynth", channels=1)
    assert session.jobs == []  # nobody asked for it: it is not among the jobs


def test_the_same_settings_are_timed_once(dock, qtbot, fake_runs):
    dock.session.start_run.last = Finished({"seconds_a_step": 0.12})
    shown_and_timed(dock, qtbot, fake_runs)
    answered(dock, qtbot, fake_runs)
    dock.picker.form.editor("steps").setValue(6000)
    assert "about 24 min" in dock.estimate.text()  # more of the same steps
    dock.session.start_run.last = Finished({"seconds_a_step": 0.36})
    dock.picker.size_box.setCurrentText("128")
    qtbot.waitUntil(lambda: len(fake_runs) == 2 and dock.timing.busy, timeout=SECONDS)
    assert fake_runs[1].job.checked().overrides == {"size": 128}
    answered(dock, qtbot, fake_runs)
    assert "about 1 h 12 min" in dock.estimate.text()
    dock.picker.size_box.setCurrentText("64")
    assert "about 24 min" in dock.estimate.text()
    qtbot.waitUntil(lambda: not dock.timing._settling.isActive())
    assert not dock.timing.busy and len(fake_runs) == 2


def test_a_training_ends_a_timing_at_once(dock, session, qtbot, fake_runs):
    shown_and_timed(dock, qtbot, fake_runs)
    dock.train_all.click()
    assert fake_runs[0].killed and not dock.timing.busy
    qtbot.waitUntil(lambda: len(fake_runs) == 2, timeout=SECONDS)
    assert kinds(fake_runs) == ["time-gan", "train-gan"]
    assert session.running is not None
    dock.picker.size_box.setCurrentText("32")
    qtbot.waitUntil(lambda: not dock.timing._settling.isActive())
    assert not dock.timing.busy and len(fake_runs) == 2  # while it trains, nothing is timed
    session.stop_jobs()
    qtbot.waitUntil(lambda: len(fake_runs) == 3, timeout=SECONDS)
    assert kinds(fake_runs)[2] == "time-gan"


def test_settings_that_change_meanwhile_are_timed_instead(dock, qtbot, fake_runs):
    dock.session.start_run.last = Finished({"seconds_a_step": 0.12})
    shown_and_timed(dock, qtbot, fake_runs)
    dock.picker.size_box.setCurrentText("32")
    assert fake_runs[0].killed
    qtbot.waitUntil(lambda: len(fake_runs) == 2 and dock.timing.busy, timeout=SECONDS)
    assert "timing" in dock.estimate.text()
    answered(dock, qtbot, fake_runs)
    assert "about 12 min" in dock.estimate.text()


def test_nothing_is_timed_that_nobody_sees(dock, qtbot, fake_runs):
    qtbot.waitUntil(lambda: not dock.timing._settling.isActive())
    assert not dock.timing.busy and fake_runs == []
    shown_and_timed(dock, qtbot, fake_runs)
    dock.hide()
    assert fake_runs[0].killed and not dock.timing.busy


def test_what_will_not_train_here_is_said_beforehand(dock, qtbot, fake_runs):
    dock.session.start_run.last = Failed("The device has too little memory even for 2 patches at a time.")
    shown_and_timed(dock, qtbot, fake_runs)
    answered(dock, qtbot, fake_runs)
    assert dock.estimate.text().endswith("too little memory even for 2 patches at a time.")


def test_the_session_ends_a_timing_before_it_ends(dock, session, qtbot, fake_runs):
    shown_and_timed(dock, qtbot, fake_runs)
    session.shut_down()
    assert fake_runs[0].killed


def test_a_worker_process_times_a_recipe(session, project_path, qtbot, at_once):
    session.open(project_path)
    session.start_run = start_process
    timing = StepTiming(session)
    small = TimeGanParameters(overrides={"size": 32, "width": 4, "batch": 4}, channels=2, device="cpu")
    timing.want(small)
    qtbot.waitUntil(lambda: timing.told(small) is not None, timeout=120_000)
    told = timing.told(small)
    assert isinstance(told, float) and 0 < told < 10


def test_a_job_that_comes_while_the_worker_starts_ends_it(session, project_path, qtbot, at_once, fake_runs):
    session.open(project_path)
    fakes, session.start_run = session.start_run, start_process
    timing = StepTiming(session)
    with qtbot.waitSignal(timing.changed, timeout=SECONDS):
        timing.want(TimeGanParameters(device="cpu"))
    session.start_run = fakes
    [handle] = timing._worker._ending
    with qtbot.waitSignal(handle.ended, timeout=60_000):
        session.submit(Job(kind="segment", project=project_path), "Segment")
    assert not timing.busy and timing.told(TimeGanParameters(device="cpu")) is None
