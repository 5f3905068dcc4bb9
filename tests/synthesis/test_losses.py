"""The losses against their closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from napari_cellsynth.synthesis.losses import cross_entropy_discriminator, cross_entropy_generator


def test_an_undecided_discriminator_costs_two_ln_two_and_one_ln_two() -> None:
    zero = torch.zeros(5)
    assert float(cross_entropy_discriminator(zero, zero)) == pytest.approx(2 * math.log(2))
    assert float(cross_entropy_generator(zero)) == pytest.approx(math.log(2))


def test_the_losses_equal_the_logarithms_of_probabilities() -> None:
    real, fake = torch.tensor([1.5, -0.3, 2.0]), torch.tensor([-1.0, 0.4, 0.1])
    p, q = real.sigmoid(), fake.sigmoid()
    assert float(cross_entropy_discriminator(real, fake)) == pytest.approx(
        float(-p.log().mean() - (1 - q).log().mean()), rel=1e-6
    )
    assert float(cross_entropy_generator(fake)) == pytest.approx(float(-q.log().mean()), rel=1e-6)
    smoothed = -(0.9 * p.log() + 0.1 * (1 - p).log()).mean() - (1 - q).log().mean()
    assert float(cross_entropy_discriminator(real, fake, 0.1)) == pytest.approx(float(smoothed), rel=1e-6)


def test_smoothing_touches_the_real_side_alone() -> None:
    real, fake = torch.randn(6, requires_grad=True), torch.randn(6, requires_grad=True)
    gradients = [torch.autograd.grad(cross_entropy_discriminator(real, fake, s), (real, fake)) for s in (0.0, 0.2)]
    torch.testing.assert_close(gradients[1][0] - gradients[0][0], torch.full((6,), 0.2 / 6))
    assert torch.equal(gradients[0][1], gradients[1][1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_very_sure_discriminator_costs_finite_float32_numbers(dtype: torch.dtype) -> None:
    far = torch.full((3,), 100.0, dtype=dtype)
    losses = [cross_entropy_discriminator(-far, far), cross_entropy_generator(-far)]
    assert [float(loss) for loss in losses] == [pytest.approx(200), pytest.approx(100)]
    assert all(loss.dtype == torch.float32 for loss in losses)
