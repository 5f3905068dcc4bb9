from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from sklearn.exceptions import UndefinedMetricWarning

from napari_cellsynth.evaluate import scores


@pytest.fixture
def guesses() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 300)
    p = rng.dirichlet(np.ones(4), 300) + 0.6 * np.eye(4)[true] * rng.random((300, 1))
    p /= p.sum(axis=1, keepdims=True)
    return true, p.argmax(axis=1), p


def test_confusion_equals_scikit_learn_also_with_names_and_a_given_order(guesses):
    true, pred, _ = guesses
    names = np.array(["spread", "dense", "debris", "other"])
    order = ["other", "debris", "dense", "spread", "absent"]
    assert np.array_equal(scores.confusion(true, pred), sk.confusion_matrix(true, pred))
    ours = scores.confusion(names[true], names[pred], order)
    assert np.array_equal(ours, sk.confusion_matrix(names[true], names[pred], labels=order))


def test_rates_of_a_class_come_from_its_four_counts():
    # Class 1 against the rest: 3 hits, 1 false alarm, 2 misses, 4 right refusals.
    true = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    pred = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    row = scores.per_class(true, pred).loc[1]
    assert row["TPR"] == pytest.approx(3 / 5)
    assert row["TNR"] == pytest.approx(4 / 5)
    assert row["PPV"] == pytest.approx(3 / 4)
    assert row["NPV"] == pytest.approx(4 / 6)
    assert row["F1"] == pytest.approx(6 / 9)
    assert row["accuracy"] == pytest.approx(7 / 10)
    assert row["harmonic_TPR_TNR"] == pytest.approx(2 / (5 / 3 + 5 / 4))  # what S4 calls F1
    assert (row["true"], row["predicted"]) == (5, 4)


def test_a_rate_without_a_denominator_is_nan_and_not_zero():
    table = scores.per_class([0, 0, 1], [0, 0, 0], labels=[0, 1, 2])
    assert np.isnan(table.loc[1, "PPV"]) and table.loc[1, "TPR"] == 0 and table.loc[1, "F1"] == 0
    assert table.loc[2, ["TPR", "PPV", "F1"]].isna().all()


def test_averages_equal_scikit_learn(guesses):
    true, pred, p = guesses
    assert scores.accuracy(true, pred) == pytest.approx(sk.accuracy_score(true, pred))
    assert scores.balanced_accuracy(true, pred) == pytest.approx(sk.balanced_accuracy_score(true, pred))
    assert scores.macro_f1(true, pred) == pytest.approx(sk.f1_score(true, pred, average="macro"))
    assert scores.micro_f1(true, pred) == pytest.approx(sk.f1_score(true, pred, average="micro"))
    assert scores.roc_auc(true, p) == pytest.approx(sk.roc_auc_score(true, p, multi_class="ovr"))
    assert scores.log_loss(true, p) == pytest.approx(sk.log_loss(true, p))


def test_multi_label_scores_equal_scikit_learn():
    rng = np.random.default_rng(1)
    true, p = rng.integers(0, 2, (80, 5)), rng.random((80, 5))
    pred = (p > 0.6).astype(int)
    assert scores.macro_f1(true, pred) == pytest.approx(sk.f1_score(true, pred, average="macro"))
    assert scores.micro_f1(true, pred) == pytest.approx(sk.f1_score(true, pred, average="micro"))
    assert scores.roc_auc(true, p) == pytest.approx(sk.roc_auc_score(true, p))
    assert scores.per_class(true, pred)["PPV"].tolist() == pytest.approx(
        sk.precision_score(true, pred, average=None).tolist()
    )


def test_tied_scores_count_half_in_the_area_under_the_curve():
    true, score = [0, 1, 0, 1, 1], [0.2, 0.2, 0.5, 0.5, 0.5]
    assert scores.roc_auc(true, score) == pytest.approx(sk.roc_auc_score(true, score))


def test_s1s_macro_f1_is_the_harmonic_mean_of_mean_precision_and_mean_recall(guesses):
    true, pred, _ = guesses
    precision = sk.precision_score(true, pred, average="macro")
    recall = sk.recall_score(true, pred, average="macro")
    ours = scores.macro_f1_of_means(true, pred)
    assert ours == pytest.approx(2 * precision * recall / (precision + recall))
    assert ours != pytest.approx(scores.macro_f1(true, pred), abs=1e-6)


def test_calibration_error_equals_torchmetrics(guesses):
    metrics = pytest.importorskip("torchmetrics.functional.classification")
    true, _, p = guesses
    theirs = metrics.multiclass_calibration_error(
        torch.from_numpy(p), torch.from_numpy(true), num_classes=4, n_bins=15, norm="l1"
    )
    assert scores.expected_calibration_error(true, p) == pytest.approx(float(theirs), abs=1e-6)


