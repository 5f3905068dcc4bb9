from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from napari_cellsynth.imaging.duplicates import copies, fingerprint, thumbnail


def cells(count: int = 30, side: int = 48) -> list[np.ndarray]:
    """Pictures (3, side, side) of smooth texture, whose colours go together as in a photograph."""
    rng = np.random.default_rng(0)
    light, colour = rng.normal(0, 1, (count, 1, side, side)), 0.3 * rng.normal(0, 1, (count, 3, side, side))
    rough = ndimage.gaussian_filter(light + colour, (0, 0, 3, 3))
    return list(np.clip(128 + 400 * rough, 0, 255).astype(np.uint8))


def found(pictures, images=None, groups=None):
    n = range(len(pictures))
    looks = np.stack([thumbnail(each) for each in pictures])
    return copies(
        looks, [fingerprint(each) for each in pictures], images or n, [str(g) for g in (groups if groups else n)]
    )


def as_jpeg(picture):
    file = io.BytesIO()
    Image.fromarray(np.moveaxis(picture, 0, -1)).save(file, "JPEG", quality=90, subsampling=0)
    return np.moveaxis(np.asarray(Image.open(file)), -1, 0)


def smaller(picture):
    image = Image.fromarray(np.moveaxis(picture, 0, -1)).resize((34, 34), Image.Resampling.LANCZOS)
    return np.moveaxis(np.asarray(image), -1, 0)


def brighter(picture):
    return np.clip(picture * 1.1 + 10, 0, 255).astype(np.uint8)


def noisy(picture):
    return np.clip(picture + np.random.default_rng(1).normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def test_pictures_that_are_no_copies_are_let_be():
    assert found(cells()) == []


@pytest.mark.parametrize("change", [as_jpeg, smaller, brighter, noisy])
def test_a_copy_saved_anew_shrunk_brightened_or_noisy_is_found_as_nearly_the_same(change):
    pictures = cells()
    [copy] = found([*pictures, change(pictures[4])])
    assert (copy.first, copy.again, copy.identical) == (4, 30, False)
    assert 0.98 <= copy.likeness < 1


def test_the_same_pixels_are_found_within_a_group_too_and_near_copies_are_natural_there():
    pictures = cells()
    pictures += [pictures[3], noisy(pictures[5])]
    [copy] = found(pictures, groups=["video"] * 32)
    assert (copy.first, copy.again, copy.identical) == (3, 30, True)


def test_without_what_is_there_again_every_picture_is_there_once():
    pictures = cells()
    pictures += [noisy(pictures[0]), pictures[0], brighter(pictures[0]), pictures[1]]
    told = found(pictures)
    assert [copy.again for copy in told] == [30, 31, 32, 33]
    assert [copy.first for copy in told] == [0, 0, 0, 1]
    assert [copy.identical for copy in told] == [False, True, False, True]


def test_boxes_of_one_image_are_no_copies_of_each_other():
    blank = np.zeros((3, 48, 48), np.uint8)
    assert found([blank, blank], images=[7, 7], groups=["a", "a"]) == []
    assert [copy.again for copy in found([blank, blank], images=[7, 8], groups=["a", "a"])] == [1]


def test_pictures_that_are_all_alike_are_no_copies_of_each_other():
    yy, xx = np.mgrid[:48, :48]
    nucleus = 200 * np.exp(-((yy - 24) ** 2 + (xx - 24) ** 2) / 200)
    rng = np.random.default_rng(0)
    pictures = [np.clip(nucleus + rng.normal(20, 6, (1, 48, 48)), 0, 255).astype(np.uint8) for _ in range(20)]
    assert found(pictures) == []
    told = found([*pictures, pictures[2] + 3])
    assert [(copy.first, copy.again) for copy in told] == [(2, 20)]
