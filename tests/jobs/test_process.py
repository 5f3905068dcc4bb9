from __future__ import annotations

import os
import signal
import time

from napari_cellsynth.events import Failed, Finished, Progress, Stopped
from napari_cellsynth.jobs import Job, run_in_process
from napari_cellsynth.jobs.job import TrainGanParameters
from napari_cellsynth.project import Project

LONG = TrainGanParameters(class_name="blob", steps=100_000, overrides={"size": 32, "width": 4, "batch": 4})


def start(project: Project, parameters: TrainGanParameters = LONG):
    return run_in_process(Job.of(project.path, parameters))


def test_a_worker_process_does_the_job_and_its_events_arrive(crops_project: Project) -> None:
    events = list(start(crops_project, LONG.model_copy(update={"steps": 3})))
    assert isinstance(events[-1], Finished)
    assert crops_project.run(events[-1].result["run"]).status == "finished"


def test_stop_takes_effect_within_a_second_and_leaves_a_resumable_run(crops_project: Project) -> None:
    work = start(crops_project)
    asked = 0.0
    last = None
    for last in work:
        if isinstance(last, Progress) and not asked:
            asked = time.monotonic()
            work.stop()
    assert isinstance(last, Stopped)
    assert time.monotonic() - asked < 3  # a step, and the worker's own end on a busy machine
    assert crops_project.run(last.run).status == "stopped"
    assert list(crops_project.run(last.run).folder.glob("*.safetensors"))


def test_a_killed_worker_is_told_and_the_run_can_go_on(crops_project: Project) -> None:
    work = start(crops_project)
    last = None
    for last in work:
        if isinstance(last, Progress) and last.done >= 3 and work.pid:
            os.kill(work.pid, signal.SIGKILL)
    assert isinstance(last, Failed) and "killed" in last.message
    run_id = crops_project.runs("gan")[0].id
    assert crops_project.run(run_id).status == "running"
    resumed = LONG.model_copy(update={"resume": run_id, "steps": 5})
    events = list(start(crops_project, resumed))
    assert isinstance(events[-1], Finished), events[-1]


def test_the_stop_flag_is_not_needed_by_a_job_that_fails(crops_project: Project) -> None:
    events = list(start(crops_project, LONG.model_copy(update={"class_name": "unheard of"})))
    assert len(events) == 1
    assert isinstance(events[0], Failed) and "blob" in events[0].message + events[0].hint
