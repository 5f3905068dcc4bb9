from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy import stats
from sklearn.calibration import calibration_curve

from napari_cellsynth.evaluate import score_curves, scores


def test_the_roc_curve_is_scikit_learns_with_ties_and_its_area_is_ours():
    rng = np.random.default_rng(0)
    truth, score = rng.random(200) < 0.3, rng.integers(0, 12, 200) / 12
    fpr, tpr, _ = sk.roc_curve(truth, score, drop_intermediate=False)
    ours = score_curves.roc_curve(truth, score)
    np.testing.assert_allclose(ours.fpr, fpr)
    np.testing.assert_allclose(ours.tpr, tpr)
    assert sk.auc(ours.fpr, ours.tpr) == pytest.approx(scores.roc_auc(truth.astype(int), score))


def test_a_thinned_roc_curve_keeps_its_ends_and_one_class_alone_has_none():
    rng = np.random.default_rng(1)
    thin = score_curves.roc_curve(rng.random(900) < 0.5, rng.random(900), points=20)
    assert len(thin.fpr) <= 20 and (thin.fpr[0], thin.tpr[-1]) == (0, 1)
    assert len(score_curves.roc_curve([True, True], [0.1, 0.2]).fpr) == 0


def test_the_calibration_curve_equals_scikit_learns_and_gives_the_calibration_error():
    rng = np.random.default_rng(2)
    p = rng.random(500) * 0.5 + 0.5
    true = (rng.random(500) < 0.7).astype(int)
    both = np.column_stack([1 - p, p])
    theirs = calibration_curve(true, p, n_bins=10)
    ours = score_curves.reliability(true, both, bins=10)
    np.testing.assert_allclose(ours.accuracy, theirs[0])
    np.testing.assert_allclose(ours.confidence, theirs[1])
    error = np.sum(ours.crops * np.abs(ours.confidence - ours.accuracy)) / 500
    assert error == pytest.approx(scores.expected_calibration_error(true, both, bins=10))


def test_withholding_unsure_answers_trades_answers_for_accuracy():
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.45, 0.55], [0.2, 0.8]])
    true = [0, 1, 0, 1]
    assert score_curves.answered(true, p, 0.0) == (1.0, 0.5)
    assert score_curves.answered(true, p, 0.6) == (0.75, pytest.approx(2 / 3))
    assert score_curves.answered(true, p, 0.8) == (0.5, 1.0)
    share, accuracy = score_curves.answered(true, p, 0.95)
    assert share == 0 and np.isnan(accuracy)


def test_entropy_is_relative_to_ignorance_and_the_margin_is_to_the_second_class():
    p = np.array([[1.0, 0, 0, 0], [0.25] * 4, [0.5, 0.3, 0.2, 0]])
    np.testing.assert_allclose(score_curves.entropy(p), [0, 1, stats.entropy(p[2]) / np.log(4)], atol=1e-12)
    np.testing.assert_allclose(score_curves.margin(p), [1, 0, 0.2])
