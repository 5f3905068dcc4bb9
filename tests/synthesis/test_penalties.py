"""Penalties against closed forms: linear and quadratic critics, gradients of gradients, critics without slope."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from napari_cellsynth.synthesis import losses
from napari_cellsynth.synthesis.penalties import (
    divergence_penalty,
    gradient_penalty,
    interpolated,
    random_shares,
    squared_gradients,
    zero_centred_penalty,
)

SHAPE = (5, 2, 4, 4)


def patches(seed: int = 0) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def test_a_linear_critic_has_the_closed_forms_and_their_slopes() -> None:
    weight = (patches(1)[0] * 0.3).requires_grad_(True)

    def critic(x: torch.Tensor) -> torch.Tensor:
        return (x * weight).sum(dim=(1, 2, 3))

    length = weight.detach().norm()
    penalty = gradient_penalty(critic, patches())
    torch.testing.assert_close(penalty, (length - 1) ** 2)
    (slope,) = torch.autograd.grad(penalty, weight)  # catches a missing create_graph
    torch.testing.assert_close(slope, 2 * (length - 1) * weight.detach() / length)
    torch.testing.assert_close(divergence_penalty(critic, patches()), length**6)
    torch.testing.assert_close(divergence_penalty(critic, patches(), power=2.0), length**2)
    penalty = zero_centred_penalty(critic, patches())
    torch.testing.assert_close(penalty, length**2)
    (slope,) = torch.autograd.grad(penalty, weight)
    torch.testing.assert_close(slope, 2 * weight.detach())


def test_a_quadratic_critic_sums_over_pixels_and_averages_over_patches() -> None:
    x = patches()

    def critic(at: torch.Tensor) -> torch.Tensor:
        return 1.5 * at.square().sum(dim=(1, 2, 3)) / 2

    squared = 1.5**2 * x.square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(squared_gradients(critic, x), squared)
    torch.testing.assert_close(zero_centred_penalty(critic, x), squared.mean())


@pytest.mark.parametrize("penalty", [gradient_penalty, divergence_penalty, zero_centred_penalty])
def test_gradients_of_the_penalties_are_those_of_finite_differences(penalty: object) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(48, 1)).double()
    weight = network[0].weight
    x = patches().double()

    def at(changed: torch.Tensor) -> torch.Tensor:
        # In float64 throughout; the penalties themselves work in float32.
        point = x.clone().requires_grad_(True)
        hidden = torch.tanh(torch.conv2d(point, changed, network[0].bias, padding=1)).flatten(1)
        score = hidden @ network[3].weight.T
        (gradient,) = torch.autograd.grad(score.sum(), point, create_graph=True)
        squared = gradient.square().sum(dim=(1, 2, 3))
        return {
            gradient_penalty: ((squared + 1e-12).sqrt() - 1).square().mean(),
            divergence_penalty: squared.pow(3).mean(),
            zero_centred_penalty: squared.mean(),
        }[penalty]  # type: ignore[index]

    assert torch.autograd.gradcheck(at, (weight.detach().clone().requires_grad_(True),))
    network.float()
    ours = penalty(lambda p: network(p)[:, 0], x.float())  # type: ignore[operator]
    (slope,) = torch.autograd.grad(ours, network[0].weight)
    network.double()
    changed = network[0].weight.detach().clone().requires_grad_(True)
    (expected,) = torch.autograd.grad(at(changed), changed)
    torch.testing.assert_close(slope.double(), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("penalty", [gradient_penalty, divergence_penalty, zero_centred_penalty])
def test_a_critic_without_slope_gives_numbers(penalty: object) -> None:
    weight = torch.zeros(SHAPE[1:], requires_grad=True)
    value = penalty(lambda x: (x * weight).sum(dim=(1, 2, 3)), patches())  # type: ignore[operator]
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(weight.grad).all()  # type: ignore[arg-type]


def test_points_lie_between_with_one_share_a_pair() -> None:
    real, fake = torch.ones(SHAPE), torch.zeros(SHAPE)
    between = interpolated(real, fake, random_shares(len(real), torch.Generator().manual_seed(0), real.device))
    shares = between.flatten(1)
    assert torch.equal(shares, shares[:, :1].expand_as(shares))
    assert len(shares[:, 0].unique()) == len(real) and ((shares >= 0) & (shares <= 1)).all()
    assert not between.requires_grad


def test_shares_come_from_the_generator_alone_and_go_where_they_are_wanted() -> None:
    def drawn(seed: int, device: str = "cpu") -> torch.Tensor:
        return random_shares(6, torch.Generator().manual_seed(seed), torch.device(device))

    torch.manual_seed(1)
    first = drawn(5)
    torch.manual_seed(2)
    assert torch.equal(first, drawn(5)) and not torch.equal(first, drawn(6))
    with torch.device("meta"):  # The draw is made where the generator is, whatever is the default.
        assert torch.equal(first, drawn(5))
    assert drawn(5, "meta").device.type == "meta"


def test_losses_on_scores_have_their_closed_forms() -> None:
    real, fake = torch.tensor([3.0, 1.0]), torch.tensor([0.5, -0.5])
    assert losses.wasserstein_critic(real, fake).item() == -2.0
    assert losses.wasserstein_generator(fake).item() == 0.0
    assert losses.relativistic(real, real).item() == pytest.approx(math.log(2))
    shifted = losses.relativistic(real + 7, fake + 7)
    torch.testing.assert_close(shifted, losses.relativistic(real, fake))
    expected = sum(math.log1p(math.exp(f - r)) for r, f in [(3.0, 0.5), (1.0, -0.5)]) / 2
    assert losses.relativistic(real, fake).item() == pytest.approx(expected)
    for extreme in (-100.0, 100.0):
        scores = torch.full((2,), extreme, requires_grad=True)
        losses.relativistic(scores, torch.zeros(2)).backward()
        assert torch.isfinite(scores.grad).all()  # type: ignore[arg-type]
