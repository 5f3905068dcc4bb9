"""The verb `hold-out`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from napari_cellsynth.cli import app
from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project


def told(project: Project, *arguments: object) -> dict[str, list[str]]:
    done = CliRunner().invoke(app, ["hold-out", str(project.path), *map(str, arguments), "--json"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    answer: dict[str, list[str]] = json.loads(done.stdout)
    return answer


def test_groups_are_held_out_by_share_or_by_name_and_nothing_learns_from_them(crops_project: Project) -> None:
    groups = set(crops_project.splits())
    answer = told(crops_project, "--share", 0.5)
    assert len(answer["held_out"]) == 2 and set(answer["held_out"]) | set(answer["training"]) == groups
    answer = told(crops_project, "--group", "g1", "--group", "g2")
    assert answer == {"held_out": ["g1", "g2"], "training": sorted(groups - {"g1", "g2"})}
    crops_project.catch_up()
    assert set(crops_project.training_objects()["group"]) == groups - {"g1", "g2"}
    for wrong in (("--group", "none"), ("--share", 1.5), ("--share", 0.5, "--group", "g1")):
        with pytest.raises(UserError):
            told(crops_project, *wrong)
    assert set(crops_project.training_objects()["group"]) == groups - {"g1", "g2"}
