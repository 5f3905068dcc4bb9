"""Several jobs of one project at once, in worker processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Finished, Progress, Stopped
from napari_cellsynth.jobs.at_once import do_job
from napari_cellsynth.jobs.job import AtOnceParameters, Job, TrainGanParameters
from napari_cellsynth.jobs.run import run
from napari_cellsynth.project import Project
from tests.jobs.test_experiment import project

__all__ = ["project"]

FEW = {"steps": 3, "recipe": "dcgan", "overrides": {"size": 32, "batch": 4, "width": 4}}


def parts(*names: str) -> list[dict[str, Any]]:
    return [{"kind": "train-gan", "parameters": FEW | {"classes": [name]}, "title": name} for name in names]


def weights(folder: Path) -> list[dict[str, Any]]:
    return [
        load_file(file)
        for file in sorted(folder.glob("checkpoints/**/*.safetensors")) or sorted(folder.rglob("*.safetensors"))
    ]


@pytest.mark.slow
def test_gans_of_several_classes_are_those_trained_in_turn_and_one_that_cannot_is_told(project: Path) -> None:
    with Project.open(project) as opened:
        opened.add_class("empty")
    turn = [
        list(run(Job.of(project, TrainGanParameters(**FEW, classes=[name]))))[-1].result["run"]
        for name in ("dark", "bright")
    ]
    job = Job.of(project, AtOnceParameters(jobs=parts("dark", "bright", "empty"), workers=2))
    *events, last = run(job)
    assert isinstance(last, Finished), last
    first, second, third = last.result["results"]
    assert "empty has 0 labelled" in third["error"]
    for before, after in zip(turn, (first["run"], second["run"]), strict=True):
        a, b = weights(project / "runs" / before), weights(project / "runs" / after)
        assert len(a) == len(b) > 0
        for one, other in zip(a, b, strict=True):
            assert one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)
    assert events[-1] == Progress(3, 3, "jobs", events[-1].note)
    with Project.open(project) as opened:
        assert [record.status for record in opened.runs("gan")] == ["finished"] * 4


@pytest.mark.slow
def test_a_stop_stops_all_and_leaves_runs_that_can_be_resumed(project: Path) -> None:
    job = Job.of(project, AtOnceParameters(jobs=parts("dark", "bright"), workers=2))
    long = job.model_copy(
        update={
            "parameters": job.parameters
            | {
                "jobs": [
                    part | {"parameters": part["parameters"] | {"steps": 100_000}} for part in job.parameters["jobs"]
                ]
            }
        }
    )
    seen: set[str] = set()
    for event in run(long, lambda: len(seen) == 2):
        if isinstance(event, Progress) and "steps" in event.note:
            seen.add(event.note.split(" ")[0])
        last = event
    assert isinstance(last, Stopped)
    with Project.open(project) as opened:
        assert [record.status for record in opened.runs("gan")] == ["stopped"] * 2


def test_wrong_parameters_and_a_project_out_of_sight_are_one_line(project: Path) -> None:
    wrong = AtOnceParameters(jobs=[{"kind": "train-gan", "parameters": {"steps": -1}, "title": "a"}])
    *_, last = run(Job.of(project, wrong))
    assert isinstance(last, Failed) and "steps" in last.message and not last.traceback
    away = Job.of(project.parent / "away.cellsynth", TrainGanParameters())
    with pytest.raises(UserError, match="does not see"):
        do_job(away.model_dump_json(), lambda: False, lambda _line: None)
