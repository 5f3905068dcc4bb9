"""What a classifier minimises."""

from __future__ import annotations

import torch
from torch.nn import functional


def weighted_cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """Return the mean cross entropy of a batch in which each patch counts as its class does.

    Parameters
    ----------
    logits : Tensor
        Float (B, K).
    labels : Tensor
        Classes 0..K-1, int64 (B,).
    weights : Tensor
        Weight of every class, (K,); a batch's weights are divided by their sum.
    smoothing : float
        This share of the target is spread evenly over all classes (label smoothing, Szegedy et al. 2016; S4).

    Notes
    -----
    torch's own loss weighs the smoothed part by the classes it is spread over. Where classes are rare, and their
    weights large, that pulls sure predictions of common classes towards the rare ones: confidence sinks far below
    accuracy. Here a patch has one weight, its own class's.
    """
    losses = functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing, reduction="none")
    of_patch = weights[labels]
    return (losses * of_patch).sum() / of_patch.sum().clamp_min(1e-12)
