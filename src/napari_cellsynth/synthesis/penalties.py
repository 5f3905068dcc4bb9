"""Penalties on the gradient of a critic by its input, which keep it smooth; in float32, with double backward.

A critic under a penalty must treat each patch by itself: batch norm, which mixes patches, makes the gradient at one
patch depend on the others, and the penalty meaningless.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Critic = Callable[[torch.Tensor], torch.Tensor]

TINY = 1e-12
"""Under the root of a norm, whose slope at 0 is not a number."""


def random_shares(count: int, rng: torch.Generator, device: torch.device) -> torch.Tensor:
    """Draw shares (count, 1, 1, 1), even in [0, 1)."""
    return torch.rand((count, 1, 1, 1), generator=rng, device=rng.device).to(device)


def interpolated(real: torch.Tensor, fake: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return points between real and generated patches, one random share a pair (Gulrajani et al. 2017, section 4).

    Parameters
    ----------
    real, fake : Tensor
        Patches (B, C, S, S).
    share : Tensor
        How much of the real patch is in each point, (B, 1, 1, 1), from `random_shares`.
    """
    return torch.lerp(fake.detach().float(), real.detach().float(), share)


def squared_gradients(critic: Critic, at: torch.Tensor) -> torch.Tensor:
    """Return the squared length (B,) of the critic's gradient at each patch: summed over channels and pixels.

    Parameters
    ----------
    critic : callable
        From patches (B, C, S, S) to scores (B,), each of its own patch alone.
    at : Tensor
        Patches (B, C, S, S).
    """
    at = at.detach().float().requires_grad_(True)
    with torch.autocast(at.device.type, enabled=False):
        (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))


def gradient_penalty(critic: Critic, at: torch.Tensor) -> torch.Tensor:
    """Return E[(|∇D(x)| - 1)²] (WGAN-GP, Gulrajani et al. 2017, eq. 3; S2, S3); the published weight is 10."""
    length = (squared_gradients(critic, at) + TINY).sqrt()
    return (length - 1).square().mean()


def divergence_penalty(critic: Critic, at: torch.Tensor, power: float = 6.0) -> torch.Tensor:
    """Return E[|∇D(x)|^p] (WGAN-div, Wu et al. 2018, eq. 9; S3); published: weight 2, power 6."""
    return squared_gradients(critic, at).pow(power / 2).mean()


def zero_centred_penalty(critic: Critic, at: torch.Tensor) -> torch.Tensor:
    """Return E[|∇D(x)|²]: R1 at real patches, R2 at generated ones (Mescheder et al. 2018, eqs. 9 and 10).

    The published penalty is this times γ / 2.
    """
    return squared_gradients(critic, at).mean()
