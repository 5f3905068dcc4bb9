"""What the GANs of several classes share: patches of a class, and judges that see it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import one_hot

from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.players import PlayersGan

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes_conditional import ConditionalRecipe


def need_several(recipe: str, classes: int) -> None:
    """Raise a `UserError` if a conditional recipe is to learn fewer than 2 classes."""
    if classes < 2:
        raise UserError(
            f"The recipe {recipe} learns several classes.",
            "Label a second class, or choose a recipe of one class such as dcgan.",
        )


class ConditionalGan(PlayersGan):
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

    recipe: ConditionalRecipe

    def __init__(self, recipe: ConditionalRecipe, channels: int, device: torch.device, seed: int, classes: int) -> None:
        need_several(recipe.name, classes)
        self.recipe, self.classes, self.latent = recipe, classes, recipe.z
        with torch.device("meta"):
            players = self._players(channels)
        super().__init__(recipe.z, players, device, seed)
        self._optimisers = self._adam_for_each(recipe.lr, recipe.beta1, recipe.beta2)

    @abstractmethod
    def _players(self, channels: int) -> dict[str, nn.Module]:
        """Return new networks by name, ``generator`` among them."""

    def _inputs_of(self, classes: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        """Return what the generator makes new patches of these classes of."""
        return self.inputs(self.noise(len(classes), rng, classes.device), classes)


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
