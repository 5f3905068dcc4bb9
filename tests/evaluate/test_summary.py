from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.evaluate import multi_label_summary, summary
from napari_cellsynth.evaluate.score_words import FIGURES, score_lines

P = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9]])


def test_every_figure_of_a_summary_has_a_name_and_a_meaning() -> None:
    figured = [
        each for module in (summary, multi_label_summary) for each in (module.OF_ANSWERS, module.OF_PROBABILITIES)
    ]
    assert {name for figures in figured for name in figures} == set(FIGURES)


def test_a_figure_that_is_registered_is_told_with_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(summary.OF_ANSWERS, "found", lambda true, pred: float((true == pred).sum()))
    monkeypatch.setitem(FIGURES, "found", ("found", "Crops whose class is right."))
    told = summary.summarise([0, 1, 1, 1], P, ["a", "b"], groups=["x", "x", "y", "z"])
    assert told["found"] == 3
    low, high = told["intervals"]["found"]
    assert low <= 3 <= high
    [line] = [each for each in score_lines(told) if each.title == "found"]
    assert (line.value, line.meaning) == ("3.000", "Crops whose class is right.")


def test_of_what_is_undefined_there_is_no_interval() -> None:
    told = summary.summarise([0, 0, 0, 0], P, ["a", "b"], groups=["x", "x", "y", "z"])
    assert told["roc_auc"] is None and "roc_auc" not in told["intervals"]
    assert "accuracy" in told["intervals"]
