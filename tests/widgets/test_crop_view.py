from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_cellsynth.imaging.crop import Box
from napari_cellsynth.widgets.crop_view import CropView

pytestmark = pytest.mark.gui


@pytest.fixture
def view(qtbot: Any) -> CropView:
    made = CropView()
    qtbot.addWidget(made)
    made.resize(200, 200)
    made.set_color("#ff0000")
    return made


def red(view: CropView) -> int:
    image = view.grab().toImage()
    colors = (image.pixelColor(x, y) for x in range(200) for y in range(0, 200, 3))
    return sum(c.red() > 200 and c.green() < 60 for c in colors)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_any_channels_and_depth_are_drawn(view: CropView, channels: int, dtype: str) -> None:
    pixels = np.random.default_rng(0).random((channels, 40, 40)) * 200
    view.set_crop(pixels.astype(dtype), Box(0, 0, 40, 40), Box(10, 10, 30, 30))
    assert view.has_crop and not view.grab().isNull()


def test_the_box_stands_for_the_outline_until_the_mask_comes_and_space_hides_both(view: CropView) -> None:
    view.set_crop(np.zeros((1, 40, 40), np.uint8), Box(0, 0, 40, 40), Box(10, 10, 30, 30))
    with_box = red(view)
    mask = np.zeros((40, 40), bool)
    mask[18:22, 18:22] = True
    view.set_mask(mask)
    assert 0 < red(view) < with_box
    view.toggle_outline()
    assert red(view) == 0


def test_a_constant_crop_and_one_with_missing_pixels_are_drawn(view: CropView) -> None:
    view.set_crop(np.full((1, 20, 20), 7, np.uint16), Box(0, 0, 20, 20), Box(0, 0, 20, 20))
    view.grab()
    view.set_crop(np.full((1, 20, 20), np.nan, np.float32), Box(0, 0, 20, 20), Box(0, 0, 20, 20))
    assert not view.grab().isNull()
