"""Each thing that can be wrong with a project is found, and what can be mended is mended without loss."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from napari_cellsynth.project import Project
from napari_cellsynth.project.checking import Finding, check
from napari_cellsynth.project.runs import RunRecord


@pytest.fixture
def run(project: Project) -> RunRecord:
    return project.new_run("gan", "cellsynth", {}, class_id=1, groups=["video"], seed=0)


@pytest.fixture
def path(project: Project, run: RunRecord) -> Path:
    """A project with labels, patches, a run with weights, all in order."""
    project.label([1, 2], 1)
    project.label([2], 2)
    project.undo()
    patches = project.add_synthetic(run.id, "best", 1, 0, 0, np.zeros((4, 1, 16, 16), np.uint8))
    project.review(patches[:2], "rejected", "blurred")
    save_file({"a": np.zeros(3)}, run.folder / "best.safetensors")
    project.update_run(run.id, "finished")
    project.close()
    return project.path


def said(path: Path, *, mend: bool = False) -> str:
    return "\n".join(each.message for each in check(path, mend=mend))


def test_a_sound_project_has_no_finding(path: Path) -> None:
    assert check(path) == []
    assert check(path, mend=True) == []


def test_labels_and_reviews_come_back_from_the_journal(path: Path) -> None:
    with Project.open(path) as project:
        project._db.write("UPDATE objects SET class_id = 2 WHERE id IN (1, 3)")
        project._db.write("UPDATE patches SET review = 1")
    assert "label of 2 objects differs from the journal: 1, 3" in said(path)
    assert "review of 4 synthetic patches" in said(path)
    assert all(each.mended for each in check(path, mend=True))
    assert check(path) == []
    with Project.open(path) as project:
        assert project.objects()["class_id"].tolist() == [1, 1, 0, 0]
        assert project.synthetic()["review"].tolist() == ["rejected", "rejected", "", ""]


def test_a_torn_journal_is_found(path: Path) -> None:
    with Project.open(path) as project:
        project._db.write("DROP TRIGGER journal_stays")
        project._db.write("DELETE FROM journal WHERE id = 2")
    assert "misses entries: 2" in said(path)


@pytest.mark.parametrize("harm", ["gone", "other", "cut off"])
def test_an_image_that_is_not_what_it_was_is_found(path: Path, series: Path, harm: str) -> None:
    if harm == "gone":
        series.unlink()
    else:
        content = series.read_bytes()
        series.write_bytes(content[: len(content) // 2] if harm == "cut off" else content[:-5] + b"other")
    words = {"gone": "not at", "other": "has changed", "cut off": "cannot be read"}
    assert words[harm] in said(path)
    assert words[harm] in said(path, mend=True)


@pytest.mark.parametrize("harm", ["other", "gone", "bytes"])
def test_a_mask_that_does_not_fit_its_objects_is_let_go(path: Path, harm: str) -> None:
    chunk = path / "masks.zarr" / "1" / "0" / "c" / "0" / "0" / "0"
    if harm == "other":
        import zarr

        array = zarr.open_array(str(path / "masks.zarr" / "1" / "0"), mode="r+")
        array[0, 10:12, 10:12] = 0
    elif harm == "gone":
        chunk.unlink()
    else:
        chunk.write_bytes(os.urandom(500))
    assert "image 1, frame 0 does not fit" in said(path)
    assert [each.mended for each in check(path, mend=True)] == [True]
    assert check(path) == []
    with Project.open(path) as project:
        assert project.objects()["class_id"].tolist() == [1, 1, 0, 0]


def test_damaged_patches_weights_and_records_are_found(path: Path, run: RunRecord) -> None:
    (run.folder / "best.safetensors").write_bytes(b"\xff" * 100)
    assert f"runs/{run.id}/best.safetensors is damaged" in said(path)
    for chunk in (path / "patches.zarr").glob("**/c/0/*"):
        shutil.rmtree(chunk) if chunk.is_dir() else chunk.unlink()
    (path / "patches.zarr" / "1x16x16_uint8" / "zarr.json").write_text("{")
    assert f"patches of {run.id} are missing or damaged" in said(path)
    (run.folder / "run.json").write_text('{"id": 3}')
    assert "run.json is damaged" in said(path) and f"4 synthetic patches come from {run.id}" in said(path)


def test_what_a_killed_program_left_is_deleted_and_what_is_being_written_is_not(path: Path, run: RunRecord) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    pid = int(gone.stdout)
    mine = run.folder / f".run.json.{os.getpid()}.part"
    left = [
        run.folder / f".run.json.{pid}.part",
        run.folder / f".state.safetensors.{pid}.part",
        path / f".objects.csv.{pid}.part",
        path / "backups" / f".{pid}-1.part",
        path / "masks.zarr" / "1" / "0" / "zarr.0123.partial",
    ]
    empty = path / "runs" / "gan-0002"
    empty.mkdir()
    for file in [*left, mine]:
        file.write_text("half")
    before = time.time() - 3600
    for place in (empty, left[-1]):
        os.utime(place, (before, before))
    assert len(check(path)) == 6
    assert all(each.mended for each in check(path, mend=True))
    assert check(path) == [] and mine.exists() and not empty.exists()


def test_a_link_out_of_the_project_is_found(path: Path, tmp_path: Path) -> None:
    os.symlink(tmp_path, path / "extra")
    assert "extra is a link out of the project" in said(path)


def test_missing_and_damaged_backups_are_found(path: Path) -> None:
    newest = sorted((path / "backups").iterdir())[-1]
    content = newest.read_bytes()
    newest.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    assert check(path) == [Finding(f"The backup {newest.name} is damaged.", "Delete it.")]
    shutil.rmtree(path / "backups")
    assert "no backup" in said(path)
