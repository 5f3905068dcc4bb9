from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score

from napari_cellsynth.experiments.analysis import Predictions
from napari_cellsynth.experiments.answers import mean_confusion, pooled, section
from napari_cellsynth.experiments.dataset import from_patches, outer_folds

NAMES = ("a", "b", "c")


@pytest.fixture
def told():
    """Two seeds of two arms in three folds of 60 crops; the second arm knows the answers."""
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1, 2], 20)
    data = from_patches(np.zeros((60, 1, 1, 1)), labels, np.arange(60) // 3)
    found = []
    for fold in outer_folds(data, 3, 1, 0):
        for seed in range(2):
            found.append(Predictions("guess", fold, 0, seed, rng.dirichlet([1, 1, 1], len(fold.test))))
            found.append(Predictions("know", fold, 0, seed, np.eye(3)[labels[fold.test]]))
    return labels, found


def test_a_confusion_matrix_counts_every_crop_once_whatever_the_number_of_seeds(told):
    labels, found = told
    counts = mean_confusion(labels, found, "guess", 3)
    assert counts.sum(axis=1).tolist() == [20, 20, 20]
    true, p = pooled(labels, found, "guess")
    assert np.abs(counts - confusion_matrix(true, p.argmax(axis=1)) / 2).max() < 1
    assert mean_confusion(labels, found, "know", 3).tolist() == np.diag([20, 20, 20]).tolist()


def test_the_areas_under_the_curves_are_those_of_scikit_learn_and_arms_without_answers_are_left_out(told):
    labels, found = told
    shown = section(labels, found, NAMES, ["guess", "know", "absent", "guess"])
    texts = [block for block in shown.blocks if isinstance(block, str)]
    assert [text for text in texts if text.startswith("Class by class")] == [
        "Class by class, guess:",
        "Class by class, know:",
    ]
    roc, calibration = shown.blocks[2].axes
    true, p = pooled(labels, found, "guess")
    area = roc_auc_score(true, p, multi_class="ovr")
    assert roc.get_legend().get_texts()[0].get_text() == f"guess: area {area:.3f}"
    drawn = roc.get_lines()[0].get_xydata()
    assert np.trapezoid(drawn[:, 1], drawn[:, 0]) == pytest.approx(area, abs=0.01)
    assert calibration.get_legend().get_texts()[1].get_text() == "know: error 0.000"
