import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from qtpy.QtCore import Qt

from napari_cellsynth.widgets.confusion import ConfusionView, shares

pytestmark = pytest.mark.gui
NAMES = ["Dense", "Spread", "Differentiated"]
MATRIX = [[40, 3, 0], [5, 99, 2], [0, 0, 0]]


@pytest.fixture
def view(qtbot):
    made = ConfusionView()
    qtbot.addWidget(made)
    made.set_matrix(MATRIX, NAMES, ["#56b4e9", "#e69f00", "#cc79a7"])
    return made


def test_rows_are_the_truth_and_columns_the_prediction(view):
    assert view.item(1, 0).text() == "5"
    assert view.item(1, 0).toolTip().startswith("5 objects of class Spread, predicted Dense")
    assert view.item(0, 2).text() == "·"


def test_shares_are_of_the_true_class_and_a_class_without_objects_has_none():
    part = shares(np.array(MATRIX))
    assert part[0].sum() == pytest.approx(1)
    assert part[1, 0] == pytest.approx(5 / 106)
    assert part[2].tolist() == [0, 0, 0]


def test_a_click_tells_the_true_and_the_predicted_class(view, qtbot):
    view.resize(360, 140)
    view.show()
    point = view.visualItemRect(view.item(1, 2)).center()
    from qtpy.QtCore import Qt

    with qtbot.waitSignal(view.cell_opened) as opened:
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert opened.args == [1, 2]


def test_a_long_class_name_is_shortened_over_a_column_and_whole_in_its_tooltip(view):
    header = view.horizontalHeaderItem(2)
    assert header.text().endswith("…")
    assert "Differentiated" in header.toolTip()


def test_a_matrix_of_another_size_replaces_the_first(view):
    view.set_matrix([[1, 2], [3, 4]], ["a", "b"])
    assert (view.rowCount(), view.columnCount()) == (2, 2)
    assert view.item(1, 1).text() == "4"


def test_class_colours_stand_beside_the_names_which_keep_the_colour_of_the_theme(view):
    view.set_matrix([[3, 1], [0, 4]], ["Dense", "Spread"], ["#ffff00", "#0072b2"])
    for place, color in enumerate(("#ffff00", "#0072b2")):
        for header in (view.horizontalHeaderItem(place), view.verticalHeaderItem(place)):
            assert header.icon().pixmap(10, 10).toImage().pixelColor(5, 5).name() == color
            assert header.foreground().style() == Qt.BrushStyle.NoBrush
