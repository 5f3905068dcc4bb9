from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.quality import (
    features,
    fid,
    kid,
    memorisation,
    precision_recall_density_coverage,
    standardised,
)
from napari_cellsynth.evaluate.quality_table import quality_table
from tests.evaluate.examples import blobs


@pytest.mark.parametrize(("d", "n", "m"), [(8, 200, 150), (64, 40, 50)])
def test_fid_equals_the_eigenvalue_form_for_more_and_for_fewer_patches_than_features(d, n, m):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(n, d)), rng.normal(0.3, 1.4, size=(m, d))
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(s @ t).real, 0))
    gap = x.mean(0) - y.mean(0)
    expected = gap @ gap + np.trace(s) + np.trace(t) - 2 * roots.sum()
    assert fid(x, y) == pytest.approx(expected, rel=1e-5)


def test_fid_has_its_closed_forms():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 6))
    assert fid(x, x) == pytest.approx(0, abs=1e-9)
    shift = np.arange(6.0)
    assert fid(x, x + shift) == pytest.approx(shift @ shift)
    centred = x - x.mean(0)
    # Scaling by 3 multiplies every standard deviation by 3: the distance is the trace of S times (3 - 1)².
    assert fid(centred, 3 * centred) == pytest.approx(4 * np.trace(np.cov(x, rowvar=False)))


def test_fid_equals_torchmetrics():
    fid_module = pytest.importorskip("torchmetrics.image.fid")
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(120, 10)), rng.normal(0.5, 2, size=(90, 10))
    mu, sigma = x.mean(0), np.cov(x, rowvar=False)
    nu, tau = y.mean(0), np.cov(y, rowvar=False)
    theirs = fid_module._compute_fid(*(torch.from_numpy(v) for v in (mu, sigma, nu, tau)))
    assert fid(x, y) == pytest.approx(float(theirs), rel=1e-4)


def test_kid_equals_a_double_loop_over_sets_of_unequal_size():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(9, 5)), rng.normal(0.5, 1, size=(7, 5))

    def k(a, b):
        return (a @ b / 5 + 1) ** 3

    xx = sum(k(x[i], x[j]) for i in range(9) for j in range(9) if i != j) / (9 * 8)
    yy = sum(k(y[i], y[j]) for i in range(7) for j in range(7) if i != j) / (7 * 6)
    xy = sum(k(a, b) for a in x for b in y) / (9 * 7)
    assert kid(x, y) == pytest.approx(xx + yy - 2 * xy)
    assert kid(x[::-1], y) == pytest.approx(kid(x, y))


