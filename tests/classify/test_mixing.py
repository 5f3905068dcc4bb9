"""Mixup against sums done by hand."""

from __future__ import annotations

import numpy as np
import torch

from napari_cellsynth.classify.batches import Batches, Part, stages
from napari_cellsynth.classify.mixing import Batch, mixed
from napari_cellsynth.classify.train import train
from napari_cellsynth.training.loader import CropStore
from tests.classify.examples import store, tiny


def batch() -> Batch:
    patches = torch.arange(4.0)[:, None, None, None].expand(4, 2, 8, 8) / 4
    return Batch(patches.contiguous(), torch.tensor([0, 1, 2, 3]))


def test_linear_mixup_is_the_sum_that_the_same_draws_give_by_hand() -> None:
    rows = np.arange(4)
    made = mixed(batch(), 0.4, "linear", rows, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    partner, share = rng.permutation(rows), rng.beta(0.4, 0.4)
    assert made.share == share and made.others.tolist() == partner.tolist()
    for number in range(4):
        expected = share * number / 4 + (1 - share) * partner[number] / 4
        np.testing.assert_allclose(made.patches[number], expected, atol=1e-6)


def test_nonlinear_mixup_varies_over_the_patch_and_classes_count_as_much_as_is_seen() -> None:
    pair = Batch(torch.stack([torch.ones(1, 64, 64), torch.zeros(1, 64, 64)]), torch.tensor([0, 1]))
    made = next(
        each
        for seed in range(50)
        if (each := mixed(pair, 1.0, "nonlinear", np.arange(2), np.random.default_rng(seed))).others[0] == 1
    )
    assert made.patches[0].std() > 0.05
    np.testing.assert_allclose(made.patches[0] + made.patches[1], 1, atol=1e-6)
    np.testing.assert_allclose(made.patches[0].mean(), made.share, atol=1e-5)


def test_the_mean_share_is_a_half_and_alpha_says_how_near_to_it_shares_are() -> None:
    shares = {
        alpha: [mixed(batch(), alpha, "linear", np.arange(4), np.random.default_rng(s)).share for s in range(300)]
        for alpha in (0.2, 8.0)
    }
    for alpha, drawn in shares.items():
        assert abs(np.mean(drawn) - 0.5) < 0.1
        # The variance of Beta(a, a) is 1 / (4 (2 a + 1)).
        np.testing.assert_allclose(np.var(drawn), 1 / (4 * (2 * alpha + 1)), rtol=0.25)


def test_mixup_of_synthetic_patches_mixes_half_of_them_and_no_real_one() -> None:
    value = np.linspace(-0.9, 0.9, 32, dtype=np.float32)
    patches = np.broadcast_to(value[:, None, None, None], (32, 1, 16, 16)).copy()
    real = Part(CropStore.from_patches(patches[:16]), np.arange(16), False)
    synthetic = Part(CropStore.from_patches(patches[16:]), np.arange(16, 32), True)
    recipe = tiny(epochs=20, shift=0, batch=32, mixup=1.0, mixup_of="synthetic")
    (stage,) = stages(recipe, real, synthetic, "mixed", 32)
    changed = 0
    for step in range(10):
        x, y, others, share = Batches(recipe, 0, torch.device("cpu")).draw(stage, step)
        expected = share * value[y] + (1 - share) * value[y if others is None else others]
        np.testing.assert_allclose(x[:, 0, 0, 0], expected, atol=1e-5)
        if others is not None:
            assert torch.all((others == y) | (y >= 16)) and torch.all((others >= 16) == (y >= 16))
            changed += int((others != y).sum())
    assert 10 < changed <= 10 * 8


def test_a_training_with_mixup_is_fixed_by_its_seed_and_still_learns(tmp_path) -> None:
    recipe = tiny(epochs=25, mixup=0.4)
    results = [
        list(train(*store(60, 0), ["fine", "coarse"], recipe, tmp_path / name, held_out=store(40, 1)))[-1].result
        for name in ("a", "b")
    ]
    assert results[0]["scores"] == results[1]["scores"]
    assert results[0]["scores"]["balanced_accuracy"] > 0.85
