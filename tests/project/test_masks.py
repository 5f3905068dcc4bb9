from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project


def test_masks_are_an_ome_zarr_label_image(project: Project, mask: NDArray[np.int32]) -> None:
    folder = project.path / "masks.zarr"
    root = json.loads((folder / "zarr.json").read_text())["attributes"]["ome"]
    assert root["labels"] == ["1"]
    image = json.loads((folder / "1" / "zarr.json").read_text())["attributes"]["ome"]
    assert [axis["name"] for axis in image["multiscales"][0]["axes"]] == ["t", "y", "x"]
    assert image["multiscales"][0]["datasets"][0]["path"] == "0"
    array = json.loads((folder / "1" / "0" / "zarr.json").read_text())
    assert (array["shape"], array["data_type"]) == ([3, 100, 120], "int32")
    assert array["chunk_grid"]["configuration"]["chunk_shape"] == [1, 100, 120]


def test_a_mask_whose_move_was_cut_off_is_whole_and_moved_at_the_next_opening(
    project: Project, mask: NDArray[np.int32], monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = np.where(mask == 1, 0, mask).astype(np.int32)
    monkeypatch.setattr(project, "_move_masks", lambda: None)
    project.set_objects(1, 0, boxes_of(fresh), fresh)
    shutil.rmtree(project.path / "masks.zarr")
    with Project.open(project.path, read_only=True) as reader:
        np.testing.assert_array_equal(reader.mask(1, 0), fresh)
        assert not (project.path / "masks.zarr").exists()
    with Project.open(project.path) as writer:
        np.testing.assert_array_equal(writer.mask(1, 0), fresh)
        assert (project.path / "masks.zarr" / "1" / "0" / "c" / "0").exists()
        assert writer._db.read("SELECT count(*) FROM masks WHERE waiting IS NOT NULL") == [(0,)]


@pytest.mark.parametrize("step", ["_put_mask", "_changed"])
def test_a_failing_change_leaves_mask_and_rows(
    project: Project, mask: NDArray[np.int32], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whether it fails before or after the new mask was put in place."""

    def fail(*_: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr(project, step, fail)
    with pytest.raises(OSError, match="disk"):
        project.set_objects(1, 0, boxes_of(mask[:, ::-1]), mask[:, ::-1])
    for opened in (project, Project.open(project.path)):
        np.testing.assert_array_equal(opened.mask(1, 0), mask)
        assert list(opened.objects().index) == [1, 2, 3, 4]
        opened.close()


def test_lost_masks_are_one_line(project: Project) -> None:
    shutil.rmtree(project.path / "masks.zarr")
    with pytest.raises(UserError, match="Segment the image again"):
        project.mask(1, 0)


@pytest.mark.parametrize("what", ["zarr.json", "c/0/0/0"])
@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[]", b"rubbish" * 50])
def test_damaged_masks_are_one_line(project: Project, mask: NDArray[np.int32], what: str, content: bytes) -> None:
    (project.path / "masks.zarr" / "1" / "0" / what).write_bytes(content)
    with pytest.raises(UserError, match=r"masks\.zarr"):
        project.mask(1, 0)


def test_masks_that_cannot_be_moved_wait_and_let_the_project_open(project: Project, mask: NDArray[np.int32]) -> None:
    shutil.rmtree(project.path / "masks.zarr")
    (project.path / "masks.zarr").write_text("no folder")
    with pytest.raises(UserError, match=r"masks\.zarr cannot be written"):
        project.set_objects(1, 0, boxes_of(mask), mask)
    with Project.open(project.path) as again:
        np.testing.assert_array_equal(again.mask(1, 0), mask)


def test_segmenting_again_mends_masks_that_are_gone(project: Project, mask: NDArray[np.int32]) -> None:
    project.set_objects(1, 1, boxes_of(mask), mask)
    project.label([1, 2, 3, 4], 1)
    shutil.rmtree(project.path / "masks.zarr")
    moved = np.roll(mask, 1, axis=0)
    change = project.set_objects(1, 0, boxes_of(moved), moved)
    assert (change.carried, change.orphans) == (4, [])
    np.testing.assert_array_equal(project.mask(1, 0), moved)
    # The other frame's mask is lost: it is not taken for one without objects.
    assert project.mask(1, 1) is None and len(project.objects(frame=1)) == 4


@pytest.mark.parametrize("what", ["zarr.json", "1/zarr.json", "1/0/zarr.json", "1/0/c/0/0/0"])
@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[]", b"{}"])
def test_segmenting_again_mends_damaged_masks_and_keeps_the_others(
    project: Project, mask: NDArray[np.int32], what: str, content: bytes
) -> None:
    project.set_objects(1, 1, boxes_of(mask), mask)
    (project.path / "masks.zarr" / what).write_bytes(content)
    moved = np.roll(mask, 1, axis=0)
    project.set_objects(1, 0, boxes_of(moved), moved)
    np.testing.assert_array_equal(project.mask(1, 0), moved)
    np.testing.assert_array_equal(project.mask(1, 1), mask)
