"""The gates, tripped and passed by generators that are known to copy, to repeat themselves, or to be fresh."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.quality import authenticity, ct_score, features, memorisation, memorisation_gate
from napari_cellsynth.evaluate.quality_table import quality_table
from napari_cellsynth.evaluate.symmetries import VIEWS, each_turned, turned
from tests.evaluate.examples import blobs, with_noise

TRAINED_ON, HELD_OUT, FRESH = blobs(120, 1), blobs(60, 2), blobs(60, 3)
COPIES = {
    "as they are": TRAINED_ON[:60],
    "flipped": TRAINED_ON[:60, ..., ::-1],
    "turned": np.rot90(TRAINED_ON[:60], 1, (-2, -1)),
    "with 1 % noise": with_noise(TRAINED_ON[:60], 0.01),
    "flipped, with 1 % noise": with_noise(TRAINED_ON[:60, :, ::-1], 0.01),
    "half of them": np.concatenate([TRAINED_ON[:20], FRESH[:40]]),
}


@pytest.mark.parametrize("extractor", ["handmade", "random-conv"])
@pytest.mark.parametrize("how", COPIES)
def test_a_generator_that_returns_training_patches_fails_the_gate(how, extractor):
    table = quality_table(TRAINED_ON, np.ascontiguousarray(COPIES[how]), HELD_OUT, extractor=extractor)
    gate = table["gates"]["memorisation"]
    assert not gate["passed"] and "copies of training patches" in gate["reason"]
    assert table["copied"] > table["floor"]["copied"] + 0.2


@pytest.mark.parametrize("extractor", ["handmade", "random-conv"])
def test_a_generator_that_returns_held_out_patches_passes_both_gates(extractor):
    table = quality_table(TRAINED_ON, FRESH, HELD_OUT, extractor=extractor)
    assert table["gates"]["memorisation"]["passed"] and table["gates"]["diversity"]["passed"]
    assert abs(table["ct"]) < 3 and table["authentic"] > 0.25


def test_copies_pull_every_figure_of_copying():
    copied = quality_table(TRAINED_ON, TRAINED_ON[:60], HELD_OUT)
    fresh = quality_table(TRAINED_ON, FRESH, HELD_OUT)
    assert copied["ct"] < -5 and copied["authentic"] == 0
    assert copied["ssim"] > 0.99 > fresh["ssim"] and copied["psnr"] > fresh["psnr"] + 20
    assert copied["floor"]["ssim"] == fresh["floor"]["ssim"] < 0.9


def test_near_copies_among_the_training_patches_hide_copies_from_the_ratio_but_not_from_the_gate():
    twins = np.concatenate([TRAINED_ON, with_noise(TRAINED_ON, 0.002)])
    table = quality_table(twins, with_noise(TRAINED_ON[:60], 0.002, seed=1), HELD_OUT, extractor="random-conv")
    assert table["copied"] < 0.05 and table["ct"] < -3
    gate = table["gates"]["memorisation"]
    assert not gate["passed"] and "nearer to the training patches" in gate["reason"]


def test_noise_is_no_copy():
    noise = np.random.default_rng(0).uniform(-1, 1, FRESH.shape).astype(np.float32)
    table = quality_table(TRAINED_ON, noise, HELD_OUT)
    assert table["ct"] > 5 and table["authentic"] == 1 and table["coverage"] < 0.1
    assert table["gates"]["memorisation"]["passed"] and not table["gates"]["diversity"]["passed"]


def test_the_gate_needs_two_witnesses_where_there_are_no_plain_copies():
    figures, floor = {"copied": 0.0, "ct": -8.0, "authentic": 0.5}, {"copied": 0.0, "authentic": 0.6}
    assert memorisation_gate(figures, floor).passed
    assert not memorisation_gate(figures | {"authentic": 0.1}, floor).passed
    # Among neighbouring frames unseen real patches look like copies too: that alone is no fault of the generator.
    assert memorisation_gate(figures | {"copied": 0.3}, floor | {"copied": 0.28}).passed


def test_ct_in_one_cell_is_the_mann_whitney_statistic():
    rng = np.random.default_rng(1)
    train, made, unseen = rng.normal(size=(40, 3)), rng.normal(0.3, 1, (25, 3)), rng.normal(size=(30, 3))
    near = [np.linalg.norm(x[:, None] - train[None], axis=2).min(axis=1) for x in (made, unseen)]
    u = mannwhitneyu(*near).statistic
    expected = (u - 25 * 30 / 2) / np.sqrt(25 * 30 * 56 / 12)
    assert ct_score(train, made, unseen, cells=1) == pytest.approx(expected)


def test_ct_of_fresh_patches_scatters_about_zero_and_copies_lie_far_below():
    rng = np.random.default_rng(2)
    draws = [ct_score(*(rng.normal(size=(60, 8)) for _ in range(3))) for _ in range(40)]
    assert abs(np.mean(draws)) < 0.5 and 0.2 < np.std(draws) < 1.6
    train = rng.normal(size=(60, 8))
    assert ct_score(train, train + 1e-3, rng.normal(size=(60, 8))) < -4


def test_authenticity_compares_with_the_nearest_neighbour_of_the_training_patch():
    train = np.array([[0.0], [1.0], [10.0]])
    assert authenticity(train, [[0.0], [0.5], [2.5], [12.0]]) == pytest.approx(0.25)  # only 2.5 is farther than 1
    assert authenticity(train, train) == 0


def test_the_view_in_which_a_patch_lies_nearest_is_found():
    patches = blobs(VIEWS, 5)
    moved = np.stack([turned(patches[view : view + 1], view)[0] for view in range(VIEWS)])
    found = memorisation(patches, moved)
    assert found["nearest"].tolist() == list(range(VIEWS))
    np.testing.assert_allclose(each_turned(moved, found["view"]), patches, atol=1e-6)
    assert len({turned(patches[:1], view).tobytes() for view in range(VIEWS)}) == VIEWS
    assert memorisation(features(patches), features(moved))["view"].tolist() == [0] * VIEWS


def test_windows_of_one_object_do_not_hide_a_copy_of_it():
    objects = np.repeat(np.arange(4), 3)
    windows = with_noise(np.repeat(TRAINED_ON[:4], 3, axis=0), 0.05)
    copy = with_noise(windows[:1], 0.05, seed=1)
    assert memorisation(windows, copy)["ratio"][0] > 1 / 3
    found = memorisation(windows, copy, objects=objects)
    assert found["ratio"][0] < 1 / 3 and objects[found["nearest"][0]] == 0
    with pytest.raises(UserError, match="two training patches"):
        memorisation(windows[:3], copy, objects=objects[:3])
