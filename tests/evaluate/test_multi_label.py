"""Scores of several classes an object, held against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from napari_cellsynth.evaluate import multi_label, scores
from napari_cellsynth.evaluate.multi_label_summary import summarise_multi_label
from napari_cellsynth.evaluate.splits import grouped_folds, grouped_holdout

RNG = np.random.default_rng(0)
TRUE = RNG.integers(0, 2, (200, 4))
P = np.clip(0.5 + 0.35 * (TRUE - 0.5) + RNG.normal(0, 0.2, TRUE.shape), 0.01, 0.99)
THRESHOLDS = [0.5, 0.4, 0.6, 0.55]
PRED = np.asarray(P >= THRESHOLDS, int)


@pytest.mark.filterwarnings("ignore:Found 'n_quantiles'")
def test_the_summary_agrees_with_scikit_learn() -> None:
    found = summarise_multi_label(TRUE, P, list("abcd"), THRESHOLDS)
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(TRUE, PRED, average="macro"))
    assert found["micro_f1"] == pytest.approx(metrics.f1_score(TRUE, PRED, average="micro"))
    assert found["subset_accuracy"] == pytest.approx(metrics.accuracy_score(TRUE, PRED))
    assert found["hamming_loss"] == pytest.approx(metrics.hamming_loss(TRUE, PRED))
    assert found["label_accuracy"] == pytest.approx(1 - metrics.hamming_loss(TRUE, PRED))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(TRUE, P, average="macro"))
    assert found["log_loss"] == pytest.approx(np.mean([metrics.log_loss(TRUE[:, k], P[:, k]) for k in range(4)]))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(TRUE, PRED)
    by_class = found["per_class"]
    assert [row["PPV"] for row in by_class] == pytest.approx(precision)
    assert [row["TPR"] for row in by_class] == pytest.approx(recall)
    assert [row["F1"] for row in by_class] == pytest.approx(f1)
    assert [row["AUC"] for row in by_class] == pytest.approx(metrics.roc_auc_score(TRUE, P, average=None))
    counts = metrics.multilabel_confusion_matrix(TRUE, PRED)
    assert [[[row["TN"], row["FP"]], [row["FN"], row["TP"]]] for row in by_class] == counts.tolist()
    means = [metrics.balanced_accuracy_score(TRUE[:, k], PRED[:, k]) for k in range(4)]
    assert found["balanced_accuracy"] == pytest.approx(np.mean(means))
    # S1, equation 8: the harmonic mean of mean precision and mean recall.
    p, r = precision.mean(), recall.mean()
    assert found["macro_f1_of_means"] == pytest.approx(2 * p * r / (p + r))
    assert [row["threshold"] for row in by_class] == THRESHOLDS


def test_groups_give_intervals_around_the_figures() -> None:
    found = summarise_multi_label(TRUE, P, list("abcd"), THRESHOLDS, groups=np.arange(200) // 10, repeats=50)
    low, high = found["intervals"]["macro_f1"]
    assert low < found["macro_f1"] < high


def test_a_class_that_nobody_has_is_told_and_left_out_of_the_averages() -> None:
    true = TRUE.copy()
    true[:, 2] = 0
    p = np.where(np.arange(4) == 2, 0.0, P)
    found = summarise_multi_label(true, p, list("abcd"), THRESHOLDS)
    assert found["notices"] == ["No held-out object has c."]
    kept = [0, 1, 3]
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(true[:, kept], PRED[:, kept], average="macro"))
    assert found["per_class"][2]["AUC"] is None and found["per_class"][2]["TPR"] is None


@pytest.mark.slow
def test_thresholds_are_those_of_the_best_f1_of_all() -> None:
    chosen = multi_label.choose_thresholds(TRUE, P)
    for k, threshold in enumerate(chosen):
        best = max(metrics.f1_score(TRUE[:, k], P[:, k] >= t) for t in np.linspace(0.05, 0.95, 500))
        assert metrics.f1_score(TRUE[:, k], P[:, k] >= threshold) >= best - 1e-9


def test_a_class_with_few_crops_keeps_one_half() -> None:
    true = np.zeros((40, 2), int)
    true[:9, 0], true[:10, 1] = 1, 1
    p = np.where(true, 0.3, 0.1) + np.linspace(0, 0.01, 40)[:, None]
    assert multi_label.choose_thresholds(true, p)[0] == 0.5
    assert 0.11 < multi_label.choose_thresholds(true, p)[1] < 0.3
    assert multi_label.choose_thresholds(true[:0], p[:0]) == [0.5, 0.5]


def test_equally_good_thresholds_lie_nearest_to_one_half() -> None:
    true = np.repeat([[0], [1]], 10, axis=0)
    assert multi_label.choose_thresholds(true, np.where(true, 0.9, 0.2)) == [0.5]
    assert multi_label.choose_thresholds(true, np.where(true, 0.4, 0.2)) == pytest.approx([0.3])


def test_certainty_is_that_of_the_least_sure_answer() -> None:
    found = multi_label.certainty([[0.9, 0.2], [0.5, 0.5]])
    assert found.confidence.tolist() == pytest.approx([0.8, 0.5])
    assert found.entropy[1] == pytest.approx(1.0) and 0 < found.entropy[0] < 1
    assert found.margin.tolist() == pytest.approx([0.3, 0.0])


def test_folds_keep_groups_whole_and_spread_every_class() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(30), 8)
    rare = rng.random(240) < 0.06
    y = np.column_stack([rng.random(240) < 0.5, rare, rng.random(240) < 0.3])
    folds = grouped_folds(groups, y, 5, seed=1)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(240))
    shares = np.array([y[test].sum(axis=0) / y.sum(axis=0) for _, test in folds])
    assert all(not set(groups[train]) & set(groups[test]) for train, test in folds)
    assert np.abs(shares - 0.2).max() < 0.11
    held = grouped_holdout(groups, y, 0.2, seed=0)
    assert not set(groups[held]) & set(groups[~held])
    assert np.abs(y[held].sum(axis=0) / y.sum(axis=0) - 0.2).max() < 0.05


def test_accuracy_of_indicators_asks_for_all_classes() -> None:
    assert scores.accuracy([[1, 0], [1, 1]], [[1, 0], [1, 0]]) == 0.5
