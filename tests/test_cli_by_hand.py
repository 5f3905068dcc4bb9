from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from napari_cellsynth.project.by_hand import correct
from napari_cellsynth.project.drafts import write_draft
from tests.test_cli import answer, cellsynth


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two frames of 60×80 px, two objects in the first, one of them labelled."""
    video = np.random.default_rng(0).integers(0, 255, (2, 60, 80)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "video.tif", video, photometric="minisblack", metadata={"axes": "TYX"})
    labels = np.zeros((60, 80), np.int32)
    labels[5:25, 5:45], labels[30:50, 5:45] = 1, 2
    with Project.create(tmp_path / "p.cellsynth", classes=["Dense"]) as made:
        [image] = made.add_images([tmp_path / "video.tif"])
        made.set_objects(image, 0, boxes_of(labels), labels)
        made.label([1], 1)
    return tmp_path / "p.cellsynth"


def test_objects_are_split_merged_and_deleted_by_their_ids(project: Path) -> None:
    done = answer("correct", project, "--split", "1=3", "--delete", "2")
    assert (done["frames"], done["objects"], done["carried"], done["gone"], done["orphans"]) == (1, 3, 1, 2, [])
    with Project.open(project) as opened:
        ids = ",".join(map(str, opened.objects().index))
    assert answer("correct", project, "--merge", ids)["objects"] == 1
    with Project.open(project) as opened:
        assert opened.label_counts() == {1: 1}


def test_corrections_that_wait_are_listed_taken_and_discarded(project: Path) -> None:
    labels = np.zeros((60, 80), np.int32)
    labels[30:50, 5:45] = 2
    for _ in range(2):
        with Project.open(project) as opened:
            write_draft(opened, 1, 0, labels, opened.objects().index.tolist())
        assert answer("correct", project, "--drafts", "list") == {"drafts": [{"image": "video", "frame": 0}]}
        done = answer("correct", project, "--drafts", "take" if labels.any() else "discard")
        assert done["objects"] == 1 if labels.any() else len(done["discarded"]) == 1
        labels[:] = 0
    with Project.open(project) as opened:
        assert opened.objects().index.tolist() == [2]


def test_a_correction_that_waits_is_taken_over_what_somebody_changed_since_where_that_is_said(project: Path) -> None:
    with Project.open(project) as opened:
        labels = opened.mask(1, 0).copy()
        labels[labels == 1] = 0
        write_draft(opened, 1, 0, labels, [1, 2])
        correct(opened, delete=[2])
    told = cellsynth("correct", project, "--drafts", "take", check=2).stderr
    assert "frame 0 of video" in told and "--drafts take --over" in told
    assert answer("correct", project, "--drafts", "take", "--over")["gone"] == 1
    with Project.open(project) as opened:
        np.testing.assert_array_equal(opened.mask(1, 0) > 0, labels > 0)
    assert answer("correct", project, "--drafts", "list") == {"drafts": []}


def test_label_images_become_the_objects_of_a_series_or_of_a_frame(project: Path, tmp_path: Path) -> None:
    masks = np.zeros((2, 60, 80), np.uint16)
    masks[0, 5:25, 5:45] = 900
    masks[1, 40:50, 40:50] = 3
    tifffile.imwrite(tmp_path / "masks.tif", masks, photometric="minisblack", metadata={"axes": "TYX"})
    done = answer("correct", project, "--masks", tmp_path / "masks.tif")
    assert (done["frames"], done["objects"], done["orphans"]) == (2, 2, [])
    tifffile.imwrite(tmp_path / "one.tif", masks[0])
    assert "Say which frame" in cellsynth("correct", project, "--masks", tmp_path / "one.tif", check=2).stderr
    assert answer("correct", project, "--masks", tmp_path / "one.tif", "--frame", 1, "--image", "video")["objects"] == 1
    with Project.open(project) as opened:
        assert opened.label_counts() == {0: 1, 1: 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["correct", "--split", "x"], "--split takes ID=N"),
        (["correct", "--merge", "1;2"], "no object ids"),
        (["correct"], "nothing to correct"),
        (["correct", "--delete", "1", "--over"], "--over says how drafts are taken"),
        (["correct", "--delete", "1", "--frame", "0"], "say where --masks belong"),
        (["segment", "--method", "nonsense"], "no segmentation method 'nonsense'"),
        (["segment", "--method", "cellpose", "--radius", "3"], "--radius is no option of cellpose"),
        (["segment", "--set", "diameter=3"], "for other methods than entropy"),
    ],
)
def test_a_wrong_correction_is_one_line(project: Path, arguments: list[str], words: str) -> None:
    verb, *rest = arguments
    assert words in cellsynth(verb, project, *rest, check=2).stderr


def test_moved_images_are_found_again_in_a_folder(project: Path, tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    (tmp_path / "video.tif").rename(tmp_path / "moved" / "video.tif")
    assert answer("info", project)["missing_images"] == 1
    assert answer("relink", project, tmp_path / "moved")["found"] == [str(tmp_path / "moved" / "video.tif")]
    (tmp_path / "moved" / "video.tif").rename(tmp_path / "again.tif")
    assert answer("relink", project, tmp_path / "again.tif", "--image", "video")["path"] == str(tmp_path / "again.tif")
    assert "no image 'x'" in cellsynth("relink", project, tmp_path, "--image", "x", check=2).stderr
