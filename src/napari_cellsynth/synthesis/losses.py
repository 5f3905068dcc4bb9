"""The losses of adversarial trainings, as functions of the discriminator's logits."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def cross_entropy_discriminator(real: torch.Tensor, fake: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    """Return the discriminator's minimax loss, -E[log D(x)] - E[log(1 - D(G(z)))].

    Goodfellow et al. 2014, eq. 1; S0. Computed from logits, so that it stays finite however sure the discriminator is.

    Parameters
    ----------
    real, fake : Tensor
        Logits (B,) of real and of generated patches.
    smoothing : float
        One-sided label smoothing (Salimans et al. 2016): real patches aim at 1 - smoothing.
    """
    real, fake = real.float(), fake.float()
    on_real = binary_cross_entropy_with_logits(real, torch.full_like(real, 1.0 - smoothing))
    return on_real + binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))


def cross_entropy_generator(fake: torch.Tensor) -> torch.Tensor:
    """Return the generator's non-saturating loss, -E[log D(G(z))] (Goodfellow et al. 2014, section 3)."""
    fake = fake.float()
    return binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def flipped_labels(
    logits: torch.Tensor, label: float, opposite: float, share: float, rng: torch.Generator
) -> torch.Tensor:
    """Return a label (B,) for each logit, a random share of which are the opposite (S1, section 3.1.3, step 4).

    Parameters
    ----------
    logits : Tensor
        What the labels are for (B,), float32.
    label, opposite : float
        What the patches are, and what they are not.
    share : float
        Probability of a wrong label.
    rng : torch.Generator
        Where the wrong ones are drawn from.
    """
    wrong = torch.rand(len(logits), generator=rng, device=rng.device).to(logits.device) < share
    return torch.full_like(logits, label).masked_fill_(wrong, opposite)


def wasserstein_critic(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Return the critic's loss, E[D(G(z))] - E[D(x)] (Arjovsky et al. 2017, eq. 3; S2, S3)."""
    return fake.float().mean() - real.float().mean()


def wasserstein_generator(fake: torch.Tensor) -> torch.Tensor:
    """Return the generator's loss, -E[D(G(z))] (Arjovsky et al. 2017, eq. 4; S2, S3)."""
    return -fake.float().mean()


def relativistic(better: torch.Tensor, worse: torch.Tensor) -> torch.Tensor:
    """Return E[softplus(worse - better)], the relativistic loss of pairs (Jolicoeur-Martineau 2019; Huang et al. 2024).

    The critic's loss has the real scores first, the generator's the generated ones; a constant added to the critic
    changes neither.

    Parameters
    ----------
    better, worse : Tensor
        Scores (B,) of patches in pairs.
    """
    return softplus(worse.float() - better.float()).mean()
