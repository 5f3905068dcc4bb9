from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

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


def test_folds_that_all_differ_by_the_same_leave_no_doubt_and_one_fold_says_nothing():
    assert corrected_paired_t([0.0, 0.0, 0.0], 8, 2).p == 1.0
    assert corrected_paired_t([0.25, 0.25, 0.25], 8, 2).p == 0.0
    alone = corrected_paired_t([0.3], 8, 2)
    assert alone.mean == 0.3
    assert np.isnan(alone.p)


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