def test_kid_is_unbiased_for_small_sets():
    rng = np.random.default_rng(3)
    draws = [kid(rng.normal(size=(20, 16)), rng.normal(size=(30, 16))) for _ in range(300)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / np.sqrt(len(draws))
    assert min(draws) < 0


def test_coverage_and_density_have_their_expected_values_for_one_law():
    n, k = 60, 5
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    rng = np.random.default_rng(4)
    found = [
        precision_recall_density_coverage(rng.normal(size=(n, 16)), rng.normal(size=(n, 16)), k) for _ in range(60)
    ]
    assert np.mean([f["coverage"] for f in found]) == pytest.approx(expected, abs=0.01)
    assert np.mean([f["density"] for f in found]) == pytest.approx(1, abs=0.06)


def test_precision_falls_for_noise_and_recall_for_a_single_mode():
    rng = np.random.default_rng(5)
    real = rng.normal(size=(200, 4))
    far = precision_recall_density_coverage(real, rng.normal(size=(200, 4)) + 50)
    assert far == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    collapsed = precision_recall_density_coverage(real, real[:1] + rng.normal(0, 0.01, (200, 4)))
    assert collapsed["precision"] == 1 and collapsed["recall"] < 0.05 and collapsed["coverage"] < 0.2


def test_copies_are_caught_in_whatever_position_and_with_noise_and_held_out_patches_are_not():
    rng = np.random.default_rng(6)
    real, fresh = blobs(120, 1), blobs(60, 2)
    copies = real[10:70].copy()
    copies[20:40] = copies[20:40, ..., ::-1]
    copies[40:] = np.rot90(copies[40:], 1, (-2, -1))
    copies += rng.normal(0, 0.02, copies.shape).astype(np.float32)  # 1 % of the range
    caught, innocent = memorisation(real, copies), memorisation(real, fresh)
    assert caught["copied"] > 0.9
    assert innocent["copied"] < 0.05
    assert np.mean(caught["nearest"] == np.arange(10, 70)) > 0.95
    assert caught["distance"].max() < 0.05 < np.median(innocent["distance"])


def test_an_exact_copy_has_ratio_zero_also_in_features_and_when_the_original_is_there_twice():
    real = blobs(20, 3)
    found = memorisation(np.concatenate([real, real[:1]]), real[:1])
    assert found["copied"] == 1 and found["distance"][0] == 0 and found["ratio"][0] == 0
    by_features = memorisation(features(real), features(real[4:6]))
    assert by_features["nearest"].tolist() == [4, 5] and by_features["copied"] == 1


def test_the_distance_of_patches_is_the_least_over_all_eight_symmetries():
    rng = np.random.default_rng(7)
    patch = rng.uniform(-1, 1, (1, 2, 8, 8))
    other = rng.uniform(-1, 1, (3, 2, 8, 8))
    for flipped in (patch, patch[..., ::-1]):
        for turns in range(4):
            found = memorisation(np.concatenate([other, patch]), np.rot90(flipped, turns, (-2, -1)))
            assert found["nearest"][0] == 3 and found["distance"][0] == pytest.approx(0, abs=1e-7)
    expected = np.sqrt(np.mean((other[0] - patch[0]) ** 2))
    assert memorisation(other, patch)["distance"][0] <= expected


@pytest.mark.parametrize("extractor", ["handmade", "random-conv"])
@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_finite_and_do_not_depend_on_the_batch(extractor, channels):
    patches = blobs(6, 8, channels)
    patches[0] = 0.5  # constant
    whole = features(patches, extractor)
    alone = np.concatenate([features(patches[i : i + 1], extractor) for i in range(6)])
    assert whole.shape == (6, 29 * channels if extractor == "handmade" else 112)
    assert np.isfinite(whole).all()
    np.testing.assert_allclose(whole, alone, atol=1e-5)


def test_handmade_features_are_blind_to_flips_and_turns_and_see_the_texture():
    patches = blobs(4, 9)
    np.testing.assert_allclose(features(np.rot90(patches, 1, (-2, -1))), features(patches), atol=1e-5)
    np.testing.assert_allclose(features(patches[..., ::-1]), features(patches), atol=1e-5)
    noisy = patches + np.random.default_rng(0).normal(0, 0.2, patches.shape).astype(np.float32)
    assert np.abs(features(noisy) - features(patches)).max() > 0.5


def test_features_take_an_extractor_of_ones_own_and_refuse_unknown_ones():
    assert features(blobs(3, 0), lambda x: x.mean(axis=(2, 3))).shape == (3, 1)
    with pytest.raises(UserError, match="no feature extractor 'inception'"):
        features(blobs(3, 0), "inception")
    with pytest.raises(UserError, match="shape"):
        features(blobs(3, 0)[0])


def test_standardised_features_have_unit_spread_in_the_bulk_a_bound_and_survive_constant_ones():
    real = np.column_stack([np.arange(10.0), np.full(10, 3.0)])
    a, b = standardised(real, real + 1)
    assert a[:, 1].tolist() == [0] * 10 and 0.8 < a[:, 0].std() < 1
    assert b[:, 1] == pytest.approx(2 * np.tanh(0.5))
    _, far, farther = standardised(real, real + 30, real + 1e6)
    assert np.all(far < farther + 1e-9) and farther.max() <= 2


def test_too_few_patches_are_refused_in_words():
    one, many = np.zeros((1, 4)), np.zeros((9, 4))
    for distance in (fid, kid):
        with pytest.raises(UserError, match="at least two"):
            distance(many, one)
    with pytest.raises(UserError, match="more than 5 patches"):
        precision_recall_density_coverage(many, many[:5])
    with pytest.raises(UserError, match="two training patches"):
        memorisation(one, many)


def test_the_quality_table_ranks_fresh_patches_before_noise_and_gives_the_floor():
    real, held_out, fresh = blobs(80, 1), blobs(60, 2), blobs(60, 3)
    noise = np.random.default_rng(0).uniform(-1, 1, fresh.shape).astype(np.float32)
    good = quality_table(real, fresh, held_out)
    bad = quality_table(real, noise, held_out)
    assert good["n"] == 60 and good["reference"] == "held-out real patches" and not good["notices"]
    assert good["kid"] < 0.1 * bad["kid"] and good["fid"] < 0.1 * bad["fid"]
    assert abs(good["floor"]["kid"]) < 0.1 * bad["kid"]
    assert good["coverage"] > 0.8 > bad["coverage"]


def test_the_quality_table_shows_a_memoriser_and_says_when_nothing_is_held_out():
    real = blobs(80, 1)
    table = quality_table(real, real[::-1])
    assert table["copied"] > 0.4 and table["floor"]["copied"] < 0.1
    assert "flatters" in table["notices"][0]
    with pytest.raises(UserError, match="more than 5"):
        quality_table(real, real[:3])
