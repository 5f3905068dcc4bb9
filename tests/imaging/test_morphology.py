"""The fast binary steps against scikit-image's and SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import disk, opening, remove_small_objects

from napari_cellsynth.imaging.morphology import fill_holes, label_objects, open_with_disk, otsu_threshold

RNG = np.random.default_rng(0)


def blotches(shape: tuple[int, int], share: float) -> np.ndarray:
    field = ndimage.gaussian_filter(RNG.random(shape), 1.2)
    return field > np.quantile(field, 1 - share)


MAPS = [blotches(shape, share) for shape in ((90, 110), (4, 60), (60, 4)) for share in (0.03, 0.3, 0.6, 0.9)]
MAPS += [np.zeros((20, 20), bool), np.ones((20, 20), bool)]


@pytest.mark.parametrize("radius", [0, 1, 2, 5, 13])
def test_opening_equals_scikit_image(radius: int) -> None:
    for mask in MAPS:
        np.testing.assert_array_equal(open_with_disk(mask, radius), opening(mask, disk(radius)))


def test_filling_equals_scipy() -> None:
    for mask in MAPS:
        np.testing.assert_array_equal(fill_holes(mask), ndimage.binary_fill_holes(mask))


@pytest.mark.parametrize("min_area", [0, 1, 12, 60])
def test_labels_are_those_of_scikit_image_without_the_small_ones(min_area: int) -> None:
    for mask in MAPS:
        kept = remove_small_objects(mask, max_size=max(min_area - 1, 0), connectivity=1)
        np.testing.assert_array_equal(label_objects(mask, min_area), label(kept, connectivity=1))


def test_a_spiral_is_one_object_and_a_snail_s_inside_is_no_hole() -> None:
    spiral = np.zeros((21, 21), bool)
    y, x, dy, dx, length = 10, 10, 0, 1, 2
    while 0 <= y < 21 and 0 <= x < 21:
        for _ in range(length):
            if 0 <= y < 21 and 0 <= x < 21:
                spiral[y, x] = True
            y, x = y + dy, x + dx
        dy, dx, length = dx, -dy, length + 1
    assert label_objects(spiral, 0).max() == label(spiral, connectivity=1).max() == 1
    np.testing.assert_array_equal(fill_holes(spiral), ndimage.binary_fill_holes(spiral))


def test_the_threshold_is_scikit_image_s() -> None:
    for values in (RNG.random((80, 90)), RNG.normal(3, 1, 5000), np.repeat([0.0, 1.0, 7.5], 50), RNG.random(2)):
        assert otsu_threshold(values) == threshold_otsu(values)
    steps = np.round(RNG.random(20000) * 256) / 256
    assert otsu_threshold(steps) == threshold_otsu(steps)
    assert otsu_threshold(np.full(9, 2.5)) == 2.5
