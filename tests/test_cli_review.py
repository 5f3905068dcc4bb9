"""The verb `review`: what it lists, judges and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_cellsynth.cli import app
from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project


@pytest.fixture
def project(crops_project: Project) -> Project:
    """Four patches with figures and one without."""
    run = crops_project.new_run("gan", "dcgan", {}, class_id=1, groups=[], seed=0)
    ids = crops_project.add_synthetic(run.id, "step", 1, 0, 0, np.zeros((5, 1, 8, 8), np.uint8))
    crops_project.set_nearest(ids[:4], [1, 2, 3, 4], [0.4, 0.3, 0.2, 0.1])
    figures = {"realism": [1.2, 0.5, 0.9, 2.0], "confidence": [0.9, 0.1, 0.8, 0.7], "copy_ratio": [0.1, 0.9, 0.8, 0.7]}
    crops_project.set_figures(ids[:4], figures)
    return crops_project


def told(project: Project, *arguments: object) -> dict:
    done = CliRunner().invoke(app, ["review", str(project.path), *map(str, arguments), "--json"])
    if done.exception:
        raise done.exception
    return json.loads(done.stdout)


def indices(found: dict) -> list[int]:
    return [each["index_in_run"] for each in found["listed"]]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("realism", [1, 2, 0, 3, 4]),
        ("confidence", [1, 3, 2, 0, 4]),
        ("distance", [3, 2, 1, 0, 4]),
        ("copy", [0, 3, 2, 1, 4]),
    ],
)
def test_the_doubtful_patches_come_first_and_those_without_a_figure_last(
    project: Project, sort: str, expected: list[int]
) -> None:
    found = told(project, "--sort", sort)
    assert indices(found) == expected
    assert found["listed"][-1]["realism"] is None and found["listed"][0]["class"] == "blob"


def test_those_beyond_a_threshold_are_judged_with_a_reason_in_one_step(project: Project) -> None:
    found = told(project, "--sort", "realism", "--below", 1, "--reject", "--reason", "blurred")
    assert indices(found) == [1, 2]
    assert {(each["review"], each["reason"]) for each in found["listed"]} == {("rejected", "blurred")}
    assert indices(told(project, "--sort", "copy", "--above", 0.75, "--accept")) == [1, 2]
    with Project.open(project.path) as again:
        assert again.synthetic()["review"].tolist() == ["", "accepted", "accepted", "", ""]
        again.undo()
        assert again.synthetic()["review"].tolist() == ["", "rejected", "rejected", "", ""]


def test_a_line_a_patch_says_its_figures_in_words(project: Project) -> None:
    lines = CliRunner().invoke(app, ["review", str(project.path), "--sort", "copy", "--class", "blob"]).stdout
    first, *_, last = [line for line in lines.splitlines() if "not scored" not in line]
    assert first == (
        "1000000000 blob · gan-0001 · distance 0.40 · copy ratio 0.10: likely a copy · "
        "realism 1.20: among the real ones · class blob: 90%"
    )
    assert last == "5 patches"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--sort", "beauty"], "beauty"),
        (["--below", "1"], "figure"),
        (["--sort", "realism", "--below", "nan"], "nan is no threshold"),
        (["--sort", "realism", "--reject"], "No patches were chosen"),
        (["--sort", "realism", "--below", "1", "--reject", "--accept"], "at once"),
        (["--run", "gan-0009"], "gan-0009"),
        (["--class", "Nobody"], "Nobody"),
        (["--between", "5", "6"], "no synthetic patch 5"),
    ],
)
def test_what_does_not_fit_together_is_the_users_mistake(project: Project, arguments: list[str], named: str) -> None:
    with pytest.raises(UserError, match=named):
        told(project, *arguments)
    assert (project.synthetic()["review"] == "").all()


def test_a_blind_test_is_written_as_a_row_and_its_answers_are_counted_and_kept(
    project: Project, tmp_path: Path
) -> None:
    run = project.runs("gan")[0]
    crops = project.training_objects().query("class_id == 1").index[:5].tolist()
    recipe = {"size": 8, "fit": "whole"}
    project.update_run(run.id, parameters={"recipe": recipe, "objects": crops, "low": [0], "high": [255]})
    row = tmp_path / "row.png"
    assert told(project, "--blind", row, "--seed", 4) == {"file": str(row), "patches": 10, "seed": 4}
    pixels = np.asarray(Image.open(row))
    assert pixels.shape == (8, 80)
    # The synthetic patches of this project are black.
    letters = "".join("R" if pixels[:, x : x + 8].any() else "S" for x in range(0, 80, 8))
    assert sorted(letters) == ["R"] * 5 + ["S"] * 5
    found = told(project, "--answers", letters, "--seed", 4)
    assert (found["right"], found["patches"]) == (10, 10) and found["told"].startswith("You could tell them apart")
    assert len(project.blind_rounds()) == 1
    with pytest.raises(UserError, match="10 patches need as many letters"):
        told(project, "--answers", "RS", "--seed", 4)
