"""One DCGAN: two networks, their optimisers, and a step that trains the discriminator, then the generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_cellsynth.synthesis.accumulate import Figures
from napari_cellsynth.synthesis.losses import cross_entropy_discriminator, cross_entropy_generator
from napari_cellsynth.synthesis.networks import Discriminator, Generator
from napari_cellsynth.synthesis.players import PlayersGan

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
        self._optimisers = self._adam_for_each(recipe.lr, recipe.beta1, 0.999)

    def step(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train the discriminator on a real and a generated batch, then the generator on the generated one.

        Real and generated patches go through the discriminator as batches of their own, as in the published
        training: in a shared batch, batch norm would mix their statistics.
        """
        noise = self.noise(len(real), rng, real.device)
        judged = self._update("discriminator", self._judge, real, noise)
        return self._update("generator", self._improve, noise) | judged

    def _judge(self, real: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            fake = self._to_judge(noise)
            on_real, on_fake = self.discriminator(real), self.discriminator(fake)
            loss = cross_entropy_discriminator(on_real, on_fake, self.recipe.label_smoothing)
        return loss, {
            "loss_discriminator": loss,
            "score_real": on_real.detach().float().sigmoid().mean(),
            "score_fake": on_fake.detach().float().sigmoid().mean(),
        }

    def _improve(self, noise: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            loss = cross_entropy_generator(self.discriminator(self._to_improve(noise)))
        return loss, {"loss_generator": loss}
