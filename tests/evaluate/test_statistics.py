from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, ttest_1samp

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import scores
from napari_cellsynth.evaluate.statistics import corrected_paired_t, group_bootstrap, holm
from napari_cellsynth.evaluate.summary import summarise


def test_with_single_object_groups_the_interval_is_that_of_a_proportion():
    values = np.repeat([0.0, 1.0], [60, 140])
    found = group_bootstrap(np.mean, values, groups=np.arange(200), repeats=4000)
    half = 1.96 * np.sqrt(0.7 * 0.3 / 200)
    assert found.estimate == pytest.approx(0.7)
    assert found.low == pytest.approx(0.7 - half, abs=0.01)
    assert found.high == pytest.approx(0.7 + half, abs=0.01)


def test_copies_within_groups_do_not_narrow_the_interval():
    values = np.repeat([0.0, 1.0], [6, 14])
    once = group_bootstrap(np.mean, values, groups=np.arange(20), seed=5)
    copied = group_bootstrap(np.mean, np.repeat(values, 50), groups=np.repeat(np.arange(20), 50), seed=5)
    assert copied == pytest.approx(once)


def test_the_seed_fixes_the_interval_and_several_arrays_are_resampled_together():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    groups = rng.integers(0, 9, 90)
    first = group_bootstrap(scores.accuracy, y, y, groups=groups, seed=1)
    assert first == (1.0, 1.0, 1.0)
    noisy = rng.permutation(y)
    assert group_bootstrap(scores.accuracy, y, noisy, groups=groups, seed=1) == group_bootstrap(
        scores.accuracy, y, noisy, groups=groups, seed=1
    )


def test_one_group_gives_no_interval_and_no_objects_are_refused():
    found = group_bootstrap(np.mean, [0.0, 1.0], groups=["a", "a"])
    assert found.estimate == 0.5 and np.isnan(found.low) and np.isnan(found.high)
    with pytest.raises(UserError):
        group_bootstrap(np.mean, [], groups=[])


def test_a_summary_is_plain_json_and_says_what_is_missing():
    import json

    p = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    found = summarise([0, 1, 1, 1], p, ["a", "b", "c"], groups=["x", "x", "y", "z"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert len(found["roc"]) == 3 and found["roc"][2] == {"fpr": [], "tpr": []}
    assert found["reliability"]["crops"] == [2, 2]
    assert found["answered"]["share"][0] == 1 and found["answered"]["share"][70] == 0.5
    assert found["n"] == 4 and found["accuracy"] == 0.75
    assert found["confusion"] == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert found["per_class"][2]["class"] == "c" and found["per_class"][2]["TPR"] is None
    assert found["notices"] == ["No held-out object of c: the averages are over the other classes."]
    low, high = found["intervals"]["accuracy"]
    assert low <= 0.75 <= high and found["groups_resampled"] == 3


def test_a_summary_of_one_group_has_no_interval_but_says_so():
    found = summarise([0, 1], [[1, 0], [0, 1]], ["a", "b"], groups=["x", "x"])
    assert found["intervals"] == {} and "one group" in found["notices"][0]


def test_without_shared_training_objects_the_corrected_t_is_scipys():
    d = np.random.default_rng(3).normal(0.02, 0.05, 7)
    found, expected = corrected_paired_t(d, n_train=1e12, n_test=1), ttest_1samp(d, 0)
    assert (found.t, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_the_correction_widens_the_error_as_nadeau_and_bengio_say():
    d = [0.01, 0.03, -0.01, 0.02, 0.05]
    found = corrected_paired_t(d, n_train=80, n_test=20)
    # Ten times five folds would give 1/5 + 1/4 instead of 1/5 under the root.
    assert found.standard_error == pytest.approx(np.sqrt((1 / 5 + 20 / 80) * np.var(d, ddof=1)))
    assert found.mean == pytest.approx(0.02)


def test_the_corrected_t_refuses_what_is_no_experiment():
    with pytest.raises(ValueError, match="one number a fold"):
        corrected_paired_t([], 8, 2)
    with pytest.raises(ValueError, match="positive"):
        corrected_paired_t([0.1, 0.2], 0, 2)


def test_holms_values_are_those_worked_out_by_hand():
    # Sorted .005 .01 .03 .04: times 4, 3, 2, 1 gives .02 .03 .06 .04, and none may be below the one before.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, 0.9]), [1.0, 1.0])
    np.testing.assert_allclose(holm([0.04, np.nan]), [0.04, np.nan])
    assert holm([]).shape == (0,)


def test_the_defaults_are_95_percent_of_1000_resamples_of_seed_0():
    values = np.random.default_rng(1).normal(size=30)
    groups = np.repeat(np.arange(10), 3)
    default = group_bootstrap(np.mean, values, groups=groups)
    assert default == group_bootstrap(np.mean, values, groups=groups, repeats=1000, level=0.95, seed=0)
    assert default != group_bootstrap(np.mean, values, groups=groups, seed=1)


def test_a_lower_level_gives_the_narrower_normal_interval():
    values = np.repeat([0.0, 1.0], [80, 120])
    found = group_bootstrap(np.mean, values, groups=np.arange(200), repeats=4000, level=0.5)
    half = norm.ppf(0.75) * np.sqrt(0.6 * 0.4 / 200)
    assert (found.low, found.high) == pytest.approx((0.6 - half, 0.6 + half), abs=0.005)


def test_groups_are_resampled_whole_even_where_their_objects_lie_apart():
    # Two groups of means 0 and 1: a resample has the mean 0, 1/2 or 1, and each bound is one of them.
    values, groups = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0]), np.array(["x", "y"] * 3)
    seen = set()
    group_bootstrap(lambda v: seen.add(float(np.mean(v))) or 0.0, values, groups=groups, repeats=50)
    assert seen == {0.0, 0.5, 1.0}


def test_resamples_without_an_answer_are_left_out_and_without_any_there_is_no_interval():
    def share_of_ones(y):
        return float(np.mean(y)) if y.any() else float("nan")

    found = group_bootstrap(share_of_ones, [1.0, 0.0, 0.0], groups=["a", "b", "c"], repeats=300)
    assert found.estimate == pytest.approx(1 / 3)
    assert found.low == pytest.approx(1 / 3) and found.high == pytest.approx(1.0)
    never = iter([0.5])
    nothing = group_bootstrap(lambda y: next(never, float("nan")), [1.0, 0.0], groups=["a", "b"], repeats=5)
    assert nothing.estimate == 0.5 and np.isnan(nothing.low) and np.isnan(nothing.high)


def test_an_array_of_another_length_is_refused():
    with pytest.raises(ValueError, match="every array"):
        group_bootstrap(np.mean, [1.0, 2.0], groups=["a", "b", "c"])


def test_another_level_gives_scipys_interval_and_two_folds_are_enough():
    d = np.array([0.1, -0.3])
    found, expected = corrected_paired_t(d, 1e12, 1, level=0.8), ttest_1samp(d, 0)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.8)))
    assert found.p == pytest.approx(expected.pvalue) and found.t < 0


