"""Changes before the critic: off at 0, alike for any number of channels, open to gradients, as often as asked."""

from __future__ import annotations

import pytest
import torch

from napari_cellsynth.training import differentiable
from napari_cellsynth.training.differentiable import random_changes


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def altered(x: torch.Tensor, probability: torch.Tensor | float, rng: torch.Generator) -> torch.Tensor:
    return differentiable.altered(x, probability, random_changes(len(x), rng, x.device))


def patches(channels: int = 2, count: int = 6, side: int = 16) -> torch.Tensor:
    return torch.rand((count, channels, side, side), generator=seeded(9)) * 2 - 1


def test_at_probability_zero_nothing_changes() -> None:
    x = patches()
    assert torch.equal(altered(x, 0.0, seeded()), x)
    assert torch.equal(altered(x, torch.tensor(0.0), seeded()), x)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
def test_any_number_of_channels_keeps_shape_type_and_source(channels: int) -> None:
    x = patches(channels)
    before = x.clone()
    changed = altered(x, 1.0, seeded())
    assert changed.shape == x.shape and changed.dtype == torch.float32
    assert torch.equal(x, before) and not torch.equal(changed, x)


def test_a_batch_in_channels_last_memory_is_changed_alike() -> None:
    x = patches(3)
    plain = altered(x, 0.7, seeded())
    torch.testing.assert_close(altered(x.contiguous(memory_format=torch.channels_last), 0.7, seeded()), plain)


def test_each_kind_of_change_happens_as_often_as_asked() -> None:
    x = torch.linspace(-0.5, 0.5, 64 * 64).view(1, 1, 64, 64).expand(4000, -1, -1, -1)
    untouched = (altered(x[:, :, ::8, ::8], 0.3, seeded()) == x[:, :, ::8, ::8]).flatten(1).all(dim=1).float().mean()
    assert untouched.item() == pytest.approx(0.7**3, abs=0.03)  # three kinds, each drawn by itself


def test_the_gradient_is_that_of_finite_differences() -> None:
    x = patches(1, 2, 8).double().requires_grad_(True)

    def changed(at: torch.Tensor) -> torch.Tensor:
        # Float32 inside: the weights of the differences are coarse, but the function is affine in the patch.
        return altered(at.float(), 1.0, seeded()).double()

    weights = torch.randn((2, 1, 8, 8), generator=seeded(1)).double()
    (slope,) = torch.autograd.grad((changed(x) * weights).sum(), x)
    step = 0.5
    for place in [(0, 0, 3, 4), (1, 0, 5, 2), (0, 0, 0, 7)]:
        moved = x.detach().clone()
        moved[place] += step
        difference = ((changed(moved) - changed(x.detach())) * weights).sum() / step
        assert slope[place].item() == pytest.approx(difference.item(), abs=1e-4)


def test_each_patch_is_changed_by_itself() -> None:
    x = patches().requires_grad_(True)
    (slope,) = torch.autograd.grad(altered(x, 1.0, seeded())[0].sum(), x)
    assert slope[1:].abs().max() == 0
