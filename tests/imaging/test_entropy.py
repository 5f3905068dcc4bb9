"""The fast entropy filter against scikit-image's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage.filters import rank
from skimage.morphology import disk

from napari_cellsynth.imaging.entropy import local_entropy

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "radius"), [((70, 90), 9), ((41, 33), 1), ((7, 60), 9), ((60, 7), 5), ((20, 20), 40), ((1, 30), 3)]
)
@pytest.mark.parametrize("levels", [2, 5, 256])
def test_it_equals_scikit_image_everywhere_borders_included(shape: tuple[int, int], radius: int, levels: int) -> None:
    image = RNG.integers(0, levels, shape).astype(np.uint8)
    expected = rank.entropy(image, disk(radius))
    np.testing.assert_allclose(local_entropy(image, radius), expected, rtol=0, atol=1e-6)


def test_it_equals_scikit_image_on_a_frame_with_empty_and_full_regions() -> None:
    image = np.zeros((150, 130), np.uint8)
    image[30:90, 20:100] = RNG.normal(128, 30, (60, 80)).clip(0, 255)
    image[100:] = 255
    np.testing.assert_allclose(local_entropy(image, 9), rank.entropy(image, disk(9)), rtol=0, atol=1e-6)


def test_a_constant_frame_has_none_and_nothing_is_left_over_along_a_row() -> None:
    image = np.full((30, 4000), 77, np.uint8)
    image[:, :300] = RNG.integers(0, 256, (30, 300))
    texture = local_entropy(image, 9)
    assert (texture[:, 310:] == 0).all()


def test_a_view_that_is_not_contiguous_is_read_right() -> None:
    image = RNG.integers(0, 256, (60, 80)).astype(np.uint8)
    np.testing.assert_array_equal(local_entropy(image.T, 4), local_entropy(image.T.copy(), 4))


def test_several_threads_may_filter_at_once() -> None:
    image = RNG.integers(0, 256, (200, 200)).astype(np.uint8)
    alone = local_entropy(image, 5)
    with ThreadPoolExecutor(4) as pool:
        for together in pool.map(lambda _: local_entropy(image, 5), range(8)):
            np.testing.assert_array_equal(together, alone)


def test_other_dtypes_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        local_entropy(np.zeros((9, 9), np.uint16), 2)  # type: ignore[arg-type]
