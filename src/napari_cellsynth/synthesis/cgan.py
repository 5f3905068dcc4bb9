"""The conditional GAN in its first form: both networks are told the class (Mirza & Osindero 2014; S2, eq. 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_cellsynth.synthesis.accumulate import Figures
from napari_cellsynth.synthesis.conditional import ConditionalGan, Informed
from napari_cellsynth.synthesis.losses import cross_entropy_discriminator, cross_entropy_generator
from napari_cellsynth.synthesis.networks import Discriminator, Generator

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes_conditional import CganRecipe


class Cgan(ConditionalGan):
    """DCGAN's networks and losses, the class beside the noise and beside the patch.

    Later work gives the class to the discriminator by projection (Miyato & Koyama 2018); what S2 compares is the
    first form, so this is the first form.

    Parameters
    ----------
    recipe, channels, device, seed, classes
        As for every `ConditionalGan`.
    """

    recipe: CganRecipe

    def _players(self, channels: int) -> dict[str, nn.Module]:
        size, width = self.recipe.size, self.recipe.width
        return {
            "generator": Generator(size, channels, self.latent + self.classes, width),
            "discriminator": Informed(Discriminator(size, channels + self.classes, width), self.classes),
        }

    def step(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train the discriminator on a real batch and a generated one of the same classes, then the generator."""
        inputs = self._inputs_of(classes, rng)
        judged = self._update("discriminator", self._judge, real, inputs, classes)
        return self._update("generator", self._improve, inputs, classes) | judged

    def _judge(self, real: torch.Tensor, inputs: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        discriminator = self._networks["discriminator"]
        with self._precision():
            fake = self._to_judge(inputs)
            on_real, on_fake = discriminator(real, classes), discriminator(fake, classes)
            loss = cross_entropy_discriminator(on_real, on_fake)
        return loss, {
            "loss_discriminator": loss,
            "score_real": on_real.detach().float().sigmoid().mean(),
            "score_fake": on_fake.detach().float().sigmoid().mean(),
        }

    def _improve(self, inputs: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            fake = self._to_improve(inputs)
            loss = cross_entropy_generator(self._networks["discriminator"](fake, classes))
        return loss, {"loss_generator": loss}
