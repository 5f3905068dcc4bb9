"""Balanced passes against imbalanced-learn's counts; amounts of synthetic patches by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from imblearn.over_sampling import RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler

from napari_cellsynth.classify.balance import one_pass, synthetic_counts
from napari_cellsynth.classify.batches import Batches, Part, stages
from napari_cellsynth.training.loader import CropStore
from tests.classify.examples import tiny

LABELS = np.repeat([0, 1, 2], [50, 5, 20])


def passes(method: str, count: int = 3) -> list[np.ndarray]:
    return [
        one_pass(LABELS, method, np.random.default_rng(7), np.random.default_rng([1, number]))
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("method", "sampler"), [("oversample", RandomOverSampler()), ("undersample", RandomUnderSampler())]
)
def test_a_pass_has_the_counts_of_imbalanced_learns_samplers(method: str, sampler: object) -> None:
    _, expected = sampler.fit_resample(np.arange(len(LABELS))[:, None], LABELS)
    for drawn in passes(method):
        np.testing.assert_array_equal(np.bincount(LABELS[drawn]), np.bincount(expected))


def test_oversampling_leaves_none_out_and_repeats_others_in_each_pass() -> None:
    first, second, _ = passes("oversample")
    assert set(first) == set(range(75)) and not np.array_equal(np.sort(first), np.sort(second))


def test_undersampling_keeps_the_same_patches_in_another_order() -> None:
    first, second, _ = passes("undersample")
    assert len(set(first)) == 15
    assert set(first) == set(second) and not np.array_equal(first, second)


def test_a_fifth_of_the_majority_is_dropped_anew_in_each_pass() -> None:
    drawn = passes("majority-dropout", 40)
    for each in drawn:
        assert np.bincount(LABELS[each]).tolist() == [40, 5, 20] and len(set(each)) == 65
    assert set(drawn[0]) != set(drawn[1])
    assert set(np.concatenate(drawn)) == set(range(75))


def test_a_class_without_patches_is_never_drawn() -> None:
    labels = np.array([0, 0, 0, 2])
    for method in ("oversample", "undersample", "majority-dropout"):
        drawn = one_pass(labels, method, np.random.default_rng(0), np.random.default_rng(1))
        assert np.bincount(labels[drawn], minlength=3)[1] == 0


@pytest.mark.parametrize("method", ["oversample", "undersample", "majority-dropout"])
def test_balance_changes_what_is_drawn_but_not_the_steps(method: str) -> None:
    patches = CropStore.from_patches(np.zeros((75, 1, 16, 16), np.float32))
    recipe = tiny(balance=method, epochs=8)
    (stage,) = stages(recipe, Part(patches, LABELS, False), None, "real", 3)
    assert stage.steps == recipe.steps(75) and stage.weights.tolist() == [1, 1, 1]
    batches = Batches(recipe, 0, torch.device("cpu"))
    drawn = np.concatenate([batches.draw(stage, step).labels for step in range(75)])  # 600 patches, eight a step
    expected = {"oversample": [200, 200, 200], "undersample": [200, 200, 200], "majority-dropout": [369, 46, 185]}
    np.testing.assert_allclose(np.bincount(drawn), expected[method], atol=15)
    again = Batches(recipe, 0, torch.device("cpu")).draw(stage, 70)
    assert torch.equal(again.labels, torch.from_numpy(drawn[560:568]))


def test_synthetic_patches_come_by_the_class_by_what_is_missing_or_by_share() -> None:
    real = [100, 40, 3]
    assert synthetic_counts(real, each=5).tolist() == [5, 5, 5]
    assert synthetic_counts(real, up_to=40).tolist() == [0, 0, 37]
    assert synthetic_counts(real, share=0.5).tolist() == [50, 20, 2]
    assert synthetic_counts(real).tolist() == [0, 0, 0]
