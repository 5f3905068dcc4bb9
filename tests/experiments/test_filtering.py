from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_cellsynth.errors import UserError
from napari_cellsynth.experiments.filtering import kept


def textures(count: int, seed: int) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(count, 1, 32, 32)), (0, 0, 2, 2))
    return (noise / noise.std() / 3).clip(-1, 1).astype(np.float32)


REAL, EACH = textures(30, 0), np.arange(30)


def test_copies_go_first_also_turned_ones_and_then_the_least_realistic():
    fresh = textures(6, 1)
    copies = np.stack([REAL[3], np.rot90(REAL[5], axes=(1, 2))])
    noise = np.random.default_rng(2).uniform(-1, 1, (4, 1, 32, 32)).astype(np.float32)
    drawn = np.concatenate([copies, noise, fresh])
    assert kept(drawn, REAL, EACH, 6).tolist() == [6, 7, 8, 9, 10, 11]
    assert set(kept(drawn, REAL, EACH, 10).tolist()) == set(range(2, 12))


def test_fewer_are_kept_where_too_many_are_copies_and_none_is_an_error():
    assert kept(np.concatenate([REAL[:5], textures(2, 1)]), REAL, EACH, 4).tolist() == [5, 6]
    with pytest.raises(UserError, match="All 5 synthetic patches of a class are copies"):
        kept(REAL[:5], REAL, EACH, 4)


def test_with_one_real_crop_there_is_no_rule_and_the_first_are_taken():
    assert kept(textures(4, 1), REAL[:1], EACH[:1], 2).tolist() == [0, 1]


def test_windows_of_one_crop_do_not_hide_that_a_patch_copies_it():
    windows = np.concatenate([REAL[:1] + 0.01 * textures(5, 7), REAL[1:]])
    objects = np.r_[[0] * 5, np.arange(1, 30)]
    assert kept(np.concatenate([REAL[:1], textures(1, 1)]), windows, objects, 2).tolist() == [1]
