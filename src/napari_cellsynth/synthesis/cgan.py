"""The conditional GAN in its first form: both networks are told the class (Mirza & Osindero 2014; S2, eq. 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

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
        discriminator = self._networks["discriminator"]
        with self._precision():
            fake = self._generated(classes, rng)
            on_real, on_fake = discriminator(real, classes), discriminator(fake.detach(), classes)
            loss_d = cross_entropy_discriminator(on_real, on_fake)
        self._update("discriminator", loss_d)
        with self._judges_at_rest():
            with self._precision():
                loss_g = cross_entropy_generator(discriminator(fake, classes))
            self._update("generator", loss_g)
        return {
            "loss_generator": loss_g.detach(),
            "loss_discriminator": loss_d.detach(),
            "score_real": on_real.detach().float().sigmoid().mean(),
            "score_fake": on_fake.detach().float().sigmoid().mean(),
        }
