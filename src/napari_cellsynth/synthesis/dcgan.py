"""One DCGAN: two networks, their optimisers, and a step that trains the discriminator, then the generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim import Adam

from napari_cellsynth.synthesis.losses import cross_entropy_discriminator, cross_entropy_generator
from napari_cellsynth.synthesis.networks import Discriminator, Generator
from napari_cellsynth.synthesis.players import PlayersGan, has_fused_steps

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes import DcganRecipe


class Dcgan(PlayersGan):
    """The stem-cell paper's GAN of one class.

    Parameters
    ----------
    recipe : DcganRecipe
        Its hyperparameters.
    channels : int
        Channels of the patches.
    device : torch.device
        Where it trains; on the meta device the networks have shapes but no weights.
    seed : int
        Seed of the first weights, which are the same on every device.
    """

    def __init__(self, recipe: DcganRecipe, channels: int, device: torch.device, seed: int) -> None:
        self.recipe = recipe
        with torch.device("meta"):
            generator = Generator(recipe.size, channels, recipe.z, recipe.width)
            self.discriminator = Discriminator(recipe.size, channels, recipe.width)
        super().__init__(recipe.z, {"generator": generator, "discriminator": self.discriminator}, device, seed)
        self._optimisers = {
            name: Adam(network.parameters(), recipe.lr, betas=(recipe.beta1, 0.999), fused=has_fused_steps(device))
            for name, network in self.networks().items()
        }

    def step(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train the discriminator on a real and a generated batch, then the generator on the generated one.

        Real and generated patches go through the discriminator as batches of their own, as in the published
        training: in a shared batch, batch norm would mix their statistics.
        """
        discriminator = self.discriminator
        with self._precision():
            fake = self.generator(self.noise(len(real), rng, real.device))
            on_real, on_fake = discriminator(real), discriminator(fake.detach())
            loss_d = cross_entropy_discriminator(on_real, on_fake, self.recipe.label_smoothing)
        self._update("discriminator", loss_d)
        # The generator's step needs the gradient through the discriminator but not that of its weights.
        discriminator.requires_grad_(False)
        with self._precision():
            loss_g = cross_entropy_generator(discriminator(fake))
        self._update("generator", loss_g)
        discriminator.requires_grad_(True)
        return {
            "loss_generator": loss_g.detach(),
            "loss_discriminator": loss_d.detach(),
            "score_real": on_real.detach().float().sigmoid().mean(),
            "score_fake": on_fake.detach().float().sigmoid().mean(),
        }
