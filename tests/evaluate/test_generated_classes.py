from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from napari_cellsynth.evaluate.generated_classes import class_figures, class_table


def test_with_classes_of_one_size_the_figures_are_the_usual_ones():
    rng = np.random.default_rng(0)
    true = np.repeat([0, 1, 2], 50)
    predicted = np.where(rng.random(150) < 0.7, true, rng.integers(0, 3, 150))
    precision, recall, f1, _ = precision_recall_fscore_support(true, predicted)
    for wanted in range(3):
        found = class_figures(true, predicted, wanted)
        assert list(found.values()) == pytest.approx([precision[wanted], recall[wanted], f1[wanted]])


def test_the_sizes_of_the_classes_do_not_count():
    true, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    again = [np.concatenate([x, np.repeat(x[2:], 9)]) for x in (true, predicted)]
    assert class_figures(*again, 0) == pytest.approx(class_figures(true, predicted, 0))


def test_what_is_not_defined_is_left_out_of_the_table():
    figures, intervals = class_table([1, 1, 1, 1], [1, 0, 1, 1], 1)
    assert figures == {"class_recall": 0.75}
    low, high = intervals["class_recall"]
    assert low <= 0.75 <= high
    nobody, _ = class_table([0, 0, 1, 1], [0, 0, 0, 0], 1)
    assert nobody == {"class_recall": 0, "class_f1": 0}
    assert class_figures([0, 1], [1, 0], 1) == {"class_precision": 0, "class_recall": 0, "class_f1": 0}
