"""Affine changes of batches against SciPy's splines, NumPy's turns and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_cellsynth.training.augmentation import NONE, PRESETS, STRONG, Augmentation
from napari_cellsynth.training.moving import moved, resampled
from napari_cellsynth.training.shading import shaded

STILL = {"horizontal_flip": 0.0, "vertical_flip": 0.0}


def smooth(count: int = 3, channels: int = 2, side: int = 32) -> torch.Tensor:
    noise = np.random.default_rng(0).normal(size=(count, channels, side, side))
    soft = ndimage.gaussian_filter(noise, (0, 0, 3, 3))
    return torch.from_numpy((soft / np.abs(soft).max()).astype(np.float32))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def matrix(rows: list[list[float]], count: int) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float32).expand(count, 2, 3)


def by_scipy(x: torch.Tensor, rows: list[list[float]]) -> np.ndarray:
    """Resample with cubic splines; SciPy's coordinates are (row, column) from the corner."""
    (xx, xy, xt), (yx, yy, yt) = rows
    linear = np.array([[yy, yx], [xy, xx]])
    middle = (x.shape[-1] - 1) / 2
    offset = np.array([yt, xt]) + middle - linear @ [middle, middle]
    planes = x.numpy().reshape(-1, *x.shape[2:])
    done = [ndimage.affine_transform(plane, linear, offset, order=3, mode="mirror") for plane in planes]
    return np.array(done).reshape(x.shape)


@pytest.mark.parametrize("degrees", [17.0, -130.0])
def test_a_turn_is_what_scipys_cubic_splines_make_of_it(degrees: float) -> None:
    x, angle = smooth(), np.deg2rad(degrees)
    rows = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]]
    np.testing.assert_allclose(resampled(x, matrix(rows, 3)), by_scipy(x, rows), atol=0.02)


@pytest.mark.parametrize(
    "rows", [[[1, 0.2, 0], [0, 1, 0]], [[0.8, 0, 0], [0, 0.8, 0]], [[1.2, 0, 2.5], [0, 0.9, -3.25]]]
)
def test_slants_zooms_and_shifts_are_what_scipy_makes_of_them(rows: list[list[float]]) -> None:
    x = smooth()
    np.testing.assert_allclose(resampled(x, matrix(rows, 3)), by_scipy(x, rows), atol=0.02)


def test_a_turn_by_ninety_degrees_is_rot90() -> None:
    x = torch.rand(2, 3, 9, 9) * 2 - 1
    done = resampled(x, matrix([[0, -1, 0], [1, 0, 0]], 2))
    np.testing.assert_allclose(done, np.rot90(x.numpy(), axes=(2, 3)), atol=1e-5)


@pytest.mark.parametrize("kinds", [NONE, Augmentation(**STILL, rotation_degrees=90, noise_share=1, shear_slope=1)])
def test_without_any_probability_every_bit_stays(kinds: Augmentation) -> None:
    x = smooth()
    assert torch.equal(shaded(moved(x, kinds, generator()), kinds, generator()), x)


def test_only_the_drawn_share_is_changed_and_the_others_keep_every_bit() -> None:
    x = smooth(1).expand(2000, -1, -1, -1)[:, :, :8, :8].contiguous()
    kinds = Augmentation(**STILL, rotation=0.3)
    same = [torch.equal(a, b) for a, b in zip(moved(x, kinds, generator()), x, strict=True)]
    assert np.mean(same) == pytest.approx(0.7, abs=0.04)


def test_each_kind_alone_changes_patches_and_strong_ones_are_as_many_as_patches() -> None:
    x = smooth(1).expand(20, -1, -1, -1)
    for kind in ("rotation", "shear", "shift", "zoom", "scale", "crop", "sharpen", "inversion", "intensity", "noise"):
        kinds = Augmentation(**STILL, **{kind: 1.0})
        done = shaded(moved(x, kinds, generator()), kinds, generator())
        assert not torch.equal(done, x), kind
        assert done.shape == x.shape and done.abs().max() <= 1
    done = shaded(moved(x, STRONG, generator()), STRONG, generator())
    assert len({image.numpy().tobytes() for image in done}) == 20


def test_a_ramp_tells_how_far_shifts_zooms_and_crops_go() -> None:
    ramp = torch.linspace(-1, 1, 41).expand(500, 1, 41, 41)  # a pixel is 0.05
    shift = moved(ramp, Augmentation(**STILL, shift=1, shift_share=0.1), generator())[:, 0, 20, 20] / 0.05
    assert set(shift.round().int().tolist()) == set(range(-4, 5))
    zoom = moved(ramp, Augmentation(**STILL, zoom=1, zoom_share=0.2), generator())[:, 0, 20]
    # A slope is the share of the side that is still seen; torch's cubic (a = -0.75) bends straight lines a little.
    slope = (zoom[:, 30] - zoom[:, 10]) / 1.0
    assert 0.79 < slope.min() < 0.81 and 0.99 < slope.max() < 1.01
    torch.testing.assert_close(zoom[:, 20], torch.zeros(500), atol=1e-5, rtol=0)
    crop = moved(ramp, Augmentation(**STILL, crop=1, crop_share=0.5), generator())[:, 0, 20]
    side = (crop[:, 25] - crop[:, 15]) / 0.5
    assert 0.48 < side.min() < 0.52 and 0.98 < side.max() < 1.01
    assert torch.all(crop[:, 20].abs() <= (1 - side) / 2 * 41 * 0.05 + 0.02)
    assert crop[:, 20].max() > 0.4 and crop[:, 20].min() < -0.4


def test_the_same_generator_gives_the_same_patches() -> None:
    x = smooth(20)
    one, same, other = (moved(x, STRONG, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_eight_channels_move_together() -> None:
    x = smooth(4, 1).expand(-1, 8, -1, -1)
    done = moved(x, PRESETS["S4"], generator())
    for channel in range(8):
        torch.testing.assert_close(done[:, channel], done[:, 0])
