"""The classifier's loss against torch's and against its closed-form optimum."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from napari_cellsynth.classify.losses import weighted_cross_entropy


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
