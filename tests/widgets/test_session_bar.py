from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_cellsynth.events import Progress
from napari_cellsynth.jobs.job import Job, SegmentParameters
from napari_cellsynth.widgets.recent import recent_projects
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.session_bar import SessionBar

pytestmark = pytest.mark.gui


def test_without_a_project_it_offers_to_make_or_open_one(bar: SessionBar, session: Session, project_path: Path) -> None:
    assert bar.project_button.text() == "no project:" and bar.new_button.isVisible()
    session.open(project_path)
    assert bar.project_button.text() == "small.cellsynth ▾" and not bar.new_button.isVisible()
    assert recent_projects() == [project_path]


def test_new_makes_the_folder_that_was_chosen(
    bar: SessionBar, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "napari_cellsynth.widgets.session_bar.QFileDialog.getSaveFileName", lambda *_: (str(tmp_path / "nicotine"), "")
    )
    bar.ask_new()
    assert session.project is not None and session.project.path.name == "nicotine.cellsynth"


def test_the_running_job_shows_its_title_progress_and_stop(
    bar: SessionBar, session: Session, project_path: Path, fake_runs: list[Any], qtbot: Any
) -> None:
    from tests.widgets.conftest import FakeRun

    assert not bar.job_row.isVisible()
    FakeRun.script = (Progress(62, 100, "steps"),)
    job = Job.of(project_path, SegmentParameters())
    session.submit(job, "GAN · Spread")
    session.submit(job, "GAN · Dense")
    qtbot.waitUntil(lambda: bar.job_bar.value() == 620)
    assert bar.job_row.isVisible() and "GAN · Spread" in bar.job_title.text()
    assert bar.queue.isVisible() and bar.queue.text() == "+1"
    bar.stop.click()
    bar.stop_menu.actions()[0].trigger()
    bar.stop_menu.close()
    qtbot.waitUntil(lambda: len(fake_runs) == 2)
    assert "GAN · Dense" in bar.job_title.text() and not bar.queue.isVisible()


def test_with_jobs_behind_it_stop_asks_whether_one_or_all_are_meant_and_says_what_it_did(
    bar: SessionBar, session: Session, project_path: Path, fake_runs: list[Any], said: list[str], qtbot: Any
) -> None:
    job = Job.of(project_path, SegmentParameters())
    for title in ("GAN · Dense", "GAN · Spread", "GAN · Debris"):
        session.submit(job, title)
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    assert bar.stop.text() == "Stop…"
    bar.stop.click()
    one, every = bar.stop_menu.actions()
    assert one.text() == "GAN · Dense alone; the next is GAN · Spread" and every.text() == "all 3 jobs"
    bar.stop_menu.close()
    every.trigger()
    qtbot.waitUntil(lambda: all(handle.done for handle in session.jobs))
    assert [handle.state for handle in session.jobs] == ["stopped"] * 3 and len(fake_runs) == 1
    [text] = [text for text in said if "Taken out of the queue" in text]
    assert text.startswith("3 jobs stop. GAN · Dense does after the step in hand.")
    assert text.endswith("Taken out of the queue: GAN · Spread, GAN · Debris.")


def test_a_job_alone_is_stopped_at_one_press(
    bar: SessionBar, session: Session, project_path: Path, fake_runs: list[Any], said: list[str], qtbot: Any
) -> None:
    session.submit(Job.of(project_path, SegmentParameters()), "GAN · Dense")
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    assert bar.stop.text() == "Stop"
    bar.stop.click()
    assert not bar.stop.isEnabled()
    qtbot.waitUntil(lambda: session.jobs[0].state == "stopped")
    assert said == []


def test_the_device_is_told_without_torch_and_asked_of_torch_in_a_process(bar: SessionBar, qtbot: Any) -> None:
    assert bar.device.text().startswith("CPU · ")
    bar.look_at_device()
    qtbot.waitUntil(lambda: bar._device_process is None, timeout=60_000)
    assert bar.device.text()


def test_the_menu_offers_to_relink_an_image_that_has_gone(
    bar: SessionBar, session: Session, project_path: Path
) -> None:
    (project_path.parent / "video.tif").rename(project_path.parent / "moved.tif")
    session.open(project_path)
    bar.menu.aboutToShow.emit()
    menus = {action.text(): action for action in bar.menu.actions()}
    assert menus["Relink missing images"].isEnabled()
    assert session.project is not None
    session.project.relink(1, project_path.parent / "moved.tif")
    assert not session.project.images()["missing"].any()


@pytest.mark.parametrize(("chosen", "made"), [("labels", "labels.csv"), ("a.json", "a.json"), ("b.xlsx", "")])
def test_labels_are_exported_in_the_format_of_the_name(
    bar: SessionBar, session: Session, project_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, made: str
) -> None:
    session.open(project_path)
    place = project_path.parent / "out"
    place.mkdir()
    asked: list[str] = []

    def ask(*arguments: Any) -> tuple[str, str]:
        asked.extend(arguments[-1].split(";;"))
        return str(place / chosen), ""

    told: list[str] = []
    monkeypatch.setattr("napari_cellsynth.widgets.session_bar.QFileDialog.getSaveFileName", ask)
    monkeypatch.setattr(session, "report", lambda error: told.append(str(error)))
    bar.ask_export()
    assert asked[:3] == ["csv (*.csv)", "parquet (*.parquet)", "geojson (*.geojson)"]
    assert [file.name for file in place.iterdir()] == ([made] if made else [])
    assert bool(told) == (not made)
