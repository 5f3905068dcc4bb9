"""Several GPUs run several trainings; how many there are is simulated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_cellsynth.jobs.job import Job, SegmentParameters, TrainGanParameters
from napari_cellsynth.widgets.gpus import chosen_devices, listed_devices
from napari_cellsynth.widgets.job_thread import JobHandle
from napari_cellsynth.widgets.session import Session
from tests.widgets.conftest import FakeRun

pytestmark = pytest.mark.gui


@pytest.fixture
def used(session: Session, project_path: Path) -> list[str | None]:
    """Two GPUs; the list tells which one each run that was started got."""
    given: list[str | None] = []

    def start(job: Job, gpu: str | None = None) -> FakeRun:
        given.append(gpu)
        return FakeRun(job)

    session.open(project_path)
    session.start_run = start
    session.gpus.found = ["GPU-a", "GPU-b"]
    return given


def train(session: Session, **parameters: Any) -> JobHandle:
    return session.submit(Job.of(session.project.path, TrainGanParameters(**parameters)), "GAN")


def end(handle: JobHandle, fake_runs: list[FakeRun], number: int, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: len(fake_runs) > number)
    with qtbot.waitSignal(handle.ended):
        fake_runs[number].gate.set()


def states(session: Session) -> list[str]:
    return [handle.state for handle in session.jobs]


def test_two_gpus_train_two_at_once_each_on_its_own_and_the_third_takes_the_free_one(
    session: Session, used: list[str | None], fake_runs: list[FakeRun], qtbot: Any
) -> None:
    first, second, third = train(session), train(session), train(session)
    assert states(session) == ["running", "running", "waiting"]
    qtbot.waitUntil(lambda: len(fake_runs) == 2)
    second_run = used.index("GPU-b")  # two threads, in whichever order they came
    end(second, fake_runs, second_run, qtbot)
    assert states(session) == ["running", "finished", "running"] and third.gpu == "GPU-b" and first.gpu == "GPU-a"
    session.stop_jobs()
    qtbot.waitUntil(lambda: all(handle.done for handle in session.jobs))
    assert sorted(used) == ["GPU-a", "GPU-b", "GPU-b"]


def test_a_job_that_writes_waits_for_all_trainings_and_runs_alone(
    session: Session, used: list[str | None], fake_runs: list[FakeRun], qtbot: Any
) -> None:
    first = train(session)
    segment = session.submit(Job.of(session.project.path, SegmentParameters()), "Segment")
    train(session)
    assert states(session) == ["running", "waiting", "waiting"]
    end(first, fake_runs, 0, qtbot)
    assert states(session) == ["finished", "running", "waiting"]
    end(segment, fake_runs, 1, qtbot)
    assert states(session) == ["finished", "finished", "running"] and segment.gpu is None
    session.stop_jobs()
    qtbot.waitUntil(lambda: all(handle.done for handle in session.jobs))


def test_with_one_gpu_or_on_the_cpu_one_training_runs_at_a_time(
    session: Session, used: list[str | None], qtbot: Any
) -> None:
    train(session, device="cpu")
    train(session)
    assert states(session) == ["running", "waiting"]
    session.stop_jobs()
    qtbot.waitUntil(lambda: all(handle.done for handle in session.jobs))
    session.gpus.found = []
    train(session)
    train(session)
    assert states(session)[2:] == ["running", "waiting"]
    session.stop_jobs()
    qtbot.waitUntil(lambda: all(handle.done for handle in session.jobs))
    assert set(used) == {None}


def test_closing_stops_all_that_run(session: Session, used: list[str | None], fake_runs: list[FakeRun]) -> None:
    train(session)
    train(session)
    session.shut_down()
    assert all(run.stopped for run in fake_runs)


@pytest.mark.parametrize(
    ("told", "found"),
    [(None, None), ("", []), ("0", ["0"]), ("2, 0", ["2", "0"]), ("1,-1,0", ["1"]), ("GPU-x,GPU-x", ["GPU-x"])],
)
def test_the_persons_own_choice_of_devices_counts(told: str | None, found: list[str] | None) -> None:
    assert chosen_devices({} if told is None else {"CUDA_VISIBLE_DEVICES": told}) == found


def test_what_nvidia_smi_lists_is_read_and_a_parted_gpu_stands_for_its_parts() -> None:
    answer = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 3g.20gb     Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-92ac6411-6e48-e4ef-5a6f-6ad1c94a8ac9)
"""
    assert [name[:5] for name in listed_devices(answer)] == ["MIG-c", "MIG-c", "GPU-9"]
    assert listed_devices("NVIDIA-SMI has failed because it could not communicate with the driver.") == []
