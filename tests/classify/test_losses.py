"""The classifier's loss against torch's and against its closed-form optimum."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from napari_cellsynth.classify.losses import loss_of, weighted_cross_entropy, weighted_focal_loss
from tests.classify.examples import tiny


def test_without_smoothing_it_is_the_weighted_mean_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(20, 4, generator=generator), torch.arange(20) % 4
    weights = torch.tensor([0.1, 1.0, 5.0, 0.0])
    ours = weighted_cross_entropy(logits, labels, weights)
    torch.testing.assert_close(ours, functional.cross_entropy(logits, labels, weight=weights))


def test_with_equal_weights_smoothing_is_that_of_torch() -> None:
    logits, labels = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 4
    ours = weighted_cross_entropy(logits, labels, torch.ones(4), 0.1)
    torch.testing.assert_close(ours, functional.cross_entropy(logits, labels, label_smoothing=0.1))


def test_a_common_class_keeps_its_confidence_beside_rare_ones() -> None:
    """The least loss of a patch is at the smoothed target, whatever the weights of the other classes."""
    logits = torch.zeros(1, 3, requires_grad=True)
    optimiser = torch.optim.LBFGS([logits], max_iter=200)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = weighted_cross_entropy(logits, torch.tensor([1]), torch.tensor([4.4, 0.4, 4.5]), 0.1)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    assert logits.softmax(dim=1)[0, 1].item() == pytest.approx(0.9 + 0.1 / 3, abs=1e-3)


def test_a_batch_of_a_class_without_weight_costs_nothing() -> None:
    loss = weighted_cross_entropy(torch.randn(3, 2), torch.zeros(3, dtype=torch.long), torch.tensor([0.0, 1.0]))
    assert loss.item() == 0.0


def test_the_focal_loss_of_two_patches_is_what_a_hand_computes() -> None:
    """S1, eq. 2: p of the true class is 0.8 and 0.25, γ = 2, α = 1."""
    p = torch.tensor([[0.8, 0.2], [0.75, 0.25]])
    labels = torch.tensor([0, 1])
    first, second = -(0.2**2) * math.log(0.8), -(0.75**2) * math.log(0.25)
    assert weighted_focal_loss(p.log(), labels, torch.ones(2)).item() == pytest.approx((first + second) / 2, rel=1e-5)
    weighed = weighted_focal_loss(p.log(), labels, torch.tensor([1.0, 3.0])).item()
    assert weighed == pytest.approx((first + 3 * second) / 4, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_without_focus_the_focal_loss_is_the_cross_entropy(smoothing: float) -> None:
    logits, labels = 3 * torch.randn(20, 4, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 4
    weights = torch.tensor([0.1, 1.0, 5.0, 0.3])
    focal = weighted_focal_loss(logits, labels, weights, 0.0, smoothing)
    torch.testing.assert_close(focal, weighted_cross_entropy(logits, labels, weights, smoothing))


def test_the_focal_loss_has_finite_gradients_where_a_patch_is_certain() -> None:
    for gamma in (0.5, 1.0, 2.0):
        logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
        weighted_focal_loss(logits, torch.tensor([0, 0]), torch.ones(2), gamma).backward()  # type: ignore[no-untyped-call]
        assert logits.grad is not None and torch.isfinite(logits.grad).all()


def test_a_recipe_says_which_loss_is_taken() -> None:
    logits, labels, weights = torch.randn(6, 3), torch.arange(6) % 3, torch.ones(3)
    focal = loss_of(tiny(loss="focal", focal_gamma=3, label_smoothing=0), logits, labels, weights)
    assert focal == weighted_focal_loss(logits, labels, weights, 3.0)
    assert loss_of(tiny(label_smoothing=0.2), logits, labels, weights) == weighted_cross_entropy(
        logits, labels, weights, 0.2
    )
