from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from napari_cellsynth.evaluate.calibration import calibration_part, fit_temperature, tempered
from napari_cellsynth.evaluate.scores import expected_calibration_error


@pytest.fixture
def honest() -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the chance of the class, and classes drawn by that chance."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 5))
    p = softmax(logits, axis=1)
    return logits, (p.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)


def test_a_temperature_divides_the_logits(honest):
    logits, _ = honest
    np.testing.assert_allclose(tempered(softmax(logits, axis=1), 2.5), softmax(logits / 2.5, axis=1), atol=1e-9)


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_temperature_of_scaled_logits_recovers_the_scale(honest, scale):
    logits, y = honest
    base = fit_temperature(softmax(logits, axis=1), y)
    assert base == pytest.approx(1, abs=0.05)
    assert fit_temperature(softmax(scale * logits, axis=1), y) == pytest.approx(scale * base, rel=1e-3)


def test_calibration_lowers_the_calibration_error_of_new_objects_and_changes_no_answer(honest):
    logits, y = honest
    p = softmax(0.4 * logits, axis=1)
    better = tempered(p[2000:], fit_temperature(p[:2000], y[:2000]))
    assert expected_calibration_error(y[2000:], p[2000:]) > 0.1
    assert expected_calibration_error(y[2000:], better) < 0.03
    np.testing.assert_array_equal(better.argmax(axis=1), p[2000:].argmax(axis=1))


def test_answers_that_are_all_right_are_only_trusted_as_far_as_their_number_reaches():
    # Five of five right: Platt's target is 6 / 7, and p^(1/T) is there at T = log 9 / log 6.
    assert fit_temperature([[0.9, 0.1]] * 5, [0] * 5) == pytest.approx(np.log(9) / np.log(6), rel=1e-3)
    assert fit_temperature(np.zeros((0, 3)), []) == 1.0


def test_the_calibrating_part_is_a_tenth_in_whole_groups_that_leaves_every_class_three_quarters():
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 60, 2000)
    y = np.where(groups < 3, 2, rng.integers(0, 2, 2000))  # class 2 lives in three groups
    part = calibration_part(groups, y)
    assert 0.05 < part.mean() < 0.15
    assert not set(groups[part]) & set(groups[~part])
    for c in range(3):
        assert part[y == c].mean() <= 0.25
    np.testing.assert_array_equal(part, calibration_part(groups, y))


@pytest.mark.parametrize("groups", [np.zeros(900), np.arange(900) % 2, np.arange(100) % 20])
def test_one_group_two_groups_or_few_crops_give_nothing_up(groups):
    assert not calibration_part(groups, np.arange(len(groups)) % 2).any()
