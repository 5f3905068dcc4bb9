"""Evening out the contrast."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.enhance import effects, enhance

RNG = np.random.default_rng(0)


def dim(dtype: str) -> np.ndarray:
    top = {"uint8": 60, "uint16": 900, "float32": 0.2}[dtype]
    return (RNG.beta(2, 6, (96, 96)) * top).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("method", ["he", "ahe", "clahe"])
def test_the_contrast_grows_and_the_dtype_stays(dtype: str, method: str) -> None:
    frame = dim(dtype)
    even = enhance(frame, method)
    assert even.dtype == frame.dtype
    assert even.shape == frame.shape
    assert even.astype(float).std() > 1.1 * frame.astype(float).std()
    if dtype == "float32":
        assert frame.min() <= even.min() <= even.max() <= frame.max() * 1.001
    else:
        assert even.max() > 0.9 * np.iinfo(dtype).max


def test_limited_contrast_is_between_none_and_unlimited() -> None:
    frame = dim("uint8")
    frame[:48] = 20 + RNG.integers(0, 3, (48, 96))
    quiet = [enhance(frame, method)[4:40].astype(float).std() for method in ("none", "clahe", "ahe")]
    assert quiet[0] < quiet[1] < quiet[2]


@pytest.mark.parametrize("method", ["none", "he", "ahe", "clahe"])
def test_none_and_constant_frames_are_unchanged(method: str) -> None:
    flat = np.full((32, 32), 7, np.uint16)
    np.testing.assert_array_equal(enhance(flat, method), flat)


def test_unknown_methods_and_missing_pixels_are_refused() -> None:
    with pytest.raises(UserError, match="sharpen"):
        enhance(dim("uint8"), "sharpen")  # type: ignore[arg-type]
    frame = dim("float32")
    frame[0, 0] = np.nan
    with pytest.raises(UserError, match="not numbers"):
        enhance(frame, "he")


def test_the_figures_are_the_formulas_of_s1() -> None:
    frame = dim("uint8")
    for row in effects(frame):
        even = enhance(frame, row.method).astype(float)
        mse = float(np.mean((even - frame) ** 2))
        assert row.mse == pytest.approx(mse)
        assert row.psnr == pytest.approx(20 * np.log10(255 / np.sqrt(mse)))
        assert row.ssim == pytest.approx(ssim_by_hand(frame, even), abs=0.02)


def ssim_by_hand(first: np.ndarray, second: np.ndarray) -> float:
    """SSIM over 7 x 7 windows from the means, variances and covariance of each (S1, equation 7)."""
    a, b = (np.lib.stride_tricks.sliding_window_view(image.astype(float), (7, 7)) for image in (first, second))
    ma, mb = a.mean((2, 3)), b.mean((2, 3))
    covariance = (a * b).mean((2, 3)) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * ma * mb + c1) * (2 * covariance + c2)
    return float(np.mean(above / ((ma**2 + mb**2 + c1) * (a.var((2, 3)) + b.var((2, 3)) + c2))))


def test_the_limited_one_changes_the_frame_least_of_the_adaptive_ones() -> None:
    found = {row.method: row for row in effects(dim("uint16"))}
    assert list(found) == ["he", "ahe", "clahe"]
    assert found["clahe"].ssim > found["ahe"].ssim and found["clahe"].psnr > found["ahe"].psnr


def test_the_figures_do_not_depend_on_the_bit_depth_of_deep_frames() -> None:
    frame = dim("uint16")
    for deep, other in zip(effects(frame), effects(frame.astype(np.float64) / 1000), strict=True):
        assert deep.ssim == pytest.approx(other.ssim, abs=0.02)


def test_a_flat_frame_is_not_changed_and_a_tiny_one_is_refused() -> None:
    for row in effects(np.full((16, 16), 7, np.uint16)):
        assert row.mse == 0 and row.psnr == np.inf and row.ssim == 1
    with pytest.raises(UserError, match="too small"):
        effects(np.zeros((5, 30), np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_comparing_on_pixels_that_are_no_numbers_is_refused(value: float) -> None:
    image = np.ones((16, 16), np.float32)
    image[3, 4] = value
    with pytest.raises(UserError, match="not numbers"):
        effects(image)
