"""The losses against their closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from napari_cellsynth.synthesis.losses import (
    cross_entropy_discriminator,
    cross_entropy_generator,
    flipped_labels,
    wasserstein_critic,
    wasserstein_generator,
)


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


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_share_of_the_labels_is_the_opposite_and_none_is_in_between() -> None:
    logits = torch.zeros(20_000)
    labels = flipped_labels(logits, 0.9, 0.1, 0.05, seeded())
    assert labels.shape == logits.shape and labels.dtype == logits.dtype
    assert labels.unique().tolist() == pytest.approx([0.1, 0.9])
    # Five standard deviations of a binomial share.
    assert float((labels < 0.5).float().mean()) == pytest.approx(0.05, abs=5 * math.sqrt(0.05 * 0.95 / len(logits)))
    assert (flipped_labels(logits, 1.0, 0.0, 0.0, seeded()) == 1).all()
    assert (flipped_labels(logits, 1.0, 0.0, 1.0, seeded()) == 0).all()


def test_flipped_labels_come_from_the_generator_alone_and_lie_where_the_logits_do() -> None:
    logits = torch.zeros(64)
    torch.manual_seed(1)
    first = flipped_labels(logits, 1.0, 0.0, 0.5, seeded())
    torch.manual_seed(2)
    assert torch.equal(first, flipped_labels(logits, 1.0, 0.0, 0.5, seeded()))
    assert not torch.equal(first, flipped_labels(logits, 1.0, 0.0, 0.5, seeded(4)))
    with torch.device("meta"):  # Of no values: what would be drawn by default here cannot become labels.
        assert torch.equal(first, flipped_labels(logits, 1.0, 0.0, 0.5, seeded()))
    assert flipped_labels(logits.to("meta"), 1.0, 0.0, 0.5, seeded()).device.type == "meta"


def test_a_generator_gains_where_the_critic_scores_its_patches_higher() -> None:
    real, fake = torch.tensor([3.0, 1.0]), torch.tensor([0.5, 2.5], requires_grad=True)
    assert wasserstein_generator(fake).item() == -1.5
    assert wasserstein_critic(real, fake).item() == -0.5
    (slope,) = torch.autograd.grad(wasserstein_generator(fake), fake)
    assert slope.tolist() == [-0.5, -0.5]
