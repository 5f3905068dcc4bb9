"""A job that does not stop when it is asked to is ended, said so, and the next one runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from napari_cellsynth.events import Event, Failed, Finished, Progress
from napari_cellsynth.jobs.job import Job, SegmentParameters
from napari_cellsynth.widgets.session import Session


class Hanging:
    """A worker that hears no stop; killing it ends it as the real one ends."""

    def __init__(self, job: Job) -> None:
        self._dead = threading.Event()

    def __iter__(self) -> Iterator[Event]:
        yield Progress(1, 9, "steps")
        self._dead.wait(30)
        yield Failed("The worker process was killed.")

    def stop(self) -> None:
        """Do nothing."""

    def kill(self) -> None:
        """End."""
        self._dead.set()


class Working(Hanging):
    """A worker that does its work."""

    def __iter__(self) -> Iterator[Event]:
        yield Finished({})


def test_a_hanging_job_is_ended_after_a_while_and_the_next_one_runs(
    session: Session, project_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_cellsynth.widgets.job_thread.HANG_SECONDS", 0.1)
    told: list[str] = []
    monkeypatch.setattr(session, "report", lambda error: told.append(str(error)))
    monkeypatch.setattr(session, "inform", lambda text: told.append(text))
    runs = iter((Hanging, Working))
    session.start_run = lambda job: next(runs)(job)
    job = Job.of(project_path, SegmentParameters())
    first, second = session.submit(job, "Segment"), session.submit(job, "Again")
    qtbot.waitUntil(lambda: first.last_progress is not None)
    first.stop()
    qtbot.waitUntil(lambda: second.state == "finished")
    assert first.state == "failed"
    assert any("did not stop by itself and was ended" in line for line in told)
