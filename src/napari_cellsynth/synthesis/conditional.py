"""What the GANs of several classes share: networks by name, one Adam each, precision, first weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import one_hot
from torch.optim import Adam, Optimizer

from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.gan import Gan
from napari_cellsynth.synthesis.networks import initialise
from napari_cellsynth.synthesis.norm_free import initialise_norm_free
from napari_cellsynth.training.device import autocast_dtype

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes_conditional import ConditionalRecipe


class ConditionalGan(Gan):
    """A GAN of several classes.

    A subclass says what its networks are and how a step trains them.

    Parameters
    ----------
    recipe : ConditionalRecipe
        Its hyperparameters.
    channels : int
        Channels of the patches.
    device : torch.device
        Where it trains; on the meta device the networks have shapes but no weights.
    seed : int
        Seed of the first weights, which are the same on every device.
    classes : int
        How many classes, at least 2.

    Raises
    ------
    UserError
        If there are fewer than 2 classes.
    """

    def __init__(self, recipe: ConditionalRecipe, channels: int, device: torch.device, seed: int, classes: int) -> None:
        if classes < 2:
            raise UserError(
                f"The recipe {recipe.name} learns several classes.",
                "Label a second class, or choose a recipe of one class such as dcgan.",
            )
        self.latent, self.classes = recipe.z, classes
        self._device, self._dtype = device, autocast_dtype(device)
        with torch.device("meta"):
            players = self._players(channels)
        self._named = {
            name: network if device.type == "meta" else _materialise(network, device, len(players) * seed + number)
            for number, (name, network) in enumerate(players.items())
        }
        self.generator = self._named["generator"]
        self._adam = {
            name: Adam(
                network.parameters(),
                recipe.lr,
                betas=(recipe.beta1, recipe.beta2),
                fused=device.type in ("cpu", "cuda"),
            )
            for name, network in self._named.items()
        }
        self.start_average()

    @abstractmethod
    def _players(self, channels: int) -> dict[str, nn.Module]:
        """Return new networks by name, ``generator`` among them."""

    def networks(self) -> dict[str, nn.Module]:
        """Return the trained networks by name."""
        return dict(self._named)

    def optimisers(self) -> dict[str, Optimizer]:
        """Return the optimisers by name."""
        return dict(self._adam)

    def _generated(self, classes: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        """Return new patches of these classes."""
        patches: torch.Tensor = self.generator(self.inputs(self.noise(len(classes), rng, classes.device), classes))
        return patches

    def _update(self, name: str, loss: torch.Tensor) -> None:
        optimiser = self._adam[name]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    @contextmanager
    def _judges_at_rest(self) -> Iterator[None]:
        """Leave out the weights of all but the generator, whose step needs the gradient through them alone."""
        judges = [network for name, network in self._named.items() if name != "generator"]
        for network in judges:
            network.requires_grad_(False)
        try:
            yield
        finally:
            for network in judges:
                network.requires_grad_(True)

    def _precision(self) -> AbstractContextManager[object]:
        if self._dtype is None:
            return nullcontext()
        return torch.autocast(self._device.type, self._dtype)


class Informed(nn.Module):
    """A network that sees a patch's class as further channels: a plane of ones for its class, of zeros for others.

    The concatenation of label and image of Mirza & Osindero 2014, section 3.2, in the form for convolutions.

    Parameters
    ----------
    network : nn.Module
        From (B, C + K, S, S) to (B,).
    classes : int
        K.
    """

    def __init__(self, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.network = network
        self.classes = classes

    def forward(self, x: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Return one number (B,) for patches (B, C, S, S) of classes (B,)."""
        planes = one_hot(classes, self.classes).to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        seen = torch.cat([x, planes], dim=1).contiguous(memory_format=torch.channels_last)
        judged: torch.Tensor = self.network(seen)
        return judged


def _materialise(network: nn.Module, device: torch.device, seed: int) -> nn.Module:
    """Give a network of the meta device its first weights, drawn on the CPU, in channels-last memory."""
    network = network.to_empty(device="cpu")
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in norms:
        module.reset_running_stats()
    (initialise if norms else initialise_norm_free)(network, seed)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
