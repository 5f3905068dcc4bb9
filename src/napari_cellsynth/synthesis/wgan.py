"""Wasserstein GANs with a penalty on the critic's gradient: several critic updates for each of the generator's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_cellsynth.synthesis.accumulate import Figures
from napari_cellsynth.synthesis.critic import Critic
from napari_cellsynth.synthesis.losses import wasserstein_critic, wasserstein_generator
from napari_cellsynth.synthesis.networks import Generator
from napari_cellsynth.synthesis.penalties import interpolated, random_shares
from napari_cellsynth.synthesis.players import PlayersGan

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes_wgan import WganRecipe

GENERATOR_SLOPE = 0.2
"""Of the generator's rectifiers below 0. Without it, a critic that at first wants all patches darker can push every
weight of the last layer below 0: then nothing is brighter than mid-grey, and where all is 0 no gradient leads out."""

Penalty = Callable[[Critic, torch.Tensor], torch.Tensor]


class Wgan(PlayersGan):
    """WGAN-GP (Gulrajani et al. 2017, algorithm 1) or WGAN-div (Wu et al. 2018, algorithm 1), by its penalty.

    Parameters
    ----------
    recipe : WganRecipe
        Its hyperparameters.
    penalty : callable
        From the critic and patches (B, C, S, S) between real and generated ones to the penalty, not yet weighted.
    channels : int
        Channels of the patches.
    device : torch.device
        Where it trains; on the meta device the networks have shapes but no weights.
    seed : int
        Seed of the first weights, which are the same on every device.
    """

    def __init__(self, recipe: WganRecipe, penalty: Penalty, channels: int, device: torch.device, seed: int) -> None:
        self.recipe = recipe
        self._penalty = penalty
        self._critic_updates = 0
        with torch.device("meta"):
            generator = Generator(recipe.size, channels, recipe.z, recipe.width, GENERATOR_SLOPE)
            self.critic = Critic(recipe.size, channels, recipe.width)
        super().__init__(recipe.z, {"generator": generator, "critic": self.critic}, device, seed)
        # A critic that starts steep is punished by the power p of its slope: gradients so large that Adam's second
        # momentum drowns for thousands of steps what real and generated patches would teach. So it starts level.
        nn.init.zeros_(self.critic.score.weight)
        self._optimisers = self._adam_for_each(recipe.lr, recipe.beta1, recipe.beta2)

    def step(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train the critic on a real and a generated batch and, every `critic_steps` steps, the generator.

        The generator's loss is told at every step: at the others it is that of the critic's generated batch.
        """
        count, device = len(real), real.device
        noise, share = self.noise(count, rng, device), random_shares(count, rng, device)
        figures = self._update("critic", self._judge, real, noise, share)
        self._critic_updates += 1
        if self._critic_updates % self.recipe.critic_steps == 0:
            figures |= self._update("generator", self._improve, self.noise(count, rng, device))
        return figures

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed training needs, the place between two generator updates included."""
        return super().state() | {"critic_updates": self._critic_updates}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        super().restore(state)
        self._critic_updates = int(state["critic_updates"])

    def _judge(self, real: torch.Tensor, noise: torch.Tensor, share: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        with torch.no_grad(), self._precision():
            fake = self.generator(noise).float()
        with self._precision():
            on_real, on_fake = self.critic(torch.cat([real, fake])).chunk(2)
        distance = wasserstein_critic(on_real, on_fake)
        penalty = self._penalty(self.critic, interpolated(real, fake, share))
        loss = distance + self.recipe.penalty_weight * penalty
        return loss, {
            "loss_generator": wasserstein_generator(on_fake),
            "loss_critic": loss,
            "wasserstein": -distance,
            "penalty": penalty,
        }

    def _improve(self, noise: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            loss = wasserstein_generator(self.critic(self.generator(noise)))
        return loss, {"loss_generator": loss}
