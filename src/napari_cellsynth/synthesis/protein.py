"""The protein paper's DCGAN in training (S1, section 3.1.3): Adam against SGD, labels smoothed and sometimes wrong."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import SGD, Adam

from napari_cellsynth.synthesis.accumulate import Figures
from napari_cellsynth.synthesis.losses import cross_entropy_generator, flipped_labels
from napari_cellsynth.synthesis.players import PlayersGan, has_fused_steps
from napari_cellsynth.synthesis.protein_networks import ProteinDiscriminator, ProteinGenerator

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes_protein import DcganProteinRecipe


class ProteinDcgan(PlayersGan):
    """The protein paper's GAN of one class.

    Parameters
    ----------
    recipe : DcganProteinRecipe
        Its hyperparameters.
    channels : int
        Channels of the patches.
    device : torch.device
        Where it trains; on the meta device the networks have shapes but no weights.
    seed : int
        Seed of the first weights, which are the same on every device.
    """

    def __init__(self, recipe: DcganProteinRecipe, channels: int, device: torch.device, seed: int) -> None:
        self.recipe = recipe
        with torch.device("meta"):
            generator = ProteinGenerator(recipe.size, channels, recipe.z, recipe.width)
            self.discriminator = ProteinDiscriminator(recipe.size, channels, recipe.width)
        super().__init__(recipe.z, {"generator": generator, "discriminator": self.discriminator}, device, seed)
        fused = has_fused_steps(device)
        self._optimisers = {
            "generator": Adam(generator.parameters(), recipe.lr, betas=(recipe.beta1, 0.999), fused=fused),
            "discriminator": SGD(self.discriminator.parameters(), recipe.lr_discriminator, fused=fused),
        }

    def step(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train the discriminator on a real and a generated batch, then the generator on the generated one.

        Real and generated patches go through the discriminator as batches of their own (S1, section 3.1.3, step 5).
        Only its labels are smoothed and flipped (steps 4 and 7), never the generator's.
        """
        noise = self.noise(len(real), rng, real.device)
        # What dropout leaves out and which labels are wrong are drawn part by part: batch norm sets parts apart anyway.
        judged = self._update("discriminator", partial(self._judge, rng), real, noise)
        return self._update("generator", partial(self._improve, rng), noise) | judged

    def _judge(self, rng: torch.Generator, real: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        recipe, discriminator = self.recipe, self.discriminator
        with self._precision():
            fake = self._to_judge(noise)
            on_real, on_fake = discriminator(real, rng).float(), discriminator(fake, rng).float()
        is_real, is_fake = 1.0 - recipe.label_smoothing, 0.0
        loss = binary_cross_entropy_with_logits(
            on_real, flipped_labels(on_real, is_real, is_fake, recipe.label_flips, rng)
        ) + binary_cross_entropy_with_logits(
            on_fake, flipped_labels(on_fake, is_fake, is_real, recipe.label_flips, rng)
        )
        return loss, {
            "loss_discriminator": loss,
            "score_real": on_real.detach().sigmoid().mean(),
            "score_fake": on_fake.detach().sigmoid().mean(),
        }

    def _improve(self, rng: torch.Generator, noise: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            loss = cross_entropy_generator(self.discriminator(self._to_improve(noise), rng))
        return loss, {"loss_generator": loss}
