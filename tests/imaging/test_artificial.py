"""Perlin noise by its definition, and drawings against what they claim to show."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.artificial import drawn, perlin


def test_perlin_noise_is_zero_on_its_lattice_and_smooth_in_between() -> None:
    noise = perlin(64, 8, np.random.default_rng(0))
    np.testing.assert_allclose(noise[::8, ::8], 0, atol=1e-6)
    assert noise.std() > 0.15 and np.abs(noise).max() <= np.sqrt(0.5) + 1e-6
    assert np.abs(np.diff(noise, axis=0)).max() < 0.35 and np.abs(np.diff(noise, axis=1)).max() < 0.35


def test_blobs_are_as_large_as_the_cells() -> None:
    def steepness(cell: float) -> float:
        return float(np.abs(np.diff(perlin(128, cell, np.random.default_rng(1)))).mean())

    assert steepness(4) / steepness(16) == pytest.approx(4, rel=0.25)


@pytest.mark.parametrize("kind", ["circle", "rings", "dense", "debris"])
def test_patch_i_of_a_seed_is_always_the_same(kind: str) -> None:
    several = drawn(kind, 4, 32, channels=2, seed=5)
    assert several.shape == (4, 2, 32, 32) and several.dtype == np.float32 and np.abs(several).max() <= 1
    np.testing.assert_array_equal(drawn(kind, 1, 32, channels=2, seed=5, first=2)[0], several[2])
    assert len({patch.tobytes() for patch in several}) == 4
    np.testing.assert_array_equal(several[:, 0], several[:, 1])


def test_a_circle_encloses_and_rings_cross_more_walls() -> None:
    def walls(kind: str) -> float:
        found = []
        for image in drawn(kind, 30, 64, seed=1)[:, 0]:
            dark = ndimage.gaussian_filter(image, 0.8) < -0.3
            rows = dark[28:36]
            found.append(np.mean(np.diff(rows.astype(int), axis=1) == 1) * 63)
        return float(np.mean(found))

    assert 1.3 < walls("circle") < 3
    assert walls("rings") > 1.6 * walls("circle")


def test_an_unknown_drawing_is_refused() -> None:
    with pytest.raises(UserError, match="no drawing of 'square'"):
        drawn("square", 1, 32)
