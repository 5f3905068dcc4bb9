import time

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari_cellsynth.events import Metric
from napari_cellsynth.widgets.curves import MOST_POINTS, CurvesView, spoken

pytestmark = pytest.mark.gui


@pytest.fixture
def curves(qtbot):
    view = CurvesView()
    qtbot.addWidget(view)
    return view


def test_a_thousand_figures_a_second_are_drawn_at_most_ten_times(curves, qtbot):
    begun = time.monotonic()
    step = 0
    while time.monotonic() - begun < 1.0:
        for _ in range(10):
            curves.add(Metric(step, {"loss_generator": 1.0 / (1 + step)}))
            step += 1
        qtbot.wait(10)
    assert 2 <= curves.drawings <= 11
    qtbot.waitUntil(lambda: len(curves._lines["loss_generator"].getData()[0]) == step)


def test_each_figure_has_one_line_and_keeps_its_points(curves, qtbot):
    for step in range(5):
        curves.add(Metric(step, {"loss_generator": 1.0, "loss_discriminator": 2.0}))
    qtbot.waitUntil(lambda: len(curves._lines) == 2, timeout=1000)
    assert curves.names() == ["loss_generator", "loss_discriminator"]
    assert curves.points("loss_discriminator") == ([0, 1, 2, 3, 4], [2.0] * 5)


def test_a_figure_that_is_not_a_number_leaves_a_gap_and_no_error(curves):
    curves.add(Metric(0, {"loss": float("nan")}))
    curves.add(Metric(1, {"loss": 3.0}))
    assert curves.points("loss") == ([1.0], [3.0])


def test_a_long_history_is_thinned_for_drawing_only(curves):
    curves.set_history((step, {"loss": float(step)}) for step in range(10 * MOST_POINTS))
    drawn, _ = curves._lines["loss"].getData()
    assert len(drawn) <= MOST_POINTS
    assert len(curves.points("loss")[0]) == 10 * MOST_POINTS
    assert np.all(np.diff(drawn) > 0)


def test_clearing_forgets_the_curves(curves):
    curves.set_history([(0, {"a": 1.0}), (1, {"a": 2.0})])
    curves.clear()
    assert curves.names() == []
    assert curves.plot.canvas.listDataItems() == []


def test_names_are_said_in_words():
    assert spoken("loss_generator") == "loss generator"


def test_the_legend_stands_beside_the_plot_with_the_newest_values(curves):
    curves.set_history([(0, {"loss_generator": 1.0, "learning_rate": 2e-4}), (1, {"loss_generator": 0.5})])
    assert "loss&nbsp;generator&nbsp;0.5" in curves.legend.text()
    assert "learning&nbsp;rate&nbsp;0.0002" in curves.legend.text()
    assert len(curves.plot.canvas.listDataItems()) == 1  # no line flat at zero
    curves.clear()
    assert curves.legend.text() == ""
