"""What a classifier minimises."""

from __future__ import annotations

import torch
from torch.nn import functional

from napari_cellsynth.classify.recipe_base import NetworkRecipe


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


def weighted_focal_loss(
    logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, gamma: float = 2.0, smoothing: float = 0.0
) -> torch.Tensor:
    """Return the mean focal loss of a batch, -(1 - p)^γ · log p of each true class (S1, eq. 2, with α = 1).

    Parameters
    ----------
    logits : Tensor
        Float (B, K).
    labels : Tensor
        Classes 0..K-1, int64 (B,).
    weights : Tensor
        Weight of every class, (K,); a batch's weights are divided by their sum.
    gamma : float
        How much less a patch counts that is classified well already; 0 gives the cross entropy.
    smoothing : float
        This share of the target is spread evenly over all classes; each class's term has its own p.

    Notes
    -----
    α = 1 in S1 leaves the term of the true class as it is; what it is for, balancing classes, ``weights`` do.
    """
    log_p = functional.log_softmax(logits.float(), dim=1)
    # 1 - p out of log p, exact where p is nearly 1; its zero has no gradient below γ = 1, hence the least number.
    terms = -((-torch.expm1(log_p)).clamp_min(1e-12) ** gamma) * log_p
    own = terms.gather(1, labels[:, None])[:, 0]
    losses = own if smoothing == 0 else (1 - smoothing) * own + smoothing * terms.mean(dim=1)
    of_patch = weights[labels]
    return (losses * of_patch).sum() / of_patch.sum().clamp_min(1e-12)


def binary_loss(
    logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, gamma: float = 0.0, smoothing: float = 0.0
) -> torch.Tensor:
    """Return the mean over patches and classes of the binary cross entropy, or of the binary focal loss.

    Parameters
    ----------
    logits : Tensor
        Float (B, K); each class has a sigmoid of its own.
    labels : Tensor
        Which classes a patch has, 0/1 (B, K).
    weights : Tensor
        How much having a class counts against not having it, (K,).
    gamma : float
        -(1 - p)^γ · log p, p being the probability of what is true (S1, eq. 2, α = 1); 0: binary cross entropy.
    smoothing : float
        This share of each target is spread evenly over having the class and not having it.
    """
    z = logits.float()
    having, lacking = functional.logsigmoid(z), functional.logsigmoid(-z)
    target = labels * (1 - smoothing) + smoothing / 2

    def term(log_p: torch.Tensor) -> torch.Tensor:
        return -log_p if gamma == 0 else -((-torch.expm1(log_p)).clamp_min(1e-12) ** gamma) * log_p

    return (weights * target * term(having) + (1 - target) * term(lacking)).mean()


def loss_of(recipe: NetworkRecipe, logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the loss that a recipe asks for, with its smoothing; labels (B,) are classes, (B, K) 0/1 for each."""
    if labels.ndim == 2:
        gamma = recipe.focal_gamma if recipe.loss == "focal" else 0.0
        return binary_loss(logits, labels, weights, gamma, recipe.label_smoothing)
    if recipe.loss == "focal":
        return weighted_focal_loss(logits, labels, weights, recipe.focal_gamma, recipe.label_smoothing)
    return weighted_cross_entropy(logits, labels, weights, recipe.label_smoothing)