def test_a_class_that_is_missing_from_the_truth_leaves_the_averages_defined():
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3]])
    assert scores.balanced_accuracy([0, 1, 1], p.argmax(1)) == 1
    assert scores.roc_auc([0, 1, 1], p) == 1
    assert np.isnan(scores.roc_auc([0, 0, 0], p))


def test_a_sure_mistake_has_a_finite_log_loss():
    assert scores.log_loss([0], [[0.0, 1.0]]) == pytest.approx(-np.log(np.finfo(float).eps))


def test_no_objects_give_nan_and_no_crash():
    assert np.isnan(scores.accuracy([], []))
    assert np.isnan(scores.balanced_accuracy([], []))
    assert np.isnan(scores.macro_f1([], []))
    assert np.isnan(scores.macro_f1_of_means([], []))
    assert np.isnan(scores.log_loss([], np.zeros((0, 3))))
    assert scores.confusion([], []).shape == (0, 0)


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="not among the classes"):
        scores.confusion([0, 7], [0, 1], labels=[0, 1])
    with pytest.raises(ValueError, match="do not go with"):
        scores.accuracy([0, 1], [0])


def test_a_never_predicted_class_has_precision_zero_in_s1s_score():
    with pytest.warns(UndefinedMetricWarning):
        precision = sk.precision_score([0, 0, 1], [0, 0, 0], average="macro")
    recall = sk.recall_score([0, 0, 1], [0, 0, 0], average="macro")
    expected = 2 * precision * recall / (precision + recall)
    assert scores.macro_f1_of_means([0, 0, 1], [0, 0, 0]) == pytest.approx(expected)


NAMES = np.array(["spread", "dense", "debris", "other"])


def test_the_columns_of_probabilities_may_be_classes_with_names_in_any_order(guesses):
    true, _, p = guesses
    order = ["other", "debris", "dense", "spread"]
    shuffled = p[:, [3, 2, 1, 0]]
    assert scores.roc_auc(NAMES[true], shuffled, order) == pytest.approx(sk.roc_auc_score(true, p, multi_class="ovr"))
    assert scores.log_loss(NAMES[true], shuffled, order) == pytest.approx(sk.log_loss(true, p))
    plain = scores.expected_calibration_error(true, p)
    assert scores.expected_calibration_error(NAMES[true], shuffled, order) == pytest.approx(plain)


def test_one_row_of_scores_is_of_the_second_class(guesses):
    true, _, p = guesses
    kept = true < 2
    expected = sk.roc_auc_score(true[kept], p[kept, 1])
    assert scores.roc_auc(true[kept], p[kept, 1]) == pytest.approx(expected)
    assert scores.roc_auc(NAMES[true[kept]], p[kept, 1], ["spread", "dense"]) == pytest.approx(expected)
    assert np.isnan(scores.roc_auc([1, 1], [0.2, 0.3])) and np.isnan(scores.roc_auc([0, 0], [0.2, 0.3]))
    assert scores.roc_auc([0, 1], [0.2, 0.3]) == 1 and scores.roc_auc([1, 0], [0.2, 0.3]) == 0


def test_calibration_errors_are_those_worked_out_by_hand():
    # Two bins: 0.5 is in the lower, which is right by 1 - 0.5; the upper holds 0.8 (right) and 1 (wrong): gap 1 - 1.8.
    p = [[0.5, 0.25, 0.25], [0.8, 0.1, 0.1], [0.0, 1.0, 0.0]]
    assert scores.expected_calibration_error([0, 0, 2], p, bins=2) == pytest.approx((0.5 + 0.8) / 3)
    # In one bin the two gaps cancel in part.
    assert scores.expected_calibration_error([0, 0, 2], p, bins=1) == pytest.approx(abs(2 - 2.3) / 3)
    # With 15 bins, 14/15 and 0.9 lie in one, and a little more than 14/15 in the next.
    near = [[14 / 15 - 1e-9, 1 / 15 + 1e-9], [0.94, 0.06]]
    assert scores.expected_calibration_error([0, 1], near) == pytest.approx((1 / 15 + 0.94) / 2, abs=1e-8)
    assert np.isnan(scores.expected_calibration_error([], np.zeros((0, 3))))


def test_all_labels_of_an_object_must_be_right_for_its_accuracy():
    rng = np.random.default_rng(2)
    true, pred = rng.integers(0, 2, (60, 2)), rng.integers(0, 2, (60, 2))
    assert scores.accuracy(true, pred) == pytest.approx(sk.accuracy_score(true, pred))


