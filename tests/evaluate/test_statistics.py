from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

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


def test_the_corrected_t_test_equals_its_closed_form_and_is_less_sure_than_the_plain_one():
    # Mean .02, variance .0005, J = 5: t = .02 / sqrt((1/5 + 1/4) * .0005) = .02 / .015.
    differences = [-0.01, 0.01, 0.02, 0.03, 0.05]
    found = corrected_paired_t(differences, test_to_train=1 / 4)
    assert np.var(differences, ddof=1) == pytest.approx(0.0005)
    assert found.statistic == pytest.approx(0.02 / 0.015)
    assert found.p_value == pytest.approx(2 * stats.t.sf(4 / 3, 4))
    assert (found.low, found.high) == pytest.approx((0.02 - 2.7764 * 0.015, 0.02 + 2.7764 * 0.015), abs=1e-5)
    assert found.p_value > stats.ttest_1samp(differences, 0).pvalue
    # Without shared training crops it is the plain paired test.
    plain = corrected_paired_t(differences, test_to_train=1e-12)
    assert plain.p_value == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)


def test_equal_differences_are_certain_and_no_difference_is_none():
    assert corrected_paired_t([0.1, 0.1], test_to_train=0.5).p_value == 0
    assert corrected_paired_t([0.0, 0.0], test_to_train=0.5).p_value == 1
    with pytest.raises(UserError, match="two splits"):
        corrected_paired_t([0.1], test_to_train=0.5)


def test_holm_steps_down_from_the_smallest_p_value():
    # Holm 1979 by hand: .01*4, .02*3, max(.06, .03*2), max(.06, .04*1).
    assert holm([0.03, 0.01, 0.04, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([0.2]).tolist() == [0.2] and holm([]).tolist() == []
