"""Evening out the contrast."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.enhance import enhance

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
