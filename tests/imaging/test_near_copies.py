from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import gaussian_filter

from napari_cellsynth.imaging.near_copies import likeness, near_copies

DATA = Path(os.environ.get("CELLSYNTH_DATA", Path(__file__).parents[3] / "shared" / "data"))


def textures(count: int, side: int = 64, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = gaussian_filter(rng.normal(size=(count, channels, side, side)), (0, 0, 2, 2))
    return np.clip(128 + 45 * noise / noise.std(), 0, 255).astype(np.uint8)


def as_jpeg(crop: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(crop[0]).save(file, "JPEG", quality=80)
    return np.asarray(Image.open(file))[None]


def test_likeness_without_a_shift_is_the_correlation_of_the_middle():
    a, b = textures(2)
    mixed = (0.5 * a + 0.5 * b).astype(np.float32)
    inside = (slice(None), slice(3, -3), slice(3, -3))
    expected = np.corrcoef(a[inside].ravel(), mixed[inside].ravel())[0, 1]
    assert likeness(a, mixed) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "changed",
    [
        as_jpeg,
        lambda crop: crop.astype(np.uint16) * 257,
        lambda crop: (crop * 0.6 + 30).astype(np.uint8),
        lambda crop: np.roll(crop, (1, -1), (1, 2)),
        lambda crop: np.asarray(Image.fromarray(crop[0]).resize((96, 96), Image.Resampling.BILINEAR))[None],
    ],
    ids=["jpeg", "16 bit", "contrast", "shift", "size"],
)
def test_a_crop_that_was_saved_again_is_found_among_others(changed):
    crops = [*textures(40)]
    crops.append(changed(crops[17]))
    groups = np.r_[np.arange(40) // 4, 99]
    assert [pair[:2] for pair in near_copies(crops, groups)] == [(17, 40)]
    groups[40] = groups[17]
    assert near_copies(crops, groups) == []


def test_blank_crops_are_not_alike():
    crops = [np.full((1, 64, 64), value, np.uint8) for value in range(10)]
    assert near_copies(crops, np.arange(10)) == []


def test_one_group_has_no_pairs_and_one_channel_alone_does_not_make_crops_alike():
    crops = textures(12, channels=2)
    assert near_copies(list(crops), np.zeros(12)) == []
    crops[7, 0] = crops[2, 0]
    assert near_copies(list(crops), np.arange(12)) == []
    crops[7, 1] = crops[2, 1]
    assert [pair[:2] for pair in near_copies(list(crops), np.arange(12))] == [(2, 7)]


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mitocheck_crops", "jurkat_crops"])
def test_real_cells_of_different_groups_are_no_copies(name):
    if not (DATA / name).is_dir():
        pytest.skip(f"{DATA / name} is not there")
    table = pd.read_csv(DATA / name / "objects.csv")
    read = tifffile.imread if name == "jurkat_crops" else lambda path: np.asarray(Image.open(path))[None]
    assert near_copies([read(DATA / name / path) for path in table["image"]], table["group"].astype(str)) == []
