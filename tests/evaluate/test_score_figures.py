from __future__ import annotations

import numpy as np

from napari_cellsynth.evaluate.score_figures import caption, curves_figure, mistakes_figure, worst
from napari_cellsynth.evaluate.summary import summarise


def test_a_caption_says_the_answer_its_probability_and_the_truth():
    assert caption([0.29, 0.71], 0, ["Neutrophil", "Basophil"]) == "Basophil 71 % (Neutrophil)"


def test_the_surest_mistakes_come_first_and_right_answers_never():
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.05, 0.95]])
    assert worst([0, 0, 1, 0], p).tolist() == [3, 2, 1]
    assert worst([0, 0, 1, 0], p, most=1).tolist() == [3]


def test_every_mistake_has_a_picture_and_a_bar_for_its_true_class():
    p = np.full((5, 9), 0.02)
    p[:, 0] = 0.84
    figure = mistakes_figure(np.zeros((5, 1, 8, 8), np.float32), [8] * 5, p, [f"class {k}" for k in range(9)])
    assert len(figure.axes) == 10
    assert all("class 8" in [text.get_text() for text in axes.texts] for axes in figure.axes[1::2])
    figure.canvas.draw()


def test_the_curves_figure_draws_what_the_summary_says():
    p = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9]])
    scores = summarise([0, 1, 1, 1], p, ["a", "b"])
    roc, calibration, unsure = curves_figure(scores, ["a", "b"]).axes
    assert roc.lines[0].get_ydata().tolist() == scores["roc"][0]["tpr"]
    assert calibration.lines[0].get_ydata().tolist() == scores["reliability"]["accuracy"]
    assert unsure.lines[0].get_ydata().tolist() == scores["answered"]["share"]
