from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.label_help import (
    label_next,
    likely_mislabelled,
    out_of_fold_probabilities,
)


@pytest.fixture
def clusters() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of three classes far apart, their classes, and 12 groups."""
    rng = np.random.default_rng(0)
    y = np.arange(240) % 3
    return rng.normal(0, 1, (240, 4)) + 5 * np.eye(4)[y], y, rng.integers(0, 12, 240)


def test_labels_that_were_swapped_are_found_and_others_are_left_alone(clusters):
    x, y, groups = clusters
    swapped = np.array([4, 50, 99, 180, 233])
    wrong = y.copy()
    wrong[swapped] = (y[swapped] + 1) % 3
    found = likely_mislabelled(wrong, out_of_fold_probabilities(x, wrong, groups))
    # Confident learning lists what is surer than the average of its class: a part of them, and nothing else here.
    assert len(found) >= 3 and set(found.tolist()) <= set(swapped.tolist())


def test_probabilities_come_from_other_groups_alone(clusters):
    x, y, groups = clusters
    marked = np.column_stack([x, np.where(groups == 3, 100.0, 0.0)])
    marked[groups == 3, :4] = 0  # this group can only be known by its mark, which no other group teaches
    p = out_of_fold_probabilities(marked, np.where(groups == 3, 2, y % 2), groups)
    assert p.shape == (240, 3)
    np.testing.assert_allclose(p[groups == 3, 2], 0)  # class 2 is in no other group
    np.testing.assert_allclose(p.sum(axis=1), 1)
    with pytest.raises(UserError, match="two classes"):
        out_of_fold_probabilities(x, np.zeros(240, int), groups)


def test_what_to_label_next_is_unsure_diverse_and_a_fifth_random():
    rng = np.random.default_rng(3)
    sure = np.tile([0.99, 0.01], (150, 1))
    unsure = np.tile([0.51, 0.49], (50, 1))
    corners = rng.integers(0, 4, 50)
    x = np.concatenate([rng.normal(0, 0.1, (150, 2)), 10 * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])[corners]])
    found = label_next(np.concatenate([sure, unsure]), x, 10, seed=1)
    assert len({each.position for each in found}) == 10
    chosen = [each.position for each in found if not each.is_random]
    assert len(chosen) == 8 and min(chosen) >= 150
    assert set(corners[np.array(chosen) - 150]) == {0, 1, 2, 3}
    drawn = [
        each.position
        for seed in range(20)
        for each in label_next(np.concatenate([sure, unsure]), x, 10, seed=seed)
        if each.is_random
    ]
    assert len(drawn) == 40 and 0.5 < np.mean(np.array(drawn) < 150) < 0.95  # random means from all: 3 in 4 are sure


def test_fewer_objects_than_asked_are_all_returned_once():
    found = label_next(np.full((3, 2), 0.5), np.zeros((3, 2)), 10)
    assert sorted(each.position for each in found) == [0, 1, 2]
    assert label_next(np.zeros((0, 2)), np.zeros((0, 2)), 10) == []