def test_one_training_object_and_one_tested_are_enough():
    # The variance of 0.1 and 0.3 is 0.02.
    assert corrected_paired_t([0.1, 0.3], 1, 1).standard_error == pytest.approx(np.sqrt((1 / 2 + 1) * 0.02))


def test_folds_that_all_differ_by_the_same_are_no_certainty_but_say_nothing():
    # 3 (0.1 + 0.2 - 0.3) is not quite 0: rounding is no spread either.
    for d in [[0.25] * 4, [-0.25] * 2, [0.0] * 3, [0.3, 0.1 + 0.2]]:
        mean, error, *rest = corrected_paired_t(d, 8, 2)
        assert mean == pytest.approx(d[0]) and error == 0
        assert np.isnan(rest).all() and len(rest) == 4
    assert corrected_paired_t([0.25, 0.2501], 8, 2).p < 0.05


def test_one_fold_has_a_mean_and_nothing_else():
    mean, *rest = corrected_paired_t([0.3], 8, 2)
    assert mean == 0.3 and np.isnan(rest).all() and len(rest) == 5


def test_no_number_of_objects_may_be_zero_and_differences_are_a_row():
    for n_train, n_test in [(8, 0), (0, 2), (-1, 2)]:
        with pytest.raises(ValueError, match="must be positive"):
            corrected_paired_t([0.1, 0.2], n_train, n_test)
    with pytest.raises(ValueError, match="one number a fold"):
        corrected_paired_t([[0.1, 0.2]], 8, 2)


def test_an_unanswered_question_amid_others_does_not_count():
    # Three questions are asked: .01 times 3, .02 times 2, .5 times 1.
    np.testing.assert_allclose(holm([np.nan, 0.5, 0.01, np.nan, 0.02]), [np.nan, 0.5, 0.03, np.nan, 0.04])


def test_single_precision_is_reckoned_with_in_double_and_null_is_no_answer():
    d = np.array([0.1, 0.3, 0.2], np.float32)
    assert corrected_paired_t(d, 80, 20) == corrected_paired_t(d.astype(np.float64), 80, 20)
    np.testing.assert_allclose(holm([0.04, None]), [0.04, np.nan])
