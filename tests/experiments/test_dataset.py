from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import LeakError, UserError
from napari_cellsynth.experiments.dataset import assert_no_twins, from_patches, near_twins, outer_folds


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


def test_crops_of_two_groups_that_are_nearly_the_same_are_named_and_within_a_group_they_are_not():
    images = patches()
    images[20] = np.clip(images[3].astype(int) + 4, 0, 255)
    images[9] = np.clip(images[8].astype(int) + 4, 0, 255)
    data = from_patches(images, np.arange(24) % 2, np.arange(24) // 4)
    assert_no_twins(data)
    [(first, again, likeness)] = near_twins(data)
    assert (first, again) == (3, 20)
    assert 0.98 <= likeness <= 1
    assert near_twins(from_patches(patches(), np.arange(24) % 2, np.arange(24) // 4)) == []


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
