"""One DCGAN: two networks, their optimisers, and a step that trains the discriminator, then the generator."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn
from torch.optim import Adam, Optimizer

from napari_cellsynth.synthesis.gan import Gan
from napari_cellsynth.synthesis.losses import cross_entropy_discriminator, cross_entropy_generator
from napari_cellsynth.synthesis.networks import Discriminator, Generator, initialise
from napari_cellsynth.training.device import autocast_dtype

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes import DcganRecipe

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class Dcgan(Gan):
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
        self.latent = recipe.z
        with torch.device("meta"):
            generator = Generator(recipe.size, channels, recipe.z, recipe.width)
            discriminator = Discriminator(recipe.size, channels, recipe.width)
        if device.type == "meta":
            self.generator, self.discriminator = generator, discriminator
        else:
            self.generator = _materialise(generator, device, 2 * seed)
            self.discriminator = _materialise(discriminator, device, 2 * seed + 1)
        self._device = device
        self._dtype = autocast_dtype(device)
        self._adam = {
            name: Adam(
                network.parameters(),
                recipe.lr,
                betas=(recipe.beta1, 0.999),
                fused=device.type in ("cpu", "cuda"),
            )
            for name, network in self.networks().items()
        }
        self.start_average()

    def networks(self) -> dict[str, nn.Module]:
        """Return the trained networks by name."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def optimisers(self) -> dict[str, Optimizer]:
        """Return the optimisers by name."""
        return dict(self._adam)

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

    def _update(self, name: str, loss: torch.Tensor) -> None:
        optimiser = self._adam[name]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def _precision(self) -> AbstractContextManager[object]:
        if self._dtype is None:
            return nullcontext()
        return torch.autocast(self._device.type, self._dtype)


def _materialise(network: NetworkT, device: torch.device, seed: int) -> NetworkT:
    """Give a network of the meta device its first weights, drawn on the CPU, in channels-last memory."""
    network = network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    initialise(network, seed)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
