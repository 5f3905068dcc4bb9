"""What a recipe hands to the training loop: networks, optimisers, a training step, an averaged generator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn.functional import one_hot
from torch.optim import Optimizer

EMA_RAMP = 0.05
"""The average's half-life is at most this share of the images seen, so that it soon forgets the first weights
(Karras et al. 2020, StyleGAN2-ADA)."""


class Gan(ABC):
    """A GAN in training.

    A subclass sets `generator` and `latent`, calls `start_average`, and implements the abstract methods.

    Attributes
    ----------
    generator : nn.Module
        From inputs (B, z + K) to patches (B, C, S, S): Gaussian noise, then the class as one-hot numbers.
    averaged : nn.Module
        The running average of the generator, in evaluation mode; patches are drawn from it.
    latent : int
        Length z of the noise.
    classes : int
        K, the number of classes; 0 for a GAN of one class, whose inputs are noise alone.
    parts : int
        In how many parts a batch goes through the networks: 1 until memory runs out.
    """

    generator: nn.Module
    averaged: nn.Module
    latent: int
    classes: int = 0
    parts: int = 1

    @abstractmethod
    def networks(self) -> dict[str, nn.Module]:
        """Return the trained networks by name."""

    @abstractmethod
    def optimisers(self) -> dict[str, Optimizer]:
        """Return the optimisers by name."""

    @abstractmethod
    def step(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train on one batch and return its figures, as scalar tensors that are not read back yet.

        Parameters
        ----------
        real : Tensor
            Real patches (B, C, S, S) in [-1, 1] in channels-last memory.
        classes : Tensor
            Their classes, int64 (B,), 0 to K - 1; all 0 and of no meaning for a GAN of one class.
        rng : torch.Generator
            The only source of chance, so that a resumed run draws what the uninterrupted one would have.

        Raises
        ------
        UserError
            If the device's memory is too small for the smallest part of the batch.
        """

    def noise(self, count: int, rng: torch.Generator, device: torch.device) -> torch.Tensor:
        """Draw Gaussian noise (count, z)."""
        return torch.randn((count, self.latent), generator=rng, device=rng.device).to(device)

    def inputs(self, noise: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Return what the generator takes: the noise (B, z) with the classes (B,) as one-hot numbers behind it."""
        if not self.classes:
            return noise
        return torch.cat([noise, one_hot(classes, self.classes).to(noise.dtype)], dim=1)

    def start_average(self) -> None:
        """Begin the running average with the generator as it is."""
        self.averaged = deepcopy(self.generator).eval().requires_grad_(False)

    @torch.no_grad()
    def update_average(self, batch: int, seen: int, half_life: int) -> None:
        """Move the averaged generator towards the present one, its batch statistics included.

        Parameters
        ----------
        batch : int
            Images of the last step.
        seen : int
            Images of the whole run.
        half_life : int
            After so many images an older state counts half; 0 copies the generator.
        """
        length = min(half_life, EMA_RAMP * seen)
        weight = 1.0 - 0.5 ** (batch / length) if length > 0 else 1.0
        ours: list[torch.Tensor] = list(self.averaged.parameters())
        theirs: list[torch.Tensor] = list(self.generator.parameters())
        for average, present in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            if average.is_floating_point():
                ours.append(average)
                theirs.append(present)
            else:
                average.copy_(present)
        torch._foreach_lerp_(ours, theirs, weight)

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed training needs of networks and optimisers."""
        return {
            "networks": {name: network.state_dict() for name, network in self.networks().items()},
            "averaged": self.averaged.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers().items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        for name, network in self.networks().items():
            network.load_state_dict(state["networks"][name])
        self.averaged.load_state_dict(state["averaged"])
        for name, optimiser in self.optimisers().items():
            optimiser.load_state_dict(state["optimisers"][name])
            _match_memory(optimiser)


def _match_memory(optimiser: Optimizer) -> None:
    """Give an optimiser's loaded moments the memory order of their parameters, which fused kernels rely on."""
    for parameter, moments in optimiser.state.items():
        for name, value in moments.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                moments[name] = torch.empty_like(parameter).copy_(value)
