from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import scores
from napari_cellsynth.evaluate.statistics import group_bootstrap
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
    assert found["n"] == 4 and found["accuracy"] == 0.75
    assert found["confusion"] == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert found["per_class"][2]["class"] == "c" and found["per_class"][2]["TPR"] is None
    assert found["notices"] == ["No held-out object of c: the averages are over the other classes."]
    low, high = found["intervals"]["accuracy"]
    assert low <= 0.75 <= high and found["groups_resampled"] == 3


def test_a_summary_of_one_group_has_no_interval_but_says_so():
    found = summarise([0, 1], [[1, 0], [0, 1]], ["a", "b"], groups=["x", "x"])
    assert found["intervals"] == {} and "one group" in found["notices"][0]
