"""GANs whose discriminator reads the class, and perhaps codes, out of a patch: AC-GAN and InfoGAN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy, gaussian_nll_loss

from napari_cellsynth.synthesis.accumulate import Figures
from napari_cellsynth.synthesis.conditional import ConditionalGan
from napari_cellsynth.synthesis.losses import cross_entropy_discriminator, cross_entropy_generator
from napari_cellsynth.synthesis.networks import Discriminator, Generator, layer_channels

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes_conditional import AcganRecipe, InfoganRecipe

CODES = 2
"""Continuous codes of an InfoGAN (Chen et al. 2016, section 7.2)."""


class Reader(nn.Module):
    """DCGAN's discriminator with several outputs, whose last layer alone is not shared.

    Parameters
    ----------
    size, channels, width : int
        As for `Discriminator`.
    outputs : list of int
        Length of each output.
    """

    def __init__(self, size: int, channels: int, width: int, outputs: list[int]) -> None:
        super().__init__()
        self.outputs = outputs
        self.shared = Discriminator(size, channels, width).layers[:-1]
        self.last = nn.Conv2d(layer_channels(size, width)[-1], sum(outputs), 4, 1, 0, bias=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the outputs (B, length), each in float32, for patches (B, C, S, S)."""
        read: torch.Tensor = self.last(self.shared(x))
        return torch.split(read.flatten(1).float(), self.outputs, dim=1)


class Acgan(ConditionalGan):
    """The auxiliary-classifier GAN (Odena et al. 2017, section 3; S2) on DCGAN's networks.

    The generator is told the class. The discriminator is not: it tells real from generated, and the class. Both
    networks lower the class loss, the discriminator on real and on generated patches (L_C of the paper's eq. 3).

    Parameters
    ----------
    recipe, channels, device, seed, classes
        As for every `ConditionalGan`.
    """

    recipe: AcganRecipe

    def _players(self, channels: int) -> dict[str, nn.Module]:
        size, width = self.recipe.size, self.recipe.width
        return {
            "generator": Generator(size, channels, self.latent + self.classes, width),
            "discriminator": Reader(size, channels, width, self._outputs()),
        }

    def _outputs(self) -> list[int]:
        return [1, self.classes]

    def step(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train the discriminator on a real batch and a generated one of the same classes, then the generator."""
        inputs = self._inputs_of(classes, rng)
        judged = self._update("discriminator", self._judge, real, inputs, classes)
        improved = self._update("generator", self._improve, inputs, classes)
        return {"loss_generator": improved["loss_generator"]} | judged | improved

    def _judge(self, real: torch.Tensor, inputs: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        discriminator = self._networks["discriminator"]
        with self._precision():
            fake = self._to_judge(inputs)
            of_real, of_fake = discriminator(real), discriminator(fake)
        loss = cross_entropy_discriminator(of_real[0], of_fake[0])
        on_real, on_fake = cross_entropy(of_real[1], classes), cross_entropy(of_fake[1], classes)
        total = loss + self.recipe.class_weight * (on_real + on_fake) + self._loss_codes(inputs, of_fake)
        accuracy = _accuracy(of_real[1], classes)
        return total, {"loss_discriminator": loss, "loss_class": on_real, "accuracy_class": accuracy}

    def _improve(self, inputs: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            of_fake = self._networks["discriminator"](self._to_improve(inputs))
        loss = cross_entropy_generator(of_fake[0])
        of_class = cross_entropy(of_fake[1], classes)
        total = loss + self.recipe.class_weight * of_class + self._loss_codes(inputs, of_fake)
        return total, {"loss_generator": loss, "accuracy_class_generated": _accuracy(of_fake[1], classes)}

    def _loss_codes(self, inputs: torch.Tensor, outputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Return what reading further codes of the inputs out of the generated patches costs: here, nothing."""
        return inputs.new_zeros(())


class Infogan(Acgan):
    """InfoGAN (Chen et al. 2016, section 5; S2) whose categorical code is taught to be the class.

    By itself a categorical code settles on classes of its own making, in any order. Here the real patches' labels
    teach the same output, so code k means class k, which makes its bound on mutual information (the paper's eq. 5)
    AC-GAN's class loss. Two continuous codes are left to find properties of their own: they are the last two numbers
    of the noise, Gaussian so that any noise holds a code (uniform in the paper), and are read back as a Gaussian of
    learnt mean and variance (section 6).

    Parameters
    ----------
    recipe, channels, device, seed, classes
        As for every `ConditionalGan`.
    """

    recipe: InfoganRecipe

    def _outputs(self) -> list[int]:
        return [1, self.classes, CODES, CODES]

    def _loss_codes(self, inputs: torch.Tensor, outputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        _, _, mean, log_variance = outputs
        codes = inputs[:, self.latent - CODES : self.latent]
        return self.recipe.code_weight * gaussian_nll_loss(mean, codes, log_variance.exp())


def _accuracy(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    return (logits.argmax(dim=1) == classes).float().mean()
