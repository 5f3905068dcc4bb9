"""A worker process that dies, hangs or runs out of something: one line says so, and the next job runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_cellsynth.events import Event, Failed, Finished, Progress
from napari_cellsynth.jobs import Job, run_in_process
from napari_cellsynth.jobs.job import SegmentParameters
from napari_cellsynth.project import Project

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and limits")
SELDOM = pytest.mark.skipif(not os.environ.get("CELLSYNTH_FAULTS"), reason="make faults")


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``faulty("hang")`` makes the workers that are started from now on do that in place of segmenting."""

    def put(name: str) -> None:
        module = "napari_cellsynth.jobs.run"
        text = f"import sys, {module}; sys.modules['{module}']._WORK['segment'] = 'tests.faults.faulty:{name}'\n"
        (tmp_path / "sitecustomize.py").write_text(text if name else "")

    place = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "src")])
    monkeypatch.setenv("PYTHONPATH", place)
    return put


def last_of(project: Project, on_progress: Callable[[object], None] = lambda work: None) -> Event:
    work = run_in_process(Job.of(project.path, SegmentParameters(radius=2, min_area=5)))
    last: Event | None = None
    for last in work:
        if isinstance(last, Progress):
            on_progress(work)
    assert last is not None
    return last


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("recipe", "ZeroDivisionError"),
        pytest.param("memory", "The machine ran out of memory", marks=SELDOM),
        pytest.param("device", "The device ran out of memory", marks=SELDOM),
        pytest.param("full", "No space left on device", marks=SELDOM),
        pytest.param("death", "ended without a word (exit code -11)", marks=SELDOM),
    ],
)
def test_what_happened_is_said_in_one_line_and_the_next_job_runs(
    project: Project, faulty: Callable[[str], None], fault: str, words: str
) -> None:
    before = project.objects()
    faulty(fault)
    last = last_of(project)
    assert isinstance(last, Failed) and words in last.message and "\n" not in last.message and last.hint
    assert project.objects().equals(before)
    faulty("")
    assert isinstance(last_of(project), Finished)


@SELDOM
def test_a_worker_that_hangs_can_be_ended_and_leaves_no_process(
    project: Project, faulty: Callable[[str], None]
) -> None:
    faulty("hang")
    pids = []

    def end(work: object) -> None:
        pids.append(work.pid)  # type: ignore[attr-defined]
        work.stop()  # type: ignore[attr-defined]
        work.kill()  # type: ignore[attr-defined]

    last = last_of(project, end)
    assert isinstance(last, Failed) and last.message == "The worker process was killed."
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], signal.SIGTERM)
