"""Pictures of patches: what is black and white, and which colour a channel has."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.imaging.composite import COLORS, display_range, to_rgb


def test_one_channel_is_grey_and_three_are_red_green_and_blue() -> None:
    grey = to_rgb(np.full((1, 2, 2), 100, dtype=np.uint8), 0, 255)
    assert grey.shape == (2, 2, 3) and (grey == 100).all()
    channels = np.stack([np.full((2, 2), value, dtype=np.uint8) for value in (10, 20, 30)])
    assert to_rgb(channels, 0, 255)[0, 0].tolist() == [10, 20, 30]


def test_two_channels_are_green_and_magenta_and_white_together() -> None:
    only_first = np.array([255, 0], np.uint8).reshape(2, 1, 1)
    assert to_rgb(only_first, 0, 255)[0, 0].tolist() == [0, 255, 0]
    assert to_rgb(only_first[::-1], 0, 255)[0, 0].tolist() == [255, 0, 255]
    assert to_rgb(np.full((2, 1, 1), 255, np.uint8), 0, 255)[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("channel", range(5))
def test_each_of_five_channels_has_its_colour_and_its_own_range(channel: int) -> None:
    # Sixteen bits, and each dye ten times as bright as the one before.
    peaks = np.array([60, 600, 6_000, 20_000, 65_000])
    draw = np.random.default_rng(0)
    patches = [(draw.random((5, 16, 16)) * peaks[:, None, None]).astype(np.uint16) for _ in range(20)]
    low, high = display_range(patches)
    assert np.allclose(high, peaks, rtol=0.03) and (low < 0.02 * peaks).all()
    alone = np.zeros((5, 1, 1), np.uint16)
    alone[channel] = peaks[channel]
    assert np.abs(to_rgb(alone, np.zeros(5), peaks)[0, 0].astype(int) - COLORS[channel]).max() <= 1


def test_bright_places_do_not_begin_again_at_black() -> None:
    assert to_rgb(np.full((6, 1, 1), 255, np.uint8), 0, 255)[0, 0].tolist() == [255, 255, 255]


def test_patches_are_stretched_alike() -> None:
    low, high = display_range([np.full((1, 4, 4), 7, dtype=np.uint8)])
    assert (low.tolist(), high.tolist()) == ([7.0], [8.0])
    low, high = display_range([np.linspace(1000, 3000, 300, dtype=np.uint16).reshape(1, 10, 30)])
    assert 990 < low[0] < 1020 and 2980 < high[0] < 3010
    # Of a colour photograph all three share one range, or its colours would change.
    low, high = display_range([np.stack([np.full((9, 9), value, np.uint8) for value in (10, 90, 200)])])
    assert low.tolist() == [10.0] * 3 and high.tolist() == [200.0] * 3


def test_pixels_that_are_not_numbers_are_black() -> None:
    assert to_rgb(np.full((1, 2, 2), np.nan, dtype=np.float32), 0, 1).max() == 0
    low, high = display_range([np.full((4, 2, 2), np.nan, dtype=np.float32)])
    assert (low.tolist(), high.tolist()) == ([0.0] * 4, [255.0] * 4)
