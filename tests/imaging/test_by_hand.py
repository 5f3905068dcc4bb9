from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import disk
from skimage.measure import label as connected

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.by_hand import as_instances, in_pieces, part_along, part_into


def blob(*centres: tuple[int, int], radius: int = 12, shape: tuple[int, int] = (60, 100)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for centre in centres:
        mask[disk(centre, radius, shape=shape)] = True
    return mask


def test_two_overlapping_disks_are_parted_at_their_waist() -> None:
    mask = blob((30, 30), (30, 50))
    parts = part_into(mask, 2)
    assert set(np.unique(parts)) == {0, 1, 2} and np.array_equal(parts > 0, mask)
    left, right = parts[30, 25], parts[30, 55]
    assert left != right
    # The waist of two equal disks is the line halfway between their centres.
    assert parts[30, 39] == left and parts[30, 41] == right


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_a_disk_without_a_waist_still_falls_into_as_many_parts_as_are_asked_for(count: int) -> None:
    mask = blob((30, 50), radius=20)
    parts = part_into(mask, count)
    sizes = np.bincount(parts.ravel())[1:]
    assert len(sizes) == count and sizes.sum() == mask.sum() and sizes.min() > mask.sum() / count / 3


def test_of_three_disks_in_a_row_two_parts_are_two_and_three_are_the_disks() -> None:
    mask = blob((30, 20), (30, 42), (30, 64))
    assert int(part_into(mask, 2).max()) == 2
    parts = part_into(mask, 3)
    assert len({parts[30, 18], parts[30, 42], parts[30, 66]}) == 3


def test_an_object_at_the_frames_border_is_parted() -> None:
    mask = np.zeros((40, 60), bool)
    mask[0:10, 0:60] = True
    assert set(np.unique(part_into(mask, 4))) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("count", [1, 0, 101])
def test_a_senseless_number_of_parts_is_refused(count: int) -> None:
    with pytest.raises(UserError, match="parted into"):
        part_into(np.ones((20, 20), bool), count)


def test_three_pixels_are_three_parts_and_not_four() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 1:4] = True
    assert sorted(part_into(mask, 3)[2, 1:4]) == [1, 2, 3]
    with pytest.raises(UserError, match="3 px"):
        part_into(mask, 4)


@pytest.mark.parametrize(
    "points", [[(20, 0), (20, 99)], [(0, 0), (59, 99)], [(59, 10), (0, 80)], [(-50, 50), (99, 51)]]
)
def test_a_line_across_parts_an_object_and_loses_no_pixel(points: list[tuple[int, int]]) -> None:
    labels = np.zeros((60, 100), np.int32)
    labels[10:50, 20:80] = 7
    [(number, parts)] = part_along(labels, np.array(points)).items()
    assert number == 7 and set(np.unique(parts)) == {0, 1, 2}
    assert np.array_equal(parts > 0, labels > 0)
    assert all(connected(parts == part, connectivity=2).max() == 1 for part in (1, 2))
    assert (parts == 1).sum() >= (parts == 2).sum()


def test_a_line_that_ends_inside_parts_nothing() -> None:
    labels = np.zeros((60, 100), np.int32)
    labels[10:50, 20:80] = 7
    assert part_along(labels, np.array([(30, 0), (30, 50)])) == {}
    assert part_along(labels, np.array([(2, 0), (2, 99)])) == {}


def test_one_line_parts_all_objects_that_it_crosses() -> None:
    labels = np.zeros((60, 100), np.int32)
    labels[10:50, 10:30] = 3
    labels[10:50, 60:90] = 9
    labels[0:5, 0:5] = 4
    assert set(part_along(labels, np.array([(30, 0), (30, 99)]))) == {3, 9}


def test_a_freehand_line_leaves_no_crumbs() -> None:
    labels = np.zeros((60, 100), np.int32)
    labels[10:50, 20:80] = 1
    zigzag = np.array([(30 + (-1) ** i, x) for i, x in enumerate(range(0, 100, 2))])
    assert int(part_along(labels, zigzag)[1].max()) == 2


def test_an_object_in_two_pieces_is_parted_only_where_the_line_cuts() -> None:
    labels = np.zeros((60, 100), np.int32)
    labels[10:50, 10:30] = 1
    labels[10:50, 60:90] = 1
    assert int(part_along(labels, np.array([(30, 0), (30, 40)]))[1].max()) == 3
    assert in_pieces(labels) == [1]


def test_whole_floats_and_axes_of_one_are_taken() -> None:
    values = np.zeros((1, 4, 5), np.float64)
    values[0, 1, 1] = 3
    taken = as_instances(values, (4, 5))
    assert taken.dtype == np.int32 and taken[1, 1] == 3


def test_a_binary_mask_is_taken_apart_into_connected_objects() -> None:
    mask = np.zeros((10, 10), bool)
    mask[1:3, 1:3] = mask[6:8, 6:8] = True
    assert as_instances(mask, (10, 10)).max() == 2


def test_enormous_numbers_are_numbered_anew() -> None:
    values = np.zeros((4, 4), np.uint64)
    values[0, 0], values[3, 3] = 2**63, 5
    assert as_instances(values, (4, 4))[[0, 3], [0, 3]].tolist() == [2, 1]
    assert sorted(np.unique(as_instances(values + np.uint64(7), (4, 4)))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((4, 5)), "4 × 5, the frame 4 × 4"),
        (np.zeros((2, 4, 4)), "2 × 4 × 4"),
        (np.full((4, 4), -1), "negative"),
        (np.full((4, 4), 0.5), "broken"),
        (np.full((4, 4), np.nan), "broken"),
        (np.full((4, 4), "a"), "not whole numbers"),
        (np.zeros((4, 4), complex), "not whole numbers"),
    ],
)
def test_what_is_no_label_image_of_the_frame_is_refused_in_one_line(values: np.ndarray, words: str) -> None:
    with pytest.raises(UserError, match=words):
        as_instances(values, (4, 4))
