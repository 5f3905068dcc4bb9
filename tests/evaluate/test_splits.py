from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import splits
from napari_cellsynth.evaluate.splits import LeakError, assert_no_leak, group_counts, grouped_folds, grouped_holdout


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


def test_of_many_shared_groups_three_are_named_and_the_rest_counted():
    with pytest.raises(LeakError, match=r"^Group a, b, c and 2 more is in"):
        assert_no_leak("edcba", "abcde")
    with pytest.raises(LeakError, match=r"^Group a, b, c and 1 more is in"):
        assert_no_leak("dcba", "abcd")
    with pytest.raises(LeakError, match=r"^Group a, b, c is in"):
        assert_no_leak("cba", "abcx")


def test_the_smallest_cases_that_can_be_split_are_split():
    folds = grouped_folds(["a", "b"], [0, 0], 2)
    assert sorted(test.tolist() for _, test in folds) == [[0], [1]]
    assert len(grouped_folds(np.arange(5), np.zeros(5))) == 5
    held = grouped_holdout(["a", "b", "b"], [0, 0, 0], 0.34)
    assert held.tolist() == [True, False, False]


def test_folds_of_single_classes_are_those_of_scikit_learn(videos):
    groups, y = videos
    for k, seed in [(5, 0), (3, 7)]:
        expected = StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(np.zeros((len(y), 1)), y, groups)
        for (train, test), (train_there, test_there) in zip(grouped_folds(groups, y, k, seed), expected, strict=True):
            assert train.dtype == test.dtype == np.int64
            assert np.array_equal(train, train_there) and np.array_equal(test, test_there)
    default = grouped_folds(groups, y)
    assert [t.tolist() for _, t in default] == [t.tolist() for _, t in grouped_folds(groups, y, 5, seed=0)]


def test_objects_are_counted_by_group_and_class():
    groups = np.array([0, 2, 2, 0, 2])
    np.testing.assert_array_equal(group_counts(groups, ["b", "a", "b", "b", "b"]), [[0, 2], [0, 0], [1, 2]])
    sets = [[1, 0, 1], [0, 0, 1], [1, 0, 0], [1, 0, 0], [1, 0, 1]]
    np.testing.assert_array_equal(group_counts(groups, sets), [[2, 1], [0, 0], [2, 2]])
    assert group_counts(np.array([], np.int64), []).shape == (0, 0)


def test_groups_with_sets_of_classes_are_dealt_out_evenly():
    # Two groups of each kind and two folds: one of each kind a fold, whatever the shuffling.
    kinds = [[1, 0], [0, 1], [1, 1]]
    groups, sets = [], []
    for group in range(6):
        groups += [group] * (4 + 2 * (group % 3))
        sets += [kinds[group % 3]] * (4 + 2 * (group % 3))
    for seed in range(5):
        for train, test in grouped_folds(groups, sets, 2, seed):
            assert {group % 3 for group in np.array(groups)[test]} == {0, 1, 2} and len(test) == 18
            assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(36))
    dealt = {tuple(grouped_folds(groups, sets, 2, seed)[0][1]) for seed in range(8)}
    assert len(dealt) > 1, "the seed shuffles"


def test_the_largest_groups_are_dealt_out_first():
    # 8, 5, 4 and 3 objects of one kind: 8 + 3 against 5 + 4, then 9; the smallest first would give 8 + 4 against 5 + 3.
    groups = np.repeat(["p", "q", "r", "s"], [8, 5, 4, 3])
    for seed in range(6):
        parts = [frozenset(groups[test]) for _, test in grouped_folds(groups, np.ones((20, 1), int), 2, seed)]
        assert set(parts) == {frozenset("ps"), frozenset("qr")}


def best_loss(groups, y, fraction):
    """The least squared distance of the held-out shares of classes and objects from the fraction, of all choices."""
    names, losses = sorted(set(groups)), {}
    for count in range(1, len(names)):
        for chosen in itertools.combinations(names, count):
            held = np.isin(groups, chosen)
            if all((~held)[y == c].any() for c in set(y)):
                losses[chosen] = distance(held, y, fraction)
    return min(losses.values())


def distance(held, y, fraction):
    return sum((held[y == c].mean() - fraction) ** 2 for c in set(y)) + (held.mean() - fraction) ** 2


@pytest.mark.parametrize("fraction", [0.2, 0.35, 0.5])
def test_no_other_choice_of_a_few_groups_is_nearer_to_the_fraction(fraction):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        groups = np.repeat(list("abcdefg"), rng.integers(2, 12, 7))
        y = rng.choice(2, len(groups), p=[0.7, 0.3])
        held = grouped_holdout(groups, y, fraction, seed=seed)
        assert distance(held, y, fraction) == pytest.approx(best_loss(groups, y, fraction))


def test_a_quarter_is_held_out_and_seed_0_shuffles_unless_told(videos):
    assert np.array_equal(grouped_holdout(*videos), grouped_holdout(*videos, 0.25, 0))
    assert not np.array_equal(grouped_holdout(*videos), grouped_holdout(*videos, 0.25, 1))


def test_where_every_group_is_too_large_the_smallest_is_held_out_that_takes_no_class_whole():
    groups = np.repeat(["large", "small", "middle"], [9, 5, 7])
    assert set(groups[grouped_holdout(groups, np.zeros(21, int), 0.01)]) == {"small"}
    alone = np.where(groups == "small", 1, 0)
    assert set(groups[grouped_holdout(groups, alone, 0.01)]) == {"middle"}


def test_lengths_that_do_not_match_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="3 groups do not go with 2 classes"):
        grouped_folds(["a", "b", "c"], [0, 1], 2)
    with pytest.raises(UserError, match="between 0 and 1"):
        grouped_holdout(["a", "b"], [0, 0], 0.0)


def test_a_rare_class_in_two_groups_is_tested_even_where_the_shares_alone_say_no():
    # Ten groups of ten; one object of class 1 in each of the first two. At a fraction of 0.24 two groups without
    # class 1 are nearer (0.0032 + 0.24²) than two with half of it (0.0032 + 0.26²).
    groups = np.repeat(np.arange(10), 10)
    y = np.zeros(100, int)
    y[[0, 10]] = 1
    for seed in range(5):
        held = grouped_holdout(groups, y, 0.24, seed)
        assert y[held].sum() == 1 and held.sum() == 20


def test_with_very_many_groups_fewer_orders_are_tried(monkeypatch):
    monkeypatch.setattr(splits, "_WORK", 50)
    held = grouped_holdout(np.arange(20), np.zeros(20, int), 0.25)
    assert held.sum() == 5


def test_groups_that_share_a_rare_class_come_into_different_folds():
    # By size alone 8 would stand against 4 and 4, and all of class 1 in one fold.
    groups = np.repeat(["large", "one", "two"], [8, 4, 4])
    sets = np.column_stack([np.ones(16, int), np.zeros(16, int)])
    sets[[8, 12], 1] = 1
    for seed in range(6):
        folds = grouped_folds(groups, sets, 2, seed)
        assert [sets[test, 1].sum() for _, test in folds] == [1, 1]
        for (train, test), (again, tested) in zip(folds, grouped_folds(groups, sets, 2, seed), strict=True):
            assert np.array_equal(train, again) and np.array_equal(test, tested)


def test_of_several_classes_an_object_one_must_have_an_object_for_each_fold():
    with pytest.raises(UserError, match="No class has 3 objects"):
        grouped_folds(["a", "b", "c"], [[1, 0], [0, 1], [1, 0]], 3)
    assert len(grouped_folds(["a", "b", "c"], [[1, 0], [1, 1], [1, 0]], 3)) == 3
