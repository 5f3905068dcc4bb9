from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.splits import LeakError, assert_no_leak, grouped_folds, grouped_holdout


@pytest.fixture
def videos() -> tuple[np.ndarray, np.ndarray]:
    """30 videos of 3 to 19 cells; class 2 is rare."""
    rng = np.random.default_rng(3)
    groups = np.repeat([f"video {i:02d}" for i in range(30)], rng.integers(3, 20, 30))
    return groups, rng.choice(3, len(groups), p=[0.6, 0.32, 0.08])


def test_folds_test_every_object_once_and_never_split_a_group(videos):
    groups, y = videos
    folds = grouped_folds(groups, y, 5, seed=1)
    assert np.array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(len(y)))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(len(y)))


def test_folds_depend_on_the_seed_alone(videos):
    groups, y = videos
    tests = [[t.tolist() for _, t in grouped_folds(groups, y, 4, seed=s)] for s in (1, 1, 2)]
    assert tests[0] == tests[1] != tests[2]


def test_a_class_with_fewer_objects_than_folds_is_no_obstacle():
    groups = np.arange(20)
    y = np.array([0] * 18 + [1] * 2)
    assert len(grouped_folds(groups, y, 5)) == 5


def test_too_few_groups_or_objects_for_the_folds_are_refused():
    with pytest.raises(UserError, match="2 groups cannot be split into 3 folds"):
        grouped_folds(["a", "a", "b", "b"], [0, 1, 0, 1], 3)
    with pytest.raises(UserError, match="No class has 3 objects"):
        grouped_folds(["a", "b", "c"], [0, 1, 2], 3)
    with pytest.raises(UserError, match="at least 2 folds"):
        grouped_folds(["a", "b"], [0, 0], 1)
    with pytest.raises(UserError, match="no labelled object"):
        grouped_folds([], [], 2)


def test_the_held_out_part_has_whole_groups_and_every_class_at_about_the_fraction(videos):
    groups, y = videos
    held = grouped_holdout(groups, y, 0.25, seed=0)
    assert not set(groups[held]) & set(groups[~held])
    assert 0.2 < held.mean() < 0.3
    for c in range(3):
        assert 0.15 < held[y == c].mean() < 0.35
    assert np.array_equal(held, grouped_holdout(groups, y, 0.25, seed=0))


def test_no_class_is_held_out_whole_and_each_in_two_groups_is_tested():
    groups = ["a", "a", "b", "b", "c", "c", "d"]
    y = [0, 1, 0, 1, 0, 2, 1]
    for seed, fraction in itertools.product(range(10), (0.4, 0.8)):
        held = grouped_holdout(groups, y, fraction, seed=seed)
        left = {label for label, out in zip(y, held, strict=True) if not out}
        tested = {label for label, out in zip(y, held, strict=True) if out}
        assert left == {0, 1, 2}
        assert {0, 1} <= tested


def test_two_even_groups_are_split_one_to_one():
    held = grouped_holdout(["a"] * 5 + ["b"] * 5, [0, 1, 0, 1, 0] * 2, 0.25)
    assert held.sum() == 5


def test_a_holdout_that_cannot_be_is_refused_in_words():
    with pytest.raises(UserError, match="one group"):
        grouped_holdout(["a", "a"], [0, 1])
    with pytest.raises(UserError, match="only one of some class"):
        grouped_holdout(["a", "b"], [0, 1])
    with pytest.raises(UserError, match="between 0 and 1"):
        grouped_holdout(["a", "b"], [0, 0], 1.0)


def test_a_shared_group_is_a_leak_and_is_named():
    assert_no_leak(["a", "b"], ["c"])
    with pytest.raises(LeakError, match="Group b is in the training"):
        assert_no_leak(["a", "b", "b"], ["b", "c"])
