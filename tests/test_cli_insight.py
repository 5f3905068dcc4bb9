"""The verbs that tell of a classifier, of labels and of the machine, called as the command line calls them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import napari_cellsynth as cs
from napari_cellsynth.cli import app
from tests.conftest import write_crops
from tests.jobs.test_run import SMALL_CLASSIFIER


def told(*words: object) -> Any:
    done = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty crops of blobs and stripes, one of the blobs called stripes, and a classifier that has seen them all."""
    folder = tmp_path_factory.mktemp("insight")
    with cs.Project.create(folder / "crops.cellsynth") as project:
        cs.import_folder(project, write_crops(folder / "crops"))
        objects = project.objects()
        [blob] = [record.id for record in project.classes() if record.name == "blob"]
        training = objects[(objects["class_id"] == blob) & (objects["split"] != "test")]
        [other] = {record.id for record in project.classes()} - {blob}
        project.label([int(training.index[0])], other)
    cs.do(project.path, "train-classifier", recipe="fast", overrides=SMALL_CLASSIFIER)
    cs.do(project.path, "predict")
    return project.path


def test_label_help_finds_the_label_that_is_wrong(path: Path) -> None:
    found = told("label-help", path, "-n", 3)
    with cs.Project.open(path, read_only=True) as project:
        names = {record.id: record.name for record in project.classes()}
        [wrong] = [n for n in project.objects().index if len(project.history(int(n))) > 1]
    first = found["mislabelled"][0]
    assert first["object"] == wrong
    assert (names[first["given"]], names[first["suggested"]]) == ("stripes", "blob")
    assert "probably" in CliRunner().invoke(app, ["label-help", str(path), "-n", "3"]).output.lower()


def test_explain_draws_into_the_folder_that_is_named(path: Path, tmp_path: Path) -> None:
    drawn = told("explain", path, "--object", 1, "--class", "stripes", "--out", tmp_path / "why")
    assert drawn["class"] == "stripes" and drawn["pictures"]
    for file in drawn["pictures"].values():
        assert Path(file).parent == tmp_path / "why" and np.ptp(np.asarray(Image.open(file))) > 0


def test_over_time_counts_every_object_of_every_group(path: Path, tmp_path: Path) -> None:
    found = told("over-time", path, "--out", tmp_path / "counts")
    assert found["objects"] == 40 and Path(found["report"]).is_file()
    with cs.Project.open(path, read_only=True) as project:
        names = {record.id: record.name for record in project.classes()}
        objects = project.objects()
    expected = Counter(zip(objects["group"], objects["class_id"].map(names), strict=True))
    with (tmp_path / "counts" / "groups.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["group"], row["class"]): int(float(row["count"])) for row in csv.DictReader(file)}
    assert {key: count for key, count in rows.items() if count} == dict(expected)


def test_doctor_tells_versions_and_device_of_this_machine() -> None:
    found = json.dumps(told("doctor"))
    for name in ("torch", "numpy", "napari-cellsynth"):
        assert version(name) in found
    assert torch.cuda.is_available() or "cpu" in found.lower()
