"""What every GAN here shares: networks by name, their first weights and updates, mixed precision, too little memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn
from torch.optim import Adam, Optimizer

from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.accumulate import Figures, Loss, accumulated, more_parts
from napari_cellsynth.synthesis.gan import Gan
from napari_cellsynth.synthesis.networks import initialise
from napari_cellsynth.synthesis.norm_free import initialise_norm_free
from napari_cellsynth.training.device import autocast_dtype, free_cached_memory, ran_out_of_memory


class PlayersGan(Gan):
    """A generator and those who judge it, in training.

    A subclass gives its networks, made on the meta device, to `__init__`, and then sets `_optimisers` by the same
    names. Its step draws all that is random for the whole batch, and hands a loss and its rows to `_update` for each
    network in turn.

    Where memory runs out, the update in hand begins again with the batch in twice as many parts, whose gradients are
    added up; so it goes on to the end of the training, which sees as many patches as ever. Only batch norm notices: its
    statistics are those of a part, and the running ones also take in the parts of a try that failed.

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

    _optimisers: Mapping[str, Optimizer]

    def __init__(self, latent: int, networks: Mapping[str, nn.Module], device: torch.device, seed: int) -> None:
        self.latent = latent
        self.generator = networks["generator"]
        self._networks = dict(networks)
        self._device = device
        self._dtype = autocast_dtype(device)
        self._made: torch.Tensor | None = None
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

    def _adam_for_each(self, lr: float, beta1: float, beta2: float) -> dict[str, Optimizer]:
        return {
            name: Adam(network.parameters(), lr, betas=(beta1, beta2), fused=has_fused_steps(self._device))
            for name, network in self._networks.items()
        }

    def _update(self, name: str, loss_of: Loss, *batch: torch.Tensor) -> Figures:
        """Train one network on a batch and return the figures; nothing but its gradients changes until they are whole.

        Parameters
        ----------
        name : str
            Which network.
        loss_of : callable
            From rows of the batch to the loss and its figures.
        *batch : Tensor
            What `loss_of` takes, each of as many rows.

        Raises
        ------
        UserError
            If memory is too small for the smallest part of the batch.
        """
        optimiser, figures = self._optimisers[name], None
        with self._judges_at_rest() if name == "generator" else nullcontext():
            while figures is None:
                optimiser.zero_grad(set_to_none=True)
                figures = self._tried(loss_of, batch)
        optimiser.step()
        return figures

    def _tried(self, loss_of: Loss, batch: tuple[torch.Tensor, ...]) -> Figures | None:
        """Add up the gradients and return the figures, or, where memory runs out, go over to more parts."""
        try:
            return accumulated(loss_of, batch, self.parts)
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
        # Out here, where the error no longer holds on to the failed try's tensors.
        self._made = None
        free_cached_memory(self._device)
        parts = more_parts(self.parts, len(batch[0]), self._fewest_rows())
        if parts == self.parts:
            raise UserError(
                f"The device has too little memory even for {-(-len(batch[0]) // parts)} patches at a time.",
                "Lower size, width or batch, or close other programs that use its memory.",
            )
        self.parts = parts
        return None

    def _fewest_rows(self) -> int:
        """Return how many patches a part must have: batch norm has no statistics of one."""
        modules = (module for network in self._networks.values() for module in network.modules())
        return 2 if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in modules) else 1

    def _to_judge(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return generated patches for those who judge them; those of a whole batch are kept for the generator."""
        if self.parts > 1:
            with torch.no_grad():
                return self._patches(inputs)
        self._made = self._patches(inputs)
        return self._made.detach()

    def _to_improve(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the patches that were judged, for the generator to learn from; parts are made a second time."""
        made, self._made = self._made, None
        return self._patches(inputs) if made is None else made

    def _patches(self, inputs: torch.Tensor) -> torch.Tensor:
        patches: torch.Tensor = self.generator(inputs)
        return patches

    @contextmanager
    def _judges_at_rest(self) -> Iterator[None]:
        """Leave out the weights of all but the generator, whose step needs the gradient through them alone."""
        judges = [network for name, network in self._networks.items() if name != "generator"]
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


def has_fused_steps(device: torch.device) -> bool:
    """Return whether torch's optimisers can do a whole step in one kernel there."""
    return device.type in ("cpu", "cuda")


def _materialise(network: nn.Module, device: torch.device, seed: int) -> None:
    """Give a network of the meta device its first weights, drawn on the CPU, in channels-last memory."""
    network.to_empty(device="cpu")
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d | nn.GroupNorm)]
    for module in norms:
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    (initialise if norms else initialise_norm_free)(network, seed)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
