"""The time that is told before a training counts its start, as it was measured here, and the jobs before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_cellsynth.jobs.job import Job, TrainGanParameters
from napari_cellsynth.widgets.expected_time import expected_time
from napari_cellsynth.widgets.job_thread import JobHandle
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui


def submitted(session: Session, path: Path) -> JobHandle:
    return session.submit(Job.of(path, TrainGanParameters(classes=[1], recipe="dcgan")), "GAN · Dense")


def test_starts_and_waiting_jobs_belong_to_the_time(session: Session, project_path: Path) -> None:
    session.open(project_path)
    assert expected_time(session, 2.0, 1) == "about 2 s on this machine, and some to start"
    assert expected_time(session, 600.0, 1) == "about 10 min on this machine"
    first = submitted(session, project_path)
    assert expected_time(session, 2.0, 1).endswith(", after 1 other job")
    submitted(session, project_path)
    first.startup = 9.0
    # Two trainings of one second each, and two starts of nine.
    assert expected_time(session, 2.0, 2) == "about 20 s on this machine, after 2 other jobs"
    assert expected_time(session, 2.0, 1, "train-classifier").startswith("about 2 s on this machine, and some to start")


def test_a_start_lasts_until_the_first_word_of_the_job(session: Session, project_path: Path) -> None:
    session.open(project_path)
    handle = submitted(session, project_path)
    handle._started_at -= 7.0
    assert session.startup_seconds("train-gan") is None
    from napari_cellsynth.events import Progress

    handle._emit(Progress(0, 10, "steps"))
    measured = session.startup_seconds("train-gan")
    assert measured is not None and 7.0 <= measured < 60.0
    handle._started_at -= 7.0
    handle._emit(Progress(1, 10, "steps"))
    assert session.startup_seconds("train-gan") == measured