def test_all_rates_of_labels_equal_scikit_learns_counts():
    rng = np.random.default_rng(4)
    true, pred = rng.integers(0, 2, (70, 3)), rng.integers(0, 2, (70, 3))
    table = scores.per_class(true, pred, ["a", "b", "c"])
    assert table.index.tolist() == ["a", "b", "c"] and table.index.name == "class"
    assert scores.per_class(true, pred).index.tolist() == [0, 1, 2]
    for name, [[tn, fp], [fn, tp]] in zip("abc", sk.multilabel_confusion_matrix(true, pred), strict=True):
        tpr, tnr = tp / (tp + fn), tn / (tn + fp)
        expected = {
            "TPR": tpr, "TNR": tnr, "PPV": tp / (tp + fp), "NPV": tn / (tn + fn), "F1": 2 * tp / (2 * tp + fp + fn),
            "accuracy": (tp + tn) / 70, "harmonic_TPR_TNR": 2 / (1 / tpr + 1 / tnr), "true": tp + fn,
            "predicted": tp + fp,
        }  # fmt: skip
        assert table.loc[name].to_dict() == pytest.approx(expected)


def test_names_of_classes_are_the_rows_of_the_table():
    table = scores.per_class(["x", "y", "y"], ["x", "x", "y"], ["y", "x", "z"])
    assert table.index.tolist() == ["y", "x", "z"] and table.index.name == "class"
    assert table["true"].tolist() == [2, 1, 0] and table["predicted"].tolist() == [1, 2, 0]
    # One object each right of the class and of the rest, one wrong: TPR 1/2 and TNR 1.
    assert table.loc["y", "harmonic_TPR_TNR"] == pytest.approx(2 / 3)


def test_a_classifier_that_is_always_wrong_has_the_mean_zero_and_not_nan():
    table = scores.per_class([0, 1], [1, 0])
    assert table["harmonic_TPR_TNR"].tolist() == [0, 0] and table["F1"].tolist() == [0, 0]
    assert scores.macro_f1_of_means([0, 1], [1, 0]) == 0
    assert scores.balanced_accuracy([0, 1], [1, 0]) == scores.micro_f1([0, 1], [1, 0]) == 0


def test_recall_counts_each_class_once_however_rare_and_predictions_of_others_do_not_count():
    true, pred = ["a"] * 8 + ["b"] * 2, ["a"] * 6 + ["c"] * 2 + ["b", "a"]
    assert scores.balanced_accuracy(true, pred) == pytest.approx((6 / 8 + 1 / 2) / 2)


def test_classes_that_nobody_saw_do_not_count_in_s1s_score():
    true, pred = np.array([[1, 0, 0], [0, 1, 0]]), np.array([[1, 0, 0], [1, 1, 0]])
    # Classes 0 and 1 have precision 1/2 and 1, recall 1 and 1.
    assert scores.macro_f1_of_means(true, pred) == pytest.approx(2 * 0.75 / 1.75)


def test_sure_and_right_costs_nothing_and_probabilities_need_a_column_a_class():
    assert scores.log_loss([0, 1], [[1.0, 0.0], [0.0, 1.0]]) == 0
    assert scores.log_loss([1], [[0.0, 1.5]]) == 0  # a rounding above 1 is none the better
    assert np.isnan(scores.micro_f1([], []))
    for score in (scores.log_loss, scores.expected_calibration_error):
        with pytest.raises(ValueError, match=r"shape \(N, K\)"):
            score([0, 1], [0.2, 0.8])
        with pytest.raises(ValueError, match="do not go with"):
            score([0, 1], [[0.2, 0.8]])


def test_strangers_among_the_labels_are_named_once_and_counts_are_whole_numbers():
    with pytest.raises(ValueError, match=r"labels \[5, 7\] are not among the classes \[0, 1\]"):
        scores.confusion([0, 7, 7, 5], [0, 1, 1, 1], labels=[0, 1])
    table = scores.confusion([0, 2], [0, 0])
    assert table.dtype == np.int64 and table.tolist() == [[1, 0], [1, 0]]


def test_a_table_of_one_class_has_one_cell_and_of_none_no_cell() -> None:
    assert scores.confusion(["a", "a"], ["a", "a"]).tolist() == [[2]]
    empty = scores.confusion([], [])
    assert empty.shape == (0, 0) and empty.dtype == np.int64


def test_the_harmonic_mean_of_equal_rates_is_that_rate_and_of_two_zeros_zero() -> None:
    half = scores.per_class([0, 0, 1, 1], [0, 1, 0, 1])
    assert half["harmonic_TPR_TNR"].tolist() == [0.5, 0.5]
    assert scores.per_class([0, 1], [1, 0])["harmonic_TPR_TNR"].tolist() == [0, 0]
    uneven = scores.per_class([0, 0, 0, 0, 1], [0, 1, 1, 1, 1])  # of class 0: TPR 1/4, TNR 1
    assert uneven.loc[0, "harmonic_TPR_TNR"] == pytest.approx(2 * 0.25 / 1.25)
