from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from napari_cellsynth.project.carry import best_pairs, box_iou, candidates_of, mask_iou

Mask = NDArray[np.int32]


def segment(project: Project, mask: Mask, frame: int = 0) -> object:
    return project.set_objects(1, frame, boxes_of(mask), mask)


def test_objects_have_their_boxes_group_and_label(project: Project, mask: Mask) -> None:
    found = project.objects(image_id=1, frame=0)
    assert list(found.index) == [1, 2, 3, 4]
    assert list(found.loc[4, ["y0", "x0", "y1", "x1"]]) == [50, 60, 80, 100]
    assert tuple(found.loc[4, ["cy", "cx", "area", "mask_label"]]) == (64.5, 79.5, 1200, 4)
    assert tuple(found.loc[1, ["group", "split", "class_id", "source"]]) == ("video", "", 0, "")
    assert len(project.objects(frame=1)) == 0
    assert list(project.objects(frame=1).columns) == list(found.columns)
    np.testing.assert_array_equal(project.mask(1, 0), mask)
    assert project.mask(1, 1) is None


def test_the_same_mask_keeps_id_and_label(project: Project, mask: Mask) -> None:
    project.label([2], 1)
    renumbered = np.where(mask > 0, 5 - mask, 0).astype(np.int32)
    change = segment(project, renumbered)
    assert (change.kept, change.new, change.carried, change.orphans) == (4, 0, 0, [])
    assert list(project.objects()["mask_label"]) == [4, 3, 2, 1]
    assert project.objects().loc[2, "class_id"] == 1


def test_labels_are_carried_over_and_the_lost_are_listed(project: Project, mask: Mask) -> None:
    project.label([1, 2], 1)
    project.label([3], 2)
    fresh = np.zeros_like(mask)
    fresh[5:33, 5:45] = 1  # 1, a little smaller: carried.
    fresh[5:35, 60:70] = 2  # A quarter of 2: not the same object.
    fresh[50:80, 60:100] = 3  # 4 as it was.
    change = segment(project, fresh)
    assert (change.kept, change.new, change.carried, change.orphans) == (1, 2, 1, [2, 3])
    found = project.objects()
    assert dict(zip(found["mask_label"], found["class_id"], strict=True)) == {1: 1, 2: 0, 3: 0}
    assert found.loc[5, "source"] == "carried over"
    assert list(project.history(5)["source"]) == ["carried over"]
    assert list(project.orphans()["class_id"]) == [1, 2]
    assert sorted(project.objects(active=False).index) == [1, 2, 3]
    assert project.label_counts() == {0: 2, 1: 1}


def test_an_orphan_comes_back_with_its_label(project: Project, mask: Mask) -> None:
    project.label([1], 2)
    nothing = np.zeros_like(mask)
    assert segment(project, nothing).orphans == [1]
    np.testing.assert_array_equal(project.mask(1, 0), nothing)
    change = segment(project, mask)
    assert (change.kept, change.new, change.orphans) == (0, 4, [])
    assert list(project.objects()["class_id"]) == [2, 0, 0, 0]
    assert list(project.objects().index) == [1, 2, 3, 4]
    assert len(project.orphans()) == 0


def test_an_earlier_mask_comes_back_with_the_newest_label(project: Project, mask: Mask) -> None:
    project.label([1], 1)
    smaller = np.where(np.arange(mask.shape[0])[:, None] == 5, 0, mask).astype(np.int32)
    segment(project, smaller)
    heir = int(project.objects().index[project.objects()["class_id"] == 1][0])
    assert heir > 4
    project.label([heir], 2)
    segment(project, mask)
    assert project.objects().loc[1, "class_id"] == 2


def test_undo_follows_an_object_into_its_new_segmentation(project: Project, mask: Mask) -> None:
    project.label([1], 1)
    smaller = np.where(np.arange(mask.shape[0])[:, None] == 5, 0, mask).astype(np.int32)
    segment(project, smaller)
    [heir] = project.undo()
    assert heir > 4
    assert project.objects().loc[heir, "class_id"] == 0
    assert project.redo() == [heir]
    assert project.objects().loc[heir, "class_id"] == 1


def test_a_superseded_object_takes_no_label(project: Project, mask: Mask) -> None:
    segment(project, np.zeros_like(mask))
    with pytest.raises(UserError, match="segmented again"):
        project.label([1], 1)


def test_boxes_without_masks_carry_labels_by_their_boxes(project: Project) -> None:
    boxes = pd.DataFrame({"y0": [0, 40], "x0": [0, 40], "y1": [20, 60], "x1": [20, 60]})
    ids = project.add_boxes(1, 1, boxes)
    project.label(ids, 1)
    moved = boxes + np.array([[2, 2, 2, 2], [15, 15, 15, 15]])
    change = project.set_objects(1, 1, moved, None)
    assert (change.carried, change.orphans) == (1, [ids[1]])
    assert project.mask(1, 1) is None


@pytest.mark.parametrize("box", [(0, 0, 101, 10), (-1, 0, 10, 10), (5, 5, 5, 10), (5, 10, 10, 5)])
def test_a_box_outside_of_the_frame_is_refused(project: Project, box: tuple[int, ...]) -> None:
    boxes = pd.DataFrame([(0, 0, 9, 9), box], columns=["y0", "x0", "y1", "x1"])
    for put in (lambda: project.add_boxes(1, 1, boxes), lambda: project.set_objects(1, 1, boxes, None)):
        with pytest.raises(UserError, match="does not lie inside video"):
            put()
    assert len(project.objects()) == 4


def test_a_wrong_frame_or_mask_is_refused(project: Project, mask: Mask) -> None:
    with pytest.raises(UserError, match="frames 0 to 2, not 3"):
        segment(project, mask, frame=3)
    with pytest.raises(UserError, match="The mask is"):
        project.set_objects(1, 0, boxes_of(mask), mask[:50])
    with pytest.raises(UserError, match="no column x1"):
        project.add_boxes(1, 0, pd.DataFrame({"y0": [0], "x0": [0], "y1": [1]}))
    assert list(project.objects().index) == [1, 2, 3, 4]


def test_overlaps_are_those_of_scikit_learns_jaccard(mask: Mask) -> None:
    other = np.roll(mask, 7, axis=1)
    iou = mask_iou(mask, other, [1, 2, 3, 4], [1, 2, 3, 4])
    expected = [
        [((mask == a) & (other == b)).sum() / ((mask == a) | (other == b)).sum() for b in range(1, 5)]
        for a in range(1, 5)
    ]
    np.testing.assert_allclose(iou, expected)
    boxes = boxes_of(mask)[["y0", "x0", "y1", "x1"]].to_numpy(), boxes_of(other)[["y0", "x0", "y1", "x1"]].to_numpy()
    np.testing.assert_allclose(box_iou(*boxes)[0, 0], expected[0][0])


def test_pairs_are_one_to_one_and_the_best_first() -> None:
    iou = np.array([[0.6, 0.9, 0.0], [0.0, 0.8, 0.4], [0.0, 0.0, 0.5]])
    assert best_pairs(*candidates_of(iou, 0.5)) == {0: 1, 2: 2}
