from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import stats
from skimage.draw import disk
from skimage.feature import graycomatrix, graycoprops, local_binary_pattern
from skimage.filters import threshold_otsu

from napari_cellsynth.imaging.features import families, feature_names, object_features, patch_features
from napari_cellsynth.imaging.features.patches import foreground
from napari_cellsynth.imaging.features.texture import uniform_patterns


def numbers(row, name):
    return row[[column for column in row.index if re.fullmatch(rf"{name}_\d\d", column)]].to_numpy()


def textured(seed=0, size=48):
    """A plane of 8-bit grey levels with some structure, in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    plane = 0.5 + 0.3 * np.sin(x / 3) * np.cos(y / 5) + rng.normal(0, 0.05, (size, size))
    return np.rint(np.clip(plane, 0, 1) * 255) / 255


def test_histogram_and_its_figures_are_numpys_and_scipys():
    plane, labels = textured(), np.zeros((48, 48), int)
    labels[5:30, 8:40] = 3
    row = object_features(plane[None], labels, low=0, high=1).loc[3]
    inside = plane[labels == 3]
    counts, _ = np.histogram(inside, 32, (0, 1))
    np.testing.assert_allclose(numbers(row, "c0_histogram"), counts / inside.size)
    assert row["c0_mean"] == pytest.approx(inside.mean()) and row["c0_deviation"] == pytest.approx(inside.std())
    assert row["c0_skewness"] == pytest.approx(stats.skew(inside))
    assert row["c0_kurtosis"] == pytest.approx(stats.kurtosis(inside))


def test_the_internal_variance_is_what_otsu_leaves():
    plane, labels = textured(1), np.ones((48, 48), int)
    row = object_features(plane[None], labels, low=0, high=1).loc[1]
    upper = plane > threshold_otsu(plane)
    left = sum(part.size * part.var() for part in (plane[upper], plane[~upper])) / plane.size
    # Ours thresholds a histogram of 32 bins, scikit-image's one of 256.
    assert row["c0_internal_variance"] == pytest.approx(left, rel=0.05)
    two = np.where(np.arange(48) < 20, 0.2, 0.8) * np.ones((48, 1))
    assert object_features(two[None], labels, low=0, high=1).loc[1, "c0_internal_contrast"] == pytest.approx(1, abs=0.1)


def test_the_radial_profile_of_a_cone_falls_evenly():
    labels = np.zeros((121, 121), int)
    labels[disk((60, 60), 50.4)] = 1
    y, x = np.mgrid[:121, :121]
    cone = 1 - np.hypot(y - 60, x - 60) / 100
    row = object_features(cone[None], labels, low=0, high=1).loc[1]
    # The mean distance of a ring from a to b is 2/3 (b³ - a³) / (b² - a²).
    a, b = np.arange(8) * 50.5 / 8, np.arange(1, 9) * 50.5 / 8
    expected = 1 - 2 / 3 * (b**3 - a**3) / (b**2 - a**2) / 100
    np.testing.assert_allclose(numbers(row, "c0_radial"), expected, atol=0.01)


def test_the_edge_profile_and_signal_to_noise_see_a_step_at_the_membrane():
    labels = np.zeros((80, 80), int)
    labels[20:60, 20:60] = 1
    step = np.where(labels == 1, 0.8, 0.3)
    row = object_features(step[None], labels, low=0, high=1).loc[1]
    np.testing.assert_allclose(numbers(row, "c0_edge"), [0.3] * 3 + [0.8] * 8)
    assert row["c0_membrane_along"] == pytest.approx(0, abs=1e-12)
    assert row["c0_signal_to_noise"] > 4
    noise = np.random.default_rng(0).random((80, 80))
    assert object_features(noise[None], labels, low=0, high=1).loc[1, "c0_signal_to_noise"] < -1


def test_the_variances_across_and_along_a_membrane_sum_to_that_of_its_band():
    plane, labels = textured(2), np.zeros((48, 48), int)
    labels[10:38, 10:38] = 1
    row = object_features(plane[None], labels, low=0, high=1).loc[1]
    y, x = np.mgrid[:48, :48]
    outside = np.hypot(np.maximum(0, abs(y - 23.5) - 13.5), np.maximum(0, abs(x - 23.5) - 13.5))
    band = (outside <= 3.5) & (np.maximum(abs(y - 23.5), abs(x - 23.5)) > 11)
    assert row["c0_membrane_across"] + row["c0_membrane_along"] == pytest.approx(plane[band].var(), rel=1e-6)


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_binary_patterns_are_scikit_images(radius):
    plane = textured(3)
    theirs = local_binary_pattern(np.rint(plane * 255).astype(np.uint8), 8, radius, "uniform")
    inner = slice(radius + 1, -radius - 1)
    assert np.mean(uniform_patterns(plane, radius)[inner, inner] == theirs[inner, inner]) > 0.995


def test_co_occurrence_is_scikit_images_over_four_directions():
    plane, labels = textured(4), np.ones((48, 48), int)
    row = object_features(plane[None], labels, low=0, high=1).loc[1]
    levels = np.minimum((plane * 16).astype(np.uint8), 15)
    for distance in (1, 2, 4):
        counts = np.zeros((16, 16, 1, 1))
        for y, x in ((0, 1), (1, 1), (1, 0), (1, -1)):
            # scikit-image rounds a diagonal's end to the pixels of a circle; here the shifts are given by hand.
            first = levels[: 48 - y * distance, max(0, -x * distance) : 48 - max(0, x * distance)]
            second = levels[y * distance :, max(0, x * distance) : 48 + min(0, x * distance)]
            np.add.at(counts[:, :, 0, 0], (first, second), 1)
        counts = (counts + counts.transpose(1, 0, 2, 3)) / 2 / counts.sum()
        for name in ("contrast", "homogeneity", "energy", "correlation"):
            assert row[f"c0_glcm{distance}_{name}"] == pytest.approx(graycoprops(counts, name)[0, 0]), name
    along = graycomatrix(levels, [1], [0], 16, symmetric=True, normed=True)
    assert abs(graycoprops(along, "contrast")[0, 0] - row["c0_glcm1_contrast"]) < 1


def test_only_pairs_inside_an_object_co_occur():
    plane, labels = np.full((40, 40), 0.9), np.zeros((40, 40), int)
    labels[5:20, 5:20], labels[5:20, 20:35] = 1, 2
    plane[labels == 1], plane[labels == 2] = 0.1, 0.6
    table = object_features(plane[None], labels, low=0, high=1)
    assert (table["c0_glcm1_contrast"] == 0).all() and (table["c0_glcm4_energy"] == 1).all()


def test_the_foreground_is_the_object_in_the_middle_whether_bright_or_dark():
    patches = np.full((3, 1, 64, 64), -0.6, np.float32)
    patches += np.random.default_rng(0).normal(0, 0.02, patches.shape).astype(np.float32)
    middle, corner = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    middle[disk((33, 30), 14)], corner[disk((8, 52), 6)] = True, True
    patches[0, 0, middle | corner] = 0.5
    patches[1, 0] *= -1
    patches[1, 0, middle | corner] = -0.5
    patches[2] = 0.1
    masks, share, pieces = foreground(patches)
    for mask in masks[:2]:
        assert np.logical_and(mask, middle).sum() / np.logical_or(mask, middle).sum() > 0.9
        assert not (mask & corner).any()
    assert pieces.tolist() == [2, 2, 0]
    assert share[0] == pytest.approx((middle | corner).mean(), rel=0.15)
    assert masks[2].all()  # nothing differs from the border: the whole patch is measured


def test_a_patch_is_measured_alike_alone_and_among_others():
    patches = np.random.default_rng(0).uniform(-1, 1, (4, 2, 32, 32)).astype(np.float32)
    together = patch_features(patches)
    assert list(together.columns) == feature_names(2) and len(together) == 4
    np.testing.assert_allclose(together.iloc[[2]].to_numpy(), patch_features(patches[2:3]).to_numpy(), atol=1e-9)


def test_constant_patches_give_finite_features():
    assert np.isfinite(patch_features(np.full((2, 3, 16, 16), -1, np.float32)).to_numpy()).all()


def test_families_gather_the_columns_of_one_kind():
    found = families(["area", "mu20", "mu02", "c0_mean", "c0_lbp1_00", "c0_lbp3_09", "c0_glcm2_energy", "c0_edge_03"])
    assert found == {"area": [0], "mu": [1, 2], "c0_mean": [3], "c0_lbp": [4, 5], "c0_glcm": [6], "c0_edge": [7]}
