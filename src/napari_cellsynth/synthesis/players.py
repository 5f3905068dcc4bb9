"""What the GANs share: players by name, their first weights and optimisers, mixed precision."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn
from torch.optim import Optimizer

from napari_cellsynth.synthesis.gan import Gan
from napari_cellsynth.synthesis.networks import initialise
from napari_cellsynth.training.device import autocast_dtype


class PlayersGan(Gan):
    """A generator and its opponents in training.

    A subclass gives its networks, made on the meta device, to `__init__`, and then sets `_optimisers`, one for each
    name.

    Parameters
    ----------
    latent : int
        Length z of the noise.
    networks : mapping of str to nn.Module
        The networks on the meta device, ``generator`` among them; they get their first weights in place.
    device : torch.device
        Where they train; on the meta device they have shapes but no weights.
    seed : int
        Seed of the first weights, which are the same on every device.
    """

    _optimisers: dict[str, Optimizer]

    def __init__(self, latent: int, networks: Mapping[str, nn.Module], device: torch.device, seed: int) -> None:
        self.latent = latent
        self.generator = networks["generator"]
        self._networks = dict(networks)
        self._device = device
        self._dtype = autocast_dtype(device)
        if device.type != "meta":
            for number, network in enumerate(self._networks.values()):
                _materialise(network, device, len(networks) * seed + number)
        self.start_average()

    def networks(self) -> dict[str, nn.Module]:
        """Return the trained networks by name."""
        return dict(self._networks)

    def optimisers(self) -> dict[str, Optimizer]:
        """Return the optimisers by name."""
        return dict(self._optimisers)

    def _update(self, name: str, loss: torch.Tensor) -> None:
        optimiser = self._optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def _precision(self) -> AbstractContextManager[object]:
        if self._dtype is None:
            return nullcontext()
        return torch.autocast(self._device.type, self._dtype)


def has_fused_steps(device: torch.device) -> bool:
    """Return whether torch's optimisers can do a whole step in one kernel there."""
    return device.type in ("cpu", "cuda")


def _materialise(network: nn.Module, device: torch.device, seed: int) -> None:
    """Give a network of the meta device its first weights, drawn on the CPU, in channels-last memory."""
    network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    initialise(network, seed)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
