from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_cellsynth.errors import LeakError, UserError
from napari_cellsynth.experiments.dataset import assert_no_twins, from_patches, outer_folds, with_inner


def patches(count: int = 24) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (count, 1, 32, 32), dtype=np.uint8)


def test_every_crop_is_tested_once_a_repeat_and_no_group_is_on_both_sides():
    data = from_patches(patches(), np.arange(24) % 2, np.arange(24) // 4)
    folds = outer_folds(data, 3, 2, seed=1)
    assert [fold.name for fold in folds] == ["r0-f0", "r0-f1", "r0-f2", "r1-f0", "r1-f1", "r1-f2"]
    for repeat in range(2):
        tested = np.concatenate([fold.test for fold in folds if fold.repeat == repeat])
        assert sorted(tested) == list(range(24))
    for fold in folds:
        assert not set(data.groups[fold.train]) & set(data.groups[fold.test])


def test_a_class_that_a_fold_could_not_learn_is_named_before_anything_is_trained():
    labels = np.array(["common"] * 20 + ["rare"] * 4)
    data = from_patches(patches(), labels, np.arange(24) // 4)
    with pytest.raises(UserError, match="no rare to learn from"):
        outer_folds(data, 3, 1, seed=0)
    labels[:8:4] = "rare"
    labels[20:] = "common"
    data = from_patches(patches(), labels, np.arange(24) // 4)
    with pytest.raises(UserError, match="a single rare to learn from"):
        outer_folds(data, 3, 1, seed=0)


def test_the_same_crop_in_two_groups_is_refused_by_name_and_within_a_group_it_is_not():
    images = patches()
    images[20] = images[3]
    data = from_patches(images, np.arange(24) % 2, np.arange(24) // 4)
    with pytest.raises(LeakError, match=r"objects 3 \(0\) and 20 \(5\)"):
        assert_no_twins(data)
    images[20] = images[19]
    images[1] = images[0]
    data = from_patches(images, np.arange(24) % 2, np.r_[np.arange(20) // 4, [4] * 4])
    assert_no_twins(data)


def test_nearly_the_same_crop_in_two_groups_is_refused_by_name_too():
    rng = np.random.default_rng(0)
    images = np.stack([gaussian_filter(rng.normal(size=(64, 64)), 3) for _ in range(24)])[:, None]
    images = np.clip(128 + 40 * images / images.std(), 0, 255).astype(np.uint8)
    images[20] = np.roll(images[3], 1, axis=-1) // 2 + 40  # cut a pixel apart, and with other contrast
    data = from_patches(images, np.arange(24) % 2, np.arange(24) // 4)
    with pytest.raises(LeakError, match=r"Nearly the same crop is in two groups: objects 3 \(0\) and 20 \(5\)"):
        assert_no_twins(data)
    assert_no_twins(from_patches(images, np.arange(24) % 2, np.r_[np.arange(20) // 4, [0] * 4]))


def test_an_inner_split_tests_no_crop_of_the_outer_test_and_keeps_groups_whole():
    data = from_patches(patches(), np.arange(24) % 2, np.arange(24) // 2)
    for fold in with_inner(data, outer_folds(data, 3, 2, seed=1), seed=1):
        inner = fold.inner
        assert inner is not None
        assert sorted([*inner.train, *inner.test]) == sorted(fold.train)
        assert not set(data.groups[inner.train]) & set(data.groups[inner.test])
        assert inner.name == f"{fold.name}-inner"
        assert set(data.labels[inner.train]) == set(data.labels[inner.test]) == {0, 1}


def test_where_a_fold_cannot_be_split_again_none_is():
    data = from_patches(patches(), np.arange(24) % 2, np.arange(24) // 12)
    assert all(fold.inner is None for fold in with_inner(data, outer_folds(data, 2, 1, seed=0), seed=0))


def test_the_digest_changes_with_a_pixel_a_label_and_a_group():
    base = from_patches(patches(), np.arange(24) % 2, np.arange(24) // 4)
    pixel = patches()
    pixel[7, 0, 3, 3] ^= 1
    others = [
        from_patches(pixel, np.arange(24) % 2, np.arange(24) // 4),
        from_patches(patches(), (np.arange(24) + 1) % 2, np.arange(24) // 4),
        from_patches(patches(), np.arange(24) % 2, np.arange(24) // 3),
    ]
    assert from_patches(patches(), np.arange(24) % 2, np.arange(24) // 4).digest() == base.digest()
    assert len({base.digest(), *(other.digest() for other in others)}) == 4
