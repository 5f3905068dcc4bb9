import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari_cellsynth.widgets.sample_grid import SampleGrid

pytestmark = pytest.mark.gui


@pytest.fixture
def grid(qtbot):
    view = SampleGrid()
    qtbot.addWidget(view)
    view.resize(240, 160)
    return view


def painted(grid):
    image = grid.grab().toImage()
    return np.array([[image.pixelColor(x, y).red() for x in range(0, 240, 4)] for y in range(0, 160, 4)])


def test_white_patches_are_painted_white_and_dark_ones_dark(grid):
    grid.set_images(np.full((24, 1, 16, 16), 1.0, dtype=np.float32))
    white = painted(grid)
    grid.set_images(np.full((24, 1, 16, 16), -1.0, dtype=np.float32))
    assert white.max() == 255
    assert (white == 255).mean() > 0.6
    assert (painted(grid) == 0).mean() > 0.6


def test_columns_make_the_patches_as_large_as_the_widget_allows(grid):
    grid.set_images(np.zeros((24, 1, 8, 8), dtype=np.float32))
    assert grid.columns() == 6
    grid.resize(100, 400)
    assert grid.columns() == 2 or grid.columns() == 3


def test_no_more_than_asked_are_shown_and_clearing_shows_none(grid):
    grid.set_images(np.zeros((100, 3, 8, 8), dtype=np.float32), most=24)
    assert grid.count() == 24
    grid.clear()
    assert grid.count() == 0
    grid.grab()
