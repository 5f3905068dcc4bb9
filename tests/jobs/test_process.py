from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.events import Failed, Finished, Progress, Stopped
from napari_cellsynth.jobs import Job, run_in_process
from napari_cellsynth.jobs.job import SegmentParameters, TrainGanParameters
from napari_cellsynth.project import Project

LONG = TrainGanParameters(classes=["blob"], steps=100_000, overrides={"size": 32, "width": 4, "batch": 4})


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
    assert time.monotonic() - asked < 30  # the second itself is measured in benchmarks/window.py
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
    assert crops_project.run(run_id).status == "stopped"  # its process is gone
    resumed = LONG.model_copy(update={"resume": run_id, "steps": 5})
    events = list(start(crops_project, resumed))
    assert isinstance(events[-1], Finished), events[-1]


@pytest.mark.slow
def test_the_stop_flag_is_not_needed_by_a_job_that_fails(crops_project: Project) -> None:
    events = list(start(crops_project, LONG.model_copy(update={"classes": ["unheard of"]})))
    assert len(events) == 1
    assert isinstance(events[0], Failed) and "blob" in events[0].message + events[0].hint


@pytest.mark.slow
def test_a_segmentation_that_is_killed_leaves_whole_frames_and_runs_again(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (12, 400, 400), np.uint8)
    frames[:, 200:] = 120
    tifffile.imwrite(tmp_path / "video.tif", frames, photometric="minisblack", metadata={"axes": "TYX"})
    with Project.create(tmp_path / "p.cellsynth") as project:
        project.add_images([tmp_path / "video.tif"])
        work = run_in_process(Job.of(project.path, SegmentParameters(radius=3)))
        for event in work:
            if isinstance(event, Progress) and event.done == 3 and work.pid:
                os.kill(work.pid, signal.SIGKILL)
        done = project.objects().groupby("frame").size()
        assert 3 <= len(done) <= 12
        image_id = int(project.images().index[0])
        for frame in done.index:
            mask = project.mask(image_id, int(frame))
            assert mask is not None and mask.any()
        events = list(run_in_process(Job.of(project.path, SegmentParameters(radius=3))))
        assert isinstance(events[-1], Finished)
        assert project.objects()["frame"].nunique() == 12


SCRIPT = """
import sys
from pathlib import Path
from napari_cellsynth.jobs import Job, run_in_process
from napari_cellsynth.jobs.job import TrainGanParameters

print("the script runs")
parameters = TrainGanParameters(classes=["blob"], steps=2, overrides={"size": 32, "width": 4, "batch": 4})
print(type(list(run_in_process(Job.of(Path(sys.argv[1]), parameters)))[-1]).__name__)
"""


@pytest.mark.slow
def test_a_script_without_a_guard_is_not_run_again_by_its_worker(crops_project: Project, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), str(crops_project.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split("\n")[:2] == ["the script runs", "Finished"], done


@pytest.mark.slow
def test_a_run_whose_window_is_gone_stops_and_can_be_resumed(crops_project: Project) -> None:
    work = start(crops_project)
    for event in work:
        if isinstance(event, Progress) and event.done >= 2:
            break
    assert work._process.stdin is not None and work._process.stdout is not None
    work._process.stdin.close()  # what the end of the parent does
    list(iter(lambda: work._process.stdout.read(4096), b""))
    assert work._process.wait(30) == 0
    work._process.stdout.close()
    [run] = crops_project.runs("gan")
    assert run.status == "stopped" and list(run.folder.glob("*.safetensors"))


def test_a_worker_that_was_given_a_gpu_sees_that_one_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    start_it = subprocess.Popen

    def watched(*arguments: object, **options: object) -> object:
        seen.append(options["env"])
        return start_it([sys.executable, "-c", ""], **options)

    monkeypatch.setattr(subprocess, "Popen", watched)
    for gpu in (None, "GPU-b"):
        list(run_in_process(Job.of(tmp_path, SegmentParameters()), gpu))
    assert seen[0] is None and seen[1]["CUDA_VISIBLE_DEVICES"] == "GPU-b" and seen[1]["PATH"] == os.environ["PATH"]
