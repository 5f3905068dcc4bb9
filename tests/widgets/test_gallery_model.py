import time

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("qtpy.QtWidgets")

from qtpy.QtCore import QSize, Qt

from napari_cellsynth.widgets.gallery_model import COLUMNS, SYNTHETIC, GalleryModel, PatchKey
from napari_cellsynth.widgets.patch_delegate import PatchDelegate
from napari_cellsynth.widgets.patch_list import PatchList

pytestmark = pytest.mark.gui
MANY = 50_000


class Reader:
    def __init__(self):
        self.read_keys = []

    def read(self, keys):
        self.read_keys += keys
        patches = np.stack([np.full((1, 8, 8), 20 * key.id % 256, dtype=np.uint8) for key in keys])
        patches[:, 0, 0, 0], patches[:, 0, 7, 7] = 0, 255  # so that the view's range is 0 to 255 whichever come first
        return list(patches)

    def close(self):
        pass


def table(n, review=""):
    return pd.DataFrame(
        {
            "kind": SYNTHETIC, "id": np.arange(n), "run": "gan-0001", "class_id": 1, "review": review, "reason": "",
            "nearest_object": 0, "distance": np.nan,
        },
        columns=COLUMNS,
    )  # fmt: skip


@pytest.fixture
def reader():
    return Reader()


@pytest.fixture
def model(reader, qapp):
    made = GalleryModel()
    made.set_classes({1: "Dense"}, {1: "#56b4e9"})
    made.open_patches(lambda: reader)
    yield made
    made.close()


@pytest.fixture
def view(model, qtbot):
    made = PatchList()
    qtbot.addWidget(made)
    made.setModel(model)
    made.delegate = PatchDelegate(made)
    made.setItemDelegate(made.delegate)
    made.setGridSize(QSize(70, 73))
    made.resize(800, 800)
    return made


def test_of_fifty_thousand_patches_only_the_seen_ones_are_read_and_the_first_paint_is_quick(model, view, reader, qtbot):
    model.set_table(table(MANY))
    begun = time.perf_counter()
    view.show()
    view.grab()
    first_paint = time.perf_counter() - begun
    qtbot.waitUntil(lambda: len(reader.read_keys) > 50, timeout=5000)
    qtbot.wait(300)
    assert model.rowCount() == MANY
    # 11 columns and 11 rows fit, and some more cells are touched at the edges.
    assert len(reader.read_keys) < 400
    assert first_paint < 1.0


def test_the_pictures_come_into_the_view(model, view, qtbot):
    model.set_table(table(20))
    view.show()
    qtbot.waitUntil(lambda: model.index(7).data(Qt.ItemDataRole.DecorationRole) is not None, timeout=5000)
    pixel = model.index(7).data(Qt.ItemDataRole.DecorationRole).toImage().pixelColor(3, 3)
    # The virtual screen may have 16 bits a pixel.
    assert abs(pixel.red() - 140) <= 8


def test_a_patch_beside_the_list_can_be_asked_for(model, qtbot):
    model.set_table(table(2))
    key = PatchKey("real", 99)
    with qtbot.waitSignal(model.dataChanged, timeout=5000):
        assert model.pixmap(key) is None
    qtbot.waitUntil(lambda: model.pixmap(key) is not None, timeout=5000)


def test_new_verdicts_keep_the_rows_and_the_selection(model, view):
    model.set_table(table(10))
    view.setCurrentIndex(model.index(4))
    model.set_table(table(10, "rejected"))
    assert model.review(4) == "rejected"
    assert [index.row() for index in view.selectionModel().selectedIndexes()] == [4]


def test_other_patches_replace_the_rows(model, qtbot):
    model.set_table(table(10))
    with qtbot.waitSignal(model.modelReset):
        model.set_table(table(3))
    assert model.rowCount() == 3


def test_the_tooltip_says_what_a_patch_is(model):
    rows = table(1, "rejected").assign(reason="blurred", distance=0.31)
    model.set_table(rows)
    words = model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert words == "synthetic · Dense\ngan-0001 · patch 0\nrejected blurred\ndistance 0.31"


def test_keys_are_verdicts_and_other_keys_stay_the_lists_own(view, model, qtbot):
    model.set_table(table(3))
    view.show()
    said = []
    view.verdict.connect(said.append)
    qtbot.keyClick(view, Qt.Key.Key_A)
    qtbot.keyClick(view, Qt.Key.Key_R)
    assert said == ["accepted", "rejected"]
    view.setCurrentIndex(model.index(0))
    qtbot.keyClick(view, Qt.Key.Key_End)
    assert view.currentIndex().row() == 2


def test_every_kind_of_cell_can_be_painted(model, view, qtbot):
    rows = pd.concat([table(2, "accepted"), table(2, "rejected").assign(id=[5, 6], kind="real", run="")])
    model.set_table(rows)
    view.show()
    view.selectAll()
    qtbot.wait(100)
    assert not view.grab().isNull()


class Bright(Reader):
    """Real crops ten times as bright as the patches of a GAN that has not learned yet."""

    def read(self, keys):
        ramp = np.linspace(0, 20, 64).reshape(1, 8, 8)
        return [(ramp * (10 if key.kind == "real" else 1)).astype(np.uint8) for key in keys]


def test_crops_that_come_into_view_later_are_not_drawn_between_the_black_and_white_of_others(model, qtbot):
    model.set_table(table(4))
    model.open_patches(Bright)
    shown = PatchKey(SYNTHETIC, 0, "gan-0001")
    qtbot.waitUntil(lambda: model.pixmap(shown) is not None)
    model.set_table(pd.concat([table(4), table(4).assign(kind="real", run="", id=range(10, 14))]))
    real = PatchKey("real", 10)
    qtbot.waitUntil(lambda: model.pixmap(real) is not None)
    drawn = model.pixmap(real).toImage()
    middle = drawn.pixelColor(drawn.width() // 2, drawn.height() // 2).lightness()
    assert 20 < middle < 235
