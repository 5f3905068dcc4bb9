"""Runs held against each other: settings that differ, scores, and curves of both kinds of files."""

from __future__ import annotations

import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.run_comparison import compare_runs, curves_of, value_text


@pytest.fixture
def project(crops_project: Project) -> Project:
    """Two GAN runs of different recipes, sizes and classes, and a classifier."""
    long = crops_project.add_class(("a very long name " * 4).strip())
    for recipe, size, class_id in (("dcgan", 64, 1), ("cellsynth", 32, long)):
        settings = {"name": recipe, "size": size, "lr": 0.0002, "augmentation": {"flip": size == 64}}
        parameters = {"recipe": settings, "objects": list(range(size)), "low": [0.0], "high": [9.0]}
        run = crops_project.new_run("gan", recipe, parameters, class_id=class_id, groups=["g1"], seed=0)
        quality = {str(class_id): {"kid": size / 1000, "floor": {"kid": 0.001}, "reference": "held out"}}
        crops_project.update_run(run.id, "finished", result={"steps": 100, "quality": quality})
    (crops_project.run("gan-0001").folder / "metrics.csv").write_text("step,loss,kid\n1,0.5,\n2,0.4,0.02\n3,0.")
    crops_project.new_run("classifier", "fast", {}, groups=["g1"], seed=7)
    folder = crops_project.run("classifier-0001").folder
    (folder / "metrics.csv").write_text("step,name,value\n1,loss,2.0\n1,accuracy,0.5\n2,loss,nan\n")
    crops_project.update_run("classifier-0001", "finished", result={"scores": {"macro_f1": 0.8, "per_class": []}})
    return crops_project


def test_only_what_differs_is_named_and_nested_settings_have_dots(project: Project) -> None:
    found = compare_runs(project, ["gan-0001", "gan-0002"])
    assert found.differing == ["recipe", "classes", "crops", "size", "augmentation.flip"]
    assert found.parameters["size"] == [64, 32] and found.parameters["crops"] == [64, 32]
    assert found.parameters["lr"] == [0.0002, 0.0002]


def test_scores_stand_beside_each_other_and_are_missing_where_there_are_none(project: Project) -> None:
    found = compare_runs(project, ["gan-0001", "classifier-0001"])
    assert found.scores["kid · blob"] == [0.064, None]
    assert found.scores["macro_f1"] == [None, 0.8]
    assert [value_text(value) for value in found.scores["macro_f1"]] == ["–", "0.8"]
    assert found.parameters["size"] == [64, None]


def test_curves_come_from_either_kind_of_file_without_half_rows_and_gaps(project: Project) -> None:
    curves = compare_runs(project, ["gan-0001", "classifier-0001", "gan-0002"]).curves
    assert curves["loss"] == [([1.0, 2.0], [0.5, 0.4]), ([1.0], [2.0]), None]
    assert curves["kid"][0] == ([2.0], [0.02])
    assert curves["accuracy"][1] == ([1.0], [0.5])


def test_a_damaged_file_of_figures_is_no_curve(project: Project) -> None:
    folder = project.run("gan-0002").folder
    (folder / "metrics.csv").write_bytes(b"\xff\xfe\x00step,\x00")
    assert curves_of(folder) == {}


def test_a_run_is_not_compared_with_itself_nor_with_none(project: Project) -> None:
    for ids in (["gan-0001", "gan-0001"], ["gan-0001", "gan-0044"]):
        with pytest.raises(UserError):
            compare_runs(project, ids)
