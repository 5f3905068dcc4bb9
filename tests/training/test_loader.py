"""The store's windows against plain slicing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.training.loader import CropStore

SHAPES = ((8, 8), (8, 13), (40, 9), (21, 30), (8, 200))
RANGES = {"uint8": (0, 255), "uint16": (300, 61_000), "float32": (-2.5, 7.0)}


def ragged(dtype: str, channels: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    low, high = RANGES[dtype]
    return [rng.uniform(low, high, (channels, *shape)).astype(dtype) for shape in SHAPES]


def unit(raw: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    scaled = 2 * (raw.astype(np.float64) - low[:, None, None]) / (high - low)[:, None, None] - 1
    return np.clip(scaled, -1, 1)


def bounds(dtype: str, channels: int) -> tuple[np.ndarray, np.ndarray]:
    low, high = RANGES[dtype]
    return low + 0.1 * (high - low) * np.arange(channels) / 4, np.full(channels, high, float)


@pytest.mark.parametrize("dtype", RANGES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_random_window_is_a_slice_of_its_own_crop(dtype: str, channels: int) -> None:
    crops, size = ragged(dtype, channels), 8
    low, high = bounds(dtype, channels)
    store = CropStore(crops, low, high, size)
    index = torch.tensor([3, 0, 1, 2, 4, 3, 3, 1])
    windows = store.windows(index, torch.Generator().manual_seed(1)).numpy()
    assert windows.shape == (8, channels, size, size)
    assert windows.dtype == np.float32
    for window, crop_number in zip(windows, index.tolist(), strict=True):
        crop = unit(crops[crop_number], low, high)
        views = np.lib.stride_tricks.sliding_window_view(crop, (size, size), axis=(1, 2))
        distance = np.abs(views - window[:, None, None]).max(axis=(0, 3, 4))
        assert distance.min() < 2e-5


def test_the_middle_and_the_grid_are_the_slices_they_should_be() -> None:
    crops = ragged("uint8", 2)
    low, high = np.zeros(2), np.full(2, 255.0)
    store = CropStore(crops, low, high, 8)
    index = torch.tensor([3, 1])
    middle = store.centred(index).numpy()
    np.testing.assert_allclose(middle[0], unit(crops[3][:, 6:14, 11:19], low, high), atol=1e-6)
    np.testing.assert_allclose(middle[1], unit(crops[1][:, 0:8, 2:10], low, high), atol=1e-6)
    np.testing.assert_array_equal(store.grid(index, 1)[:, 0].numpy(), middle)
    corners = store.grid(index, 4).numpy()
    for place, (top, left) in enumerate([(0, 0), (0, 22), (13, 0), (13, 22)]):
        expected = unit(crops[3][:, top : top + 8, left : left + 8], low, high)
        np.testing.assert_allclose(corners[0, place], expected, atol=1e-6)
    five = store.grid(index, 5).numpy()
    np.testing.assert_array_equal(five[:, 2], middle)
    assert store.grid(index, 7).shape == (2, 7, 2, 8, 8)


def test_random_windows_reach_every_position_equally_often() -> None:
    crop = np.arange(10 * 11, dtype=np.uint8).reshape(1, 10, 11)
    store = CropStore([crop], 0, 255, 8)
    windows = store.windows(torch.zeros(6000, dtype=torch.long), torch.Generator().manual_seed(0))
    first = torch.round((windows[:, 0, 0, 0] + 1) * 127.5).long().numpy()
    positions, counts = np.unique(first, return_counts=True)
    assert positions.tolist() == [row * 11 + column for row in range(3) for column in range(4)]
    assert counts.min() > 420  # 500 expected each, standard deviation 21


def test_the_same_generator_state_draws_the_same_windows() -> None:
    store = CropStore(ragged("uint16", 1), 300, 61_000, 8)
    index = torch.arange(5)
    first = store.windows(index, torch.Generator().manual_seed(4))
    assert torch.equal(first, store.windows(index, torch.Generator().manual_seed(4)))
    assert not torch.equal(first, store.windows(index, torch.Generator().manual_seed(5)))


@pytest.mark.parametrize(("dtype", "stored"), [("uint8", torch.uint8), ("uint16", torch.int16)])
def test_integers_stay_small_and_their_ends_become_exactly_minus_one_and_one(dtype: str, stored: torch.dtype) -> None:
    top = np.iinfo(dtype).max
    crop = np.zeros((1, 8, 8), dtype)
    crop[0, 0, 0], crop[0, 0, 1] = top, top // 2
    store = CropStore([crop], 0, top, 8)
    patch = store.centred(torch.tensor([0]))
    assert store._flat.dtype == stored
    assert patch.max() == 1
    assert patch.min() == -1
    assert abs(float(patch[0, 0, 0, 1])) < 2 / top


def test_patches_in_the_unit_range_come_out_unchanged() -> None:
    patches = np.random.default_rng(0).uniform(-1, 1, (3, 2, 8, 8)).astype(np.float32)
    store = CropStore.from_patches(patches)
    np.testing.assert_array_equal(store.centred(torch.arange(3)).numpy(), patches)
    assert (len(store), store.channels, store.size) == (3, 2, 8)


def test_windows_are_counted_without_overlap() -> None:
    assert CropStore(ragged("uint8", 1), 0, 255, 8).window_counts() == 1 + 1 + 5 + 6 + 25


def test_batches_come_in_channels_last_memory() -> None:
    store = CropStore(ragged("uint8", 3), 0, 255, 8)
    assert store.windows(torch.arange(4), torch.Generator()).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("crops", "words"),
    [
        ([], "no crops"),
        ([np.zeros((1, 8, 7), np.uint8)], "8×7"),
        ([np.zeros((1, 8, 8), np.uint8), np.zeros((3, 8, 8), np.uint8)], "channels"),
        ([np.full((1, 8, 8), np.nan, np.float32)], "NaN"),
        ([np.zeros((1, 8, 8), np.complex64)], "complex64"),
    ],
)
def test_what_cannot_be_cut_is_said_in_words(crops: list[np.ndarray], words: str) -> None:
    with pytest.raises(UserError, match=words):
        CropStore(crops, 0, 1, 8)


def test_an_empty_intensity_range_and_patches_outside_of_theirs_are_refused() -> None:
    with pytest.raises(UserError, match="range"):
        CropStore([np.zeros((2, 8, 8), np.uint8)], [0, 5], [255, 5], 8)
    with pytest.raises(UserError, match=r"\[-1, 1\]"):
        CropStore.from_patches(np.full((2, 1, 8, 8), 3, np.float32))
    with pytest.raises(UserError, match="shape"):
        CropStore.from_patches(np.zeros((2, 8, 8), np.float32))


def test_a_range_of_other_channels_than_the_crops_is_told_in_one_line() -> None:
    crops = [np.zeros((1, 32, 32), np.uint8)]
    with pytest.raises(UserError, match="have 1 channel, but the intensity range is of 8"):
        CropStore(crops, np.zeros(8), np.ones(8), 32, "cpu")
