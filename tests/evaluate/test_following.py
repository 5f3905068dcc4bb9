from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from napari_cellsynth.evaluate.following import matched, tracks, transition_counts


def test_objects_are_paired_with_the_greatest_overlap_in_all():
    rng = np.random.default_rng(0)
    for _ in range(20):
        iou = rng.random((5, 5)) * (rng.random((5, 5)) < 0.6)
        kept = np.where(iou >= 0.3, iou, 0)
        best = max(sum(kept[i, j] for i, j in enumerate(order)) for order in permutations(range(5)))
        pairs = matched(iou)
        assert sum(iou[i, j] for i, j in pairs) == pytest.approx(best)
        assert all(iou[i, j] >= 0.3 for i, j in pairs)
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)


def test_a_greedy_choice_would_lose_an_object():
    # The best single pair (0, 0) would leave 1 alone.
    assert matched([[0.6, 0.5], [0.55, 0.0]]).tolist() == [[0, 1], [1, 0]]


def test_nothing_overlaps_in_an_empty_frame():
    assert matched(np.zeros((0, 3))).shape == (0, 2)
    assert matched(np.zeros((2, 3))).shape == (0, 2)


def test_two_thousand_objects_that_barely_move_are_all_followed():
    iou = np.diag(np.full(2000, 0.9))
    assert (matched(iou) == np.arange(2000)[:, None]).all()


def test_a_track_ends_where_an_object_is_lost_and_a_new_one_begins():
    assert tracks([10, 11, 20, 21, 30], [(10, 21), (21, 30)]) == {10: 1, 11: 2, 20: 3, 21: 1, 30: 1}


def test_transitions_are_counted_from_row_to_row_and_unknown_classes_are_left_out():
    table = transition_counts([0, 0, 0, 1, -1], [0, 1, 1, -1, 0], ["Dense", "Spread"])
    assert table["count"].tolist() == [1, 2, 0, 0]
    assert table["share"].iloc[:2].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert table["share"].iloc[2:].isna().all()
