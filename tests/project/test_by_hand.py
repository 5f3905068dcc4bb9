from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.by_hand import correct, take_masks, take_over

Mask = NDArray[np.int32]


def label_of(project: Project, object_id: int) -> int:
    return int(project.objects().loc[object_id, "class_id"])


def largest(project: Project) -> int:
    return int(project.objects(image_id=1, frame=0)["area"].idxmax())


@pytest.mark.parametrize("parts", [5, 100])
def test_a_parted_objects_label_goes_to_its_largest_part_however_many_parts(project: Project, parts: int) -> None:
    project.label([1], 2)
    [done] = correct(project, part={1: parts})
    new = project.objects(image_id=1, frame=0).drop(index=[2, 3, 4])
    assert (done.objects, done.new, done.gone, done.carried, done.orphans) == (parts + 3, parts, [1], 1, [])
    assert new["area"].sum() == 1200
    [labelled] = new.index[new["class_id"] == 2]
    assert new.loc[labelled, "area"] == new["area"].max()


def test_merged_objects_keep_the_label_that_one_of_them_has(project: Project) -> None:
    project.label([2], 1)
    [done] = correct(project, merge=[[1, 2]])
    assert (done.objects, done.gone, done.carried, done.orphans, done.in_pieces) == (3, [1, 2], 1, [], 1)
    assert label_of(project, largest(project)) == 1


def test_of_two_labels_that_merge_the_larger_objects_stays_and_the_other_is_listed(
    project: Project, mask: Mask
) -> None:
    grown = mask.copy()
    grown[5:45, 60:100] = 2
    take_over(project, 1, 0, grown)
    small, large = 1, largest(project)
    project.label([small], 1)
    project.label([large], 2)
    [done] = correct(project, merge=[[small, large]])
    assert label_of(project, largest(project)) == 2 and done.orphans == [small]
    assert "1 label could not be placed" in done.words()


def test_a_deleted_object_leaves_the_frame_and_its_label_is_listed(project: Project, mask: Mask) -> None:
    project.label([3], 1)
    [done] = correct(project, delete=[3])
    assert done.gone == [3] and done.orphans == [3] and 3 not in project.objects().index
    assert project.orphans().loc[3, "class_id"] == 1
    np.testing.assert_array_equal(project.mask(1, 0), np.where(mask == 3, 0, mask))


def test_the_frame_as_it_was_comes_back_with_ids_and_labels(project: Project, mask: Mask) -> None:
    project.label([1, 2], 1)
    project.label([3], 2)
    before = project.objects()
    correct(project, merge=[[1, 2]], part={3: 2}, delete=[4])
    assert not set(before.index) & set(project.objects().index)
    done = take_over(project, 1, 0, mask)
    after = project.objects()
    assert done.orphans == [] and len(project.orphans()) == 0
    columns = ["y0", "x0", "y1", "x1", "area", "class_id"]
    assert before[columns].equals(after[columns])


def test_an_untouched_object_keeps_its_prediction_and_a_parted_one_has_none(project: Project) -> None:
    run = project.new_run("classifier", "fast", {"training_objects": [[1, 1], [2, 2]]}, groups=["video"], seed=0)
    project.set_predictions(run.id, [1, 2], np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), [1, 2])
    [done] = correct(project, part={1: 2})
    assert list(project.predictions().index) == [2]
    assert done.learnt_from_by == [run.id] and run.id in done.words()
    # What a run has learned from can still be cut out, so that it can be resumed.
    assert project.crops([1], size=16, fit="window")[0].shape[0] == 1


def test_imported_boxes_stay_beside_what_is_drawn_and_can_be_deleted(project: Project, mask: Mask) -> None:
    import pandas as pd

    [box, other] = project.add_boxes(
        1, 1, pd.DataFrame([(0, 0, 9, 9), (20, 20, 40, 40)], columns=["y0", "x0", "y1", "x1"])
    )
    project.label([box], 2)
    take_over(project, 1, 1, np.where(mask == 4, 1, 0))
    assert len(project.objects(image_id=1, frame=1)) == 3 and label_of(project, box) == 2
    with pytest.raises(UserError, match="box without an outline"):
        correct(project, part={other: 2})
    correct(project, delete=[other])
    assert other not in project.objects().index and label_of(project, box) == 2


def test_a_frame_that_somebody_else_has_changed_is_not_overwritten(project: Project, mask: Mask) -> None:
    ids = project.objects(image_id=1, frame=0).index
    with Project.open(project.path) as other:
        correct(other, delete=[4])
    with pytest.raises(UserError, match="Somebody has changed"):
        take_over(project, 1, 0, mask, since=ids)
    assert len(project.objects()) == 3


def test_a_frame_without_objects_in_which_nothing_is_drawn_stays_unsegmented(project: Project, mask: Mask) -> None:
    take_over(project, 1, 2, np.zeros_like(mask))
    assert project.mask(1, 2) is None
    take_over(project, 1, 0, np.zeros_like(mask))
    assert project.mask(1, 0) is not None and len(project.objects()) == 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"merge": [[1]]}, "alone"),
        ({"merge": [[1, 1]]}, "named 2 times"),
        ({"merge": [[1, 2]], "delete": [2]}, "named 2 times"),
        ({"delete": [99]}, "no active object 99"),
        ({"part": {1: 1}}, "parted into 1"),
        ({"part": {1: 100_000}}, "parted into"),
        ({}, "nothing to correct"),
    ],
)
def test_a_correction_that_makes_no_sense_changes_nothing(project: Project, asked: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        correct(project, **asked)
    assert list(project.objects().index) == [1, 2, 3, 4]


def test_objects_of_two_frames_are_not_merged(project: Project, mask: Mask) -> None:
    take_over(project, 1, 1, mask)
    with pytest.raises(UserError, match="do not lie in one frame"):
        correct(project, merge=[[1, 5]])


def test_label_images_of_a_whole_series_become_its_objects(project: Project, mask: Mask, tmp_path: Path) -> None:
    project.label([1], 1)
    masks = np.stack([np.where(mask == 1, 8, 0), mask, np.zeros_like(mask)]).astype(np.uint16)
    done = list(take_masks(project, 1, masks))
    assert [each.objects for each in done] == [1, 4, 0] and label_of(project, 1) == 1
    with pytest.raises(UserError, match="2 frames, video has 3"):
        list(take_masks(project, 1, masks[:2]))
    with pytest.raises(UserError, match="Say which frame"):
        list(take_masks(project, 1, masks[0]))
    with pytest.raises(UserError, match="not 3"):
        list(take_masks(project, 1, masks[0], frame=3))
    assert next(take_masks(project, 1, masks[1], frame=2)).objects == 4


def test_a_read_only_project_says_so(project: Project, mask: Mask) -> None:
    with Project.open(project.path, read_only=True) as opened, pytest.raises(UserError, match="read-only"):
        correct(opened, delete=[1])
