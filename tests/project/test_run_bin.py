"""The bin for runs: what goes with a run, what comes back, and what stands in the way."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_cellsynth.cli import app
from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.checking import check
from napari_cellsynth.project.run_bin import binned


@pytest.fixture
def project(crops_project: Project) -> Project:
    """Two finished GAN runs with three patches each, one of them rejected, and two runs that predicted."""
    for _ in range(2):
        run = crops_project.new_run("gan", "dcgan", {}, class_id=1, groups=["g1"], seed=0)
        ids = crops_project.add_synthetic(run.id, "step", 1, 0, 0, np.full((3, 1, 8, 8), 9, np.uint8))
        crops_project.update_run(run.id, "finished")
    crops_project.review(ids[:1], "rejected", "blurred")
    objects = crops_project.objects().index[:4].tolist()
    for answer in (0.9, 0.2):
        run = crops_project.new_run("classifier", "fast", {}, groups=["g1"], seed=0)
        crops_project.set_predictions(run.id, objects, np.tile([answer, 1 - answer], (4, 1)), [1, 2])
        crops_project.update_run(run.id, "finished")
    return crops_project


def test_a_deleted_run_takes_its_patches_along_and_brings_them_back_with_their_reviews(project: Project) -> None:
    before, told = project.synthetic(), []
    project.synthetic_changed.connect(lambda: told.append("patches"))
    project.runs_changed.connect(lambda: told.append("runs"))
    project.delete_run("gan-0002")
    assert told == ["runs", "patches"]
    assert project.synthetic()["run"].unique().tolist() == ["gan-0001"]
    assert [run.id for run in project.runs("gan")] == ["gan-0001"]
    assert project.synthetic_for_training(1, None, test_groups=["g0"]) == before.index[:3].tolist()
    assert project.deleted_runs() == ["gan-0002"]
    # Who still shows them can still read them.
    assert (project.read_synthetic(before.index.tolist()) == 9).all()
    project.restore_run("gan-0002")
    assert project.synthetic().equals(before)
    assert project.run("gan-0002").status == "finished" and not project.deleted_runs()


def test_the_predictions_of_the_run_before_come_forward(project: Project) -> None:
    assert project.predictions()["class_id"].unique().tolist() == [2]
    project.delete_run("classifier-0002")
    assert project.latest_prediction_run() == "classifier-0001"
    assert project.predictions()["class_id"].unique().tolist() == [1]
    with pytest.raises(UserError, match="in the bin"):
        project.predictions("classifier-0002")
    project.restore_run("classifier-0002")
    assert project.predictions()["class_id"].unique().tolist() == [2]


def test_a_deleted_runs_number_is_not_given_again_and_it_can_be_asked_for_by_name(project: Project) -> None:
    project.new_run("experiment", "x", {}, groups=[], seed=0)
    project.update_run("experiment-0001", "finished")
    project.delete_run("experiment-0001")
    assert project.new_run("experiment", "x", {}, groups=[], seed=0).id == "experiment-0002"
    with pytest.raises(UserError, match="in the bin") as caught:
        project.run("experiment-0001")
    assert "--restore" in caught.value.hint


def test_a_run_that_is_being_trained_cannot_be_deleted(project: Project) -> None:
    run = project.new_run("gan", "dcgan", {}, class_id=1, groups=[], seed=0)
    with pytest.raises(UserError, match="being trained"):
        project.delete_run(run.id)


def test_a_full_disk_leaves_the_run_where_it_is(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("napari_cellsynth.project.run_bin.os.rename", full)
    with pytest.raises(UserError, match="No space left"):
        project.delete_run("gan-0001")
    assert project.run("gan-0001").status == "finished" and len(project.synthetic()) == 6


def test_a_project_opened_read_only_keeps_its_runs(project: Project) -> None:
    project.delete_run("gan-0001")
    with Project.open(project.path, read_only=True) as reader:
        for act, run_id in ((reader.delete_run, "gan-0002"), (reader.restore_run, "gan-0001")):
            with pytest.raises(UserError, match="read-only"):
                act(run_id)
        assert len(reader.synthetic()) == 3


@pytest.mark.parametrize("name", ["gan-0009", "../runs/gan-0001", "", "/etc"])
def test_what_is_no_run_is_refused(project: Project, name: str) -> None:
    for act in (project.delete_run, project.restore_run):
        with pytest.raises(UserError):
            act(name)
    assert len(project.runs("gan")) == 2


def test_a_bin_that_leads_out_of_the_project_is_not_followed(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (project.path / "bin").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError):
        project.delete_run("gan-0001")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_another_window_hears_of_it(project: Project) -> None:
    with Project.open(project.path) as other:
        other.catch_up()
        told = []
        other.synthetic_changed.connect(lambda: told.append(len(other.synthetic())))
        project.delete_run("gan-0001")
        other.catch_up()
        assert told == [3]


def test_a_project_with_a_run_in_the_bin_is_whole(project: Project) -> None:
    project.delete_run("gan-0001")
    assert not [finding for finding in check(project.path) if "gan-0001" in str(finding)]
    assert binned(project.path) == ["gan-0001"]


def told(*arguments: object) -> dict:
    done = CliRunner().invoke(app, ["runs", *map(str, arguments), "--json"])
    if done.exception:
        raise done.exception
    return json.loads(done.stdout)


def test_the_command_line_lists_deletes_and_restores(project: Project) -> None:
    place = project.path
    assert [row["id"] for row in told(place)["runs"]][-2:] == ["gan-0002", "gan-0001"]
    found = told(place, "gan-0001", "classifier-0002", "--delete")
    assert found["bin"] == ["classifier-0002", "gan-0001"] and len(found["runs"]) == 2
    assert told(place, "gan-0001", "--restore")["bin"] == ["classifier-0002"]
    for wrong in (
        ["--delete"],
        ["gan-0001", "--delete", "--restore"],
        ["gan-0001", "--compare"],
        ["none", "--restore"],
    ):
        with pytest.raises(UserError):
            told(place, *wrong)


def test_an_emptied_bin_frees_the_disk_and_nothing_of_its_runs_comes_back(project: Project) -> None:
    first, second = project.run("gan-0001"), project.run("gan-0002")
    (second.folder / "weights.bin").write_bytes(bytes(10**6))
    for name in ("gan-0002", "classifier-0002"):
        project.delete_run(name)
    before = sum(file.stat().st_size for file in project.path.rglob("*") if file.is_file() and "bin" in file.parts)
    assert project.bin_size() == before > 10**6  # both GANs' patches share a chunk, which stays
    assert project.bin_size(["classifier-0002"]) < 10**5
    assert project.empty_bin(["gan-0002"]) == ["gan-0002"] and project.deleted_runs() == ["classifier-0002"]
    assert project.empty_bin() == ["classifier-0002"] and project.bin_size() == 0
    assert project.synthetic()["run"].unique().tolist() == ["gan-0001"]
    assert project.latest_prediction_run() == "classifier-0001"
    with pytest.raises(UserError, match="deleted for good"):
        project.run("gan-0002")
    with pytest.raises(UserError, match="no 'gan-0002' in the bin"):
        project.restore_run("gan-0002")
    # The id is never given again, the other run's patches are whole, and so is the project.
    assert project.new_run("gan", "dcgan", {}, class_id=1, groups=[], seed=0).id == "gan-0003"
    project.delete_run(first.id)
    project.empty_bin()
    assert not list((project.path / "patches.zarr").rglob("c/*/0/0/0"))
    assert check(project.path) == []
    assert project.undo_step() is not None  # a review of a patch that is gone is no stumbling block


def test_a_bin_that_was_emptied_half_is_emptied_by_the_next_try(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.run("gan-0001").folder / "samples").mkdir()
    (project.run("gan-0001").folder / "samples" / "a.png").write_bytes(b"x")
    project.delete_run("gan-0001")

    def refuse(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("napari_cellsynth.project.run_bin.shutil.rmtree", refuse)
        with pytest.raises(UserError, match="cannot be emptied: Permission denied"):
            project.empty_bin()
    assert project.deleted_runs() == [] and project.synthetic()["run"].unique().tolist() == ["gan-0002"]
    assert project.empty_bin() == ["gan-0001"]
    assert [entry.name for entry in (project.path / "bin" / "gan-0001").iterdir()] == ["emptied"]


def test_only_runs_in_the_bin_are_deleted_for_good(project: Project) -> None:
    with pytest.raises(UserError, match="no 'gan-0001' in the bin"):
        project.empty_bin(["gan-0001"])
    with Project.open(project.path, read_only=True) as other, pytest.raises(UserError, match="read-only"):
        other.empty_bin()


def test_the_command_line_asks_before_it_empties_the_bin(project: Project) -> None:
    told(project.path, "gan-0001", "gan-0002", "--delete")
    asked = CliRunner().invoke(app, ["runs", str(project.path), "--empty-bin"], input="n\n")
    assert asked.exit_code == 1 and project.deleted_runs() == ["gan-0001", "gan-0002"]
    done = told(project.path, "gan-0002", "--empty-bin", "--yes")
    assert done["deleted"] == ["gan-0002"] and done["freed"] > 0 and project.deleted_runs() == ["gan-0001"]
