"""A class that multiplies what networks see: a generator modulated by it, a norm-free critic that projects on it."""

from __future__ import annotations

import torch
from torch import nn

from napari_cellsynth.synthesis.networks import Generator, layer_channels
from napari_cellsynth.synthesis.norm_free import HalvingCritic, in_full


class ModulatedGenerator(Generator):
    """DCGAN's generator, told the class beside the noise and, by a scale and a shift, after each of its batch norms.

    Conditional batch norm (de Vries et al. 2017, section 4; Miyato & Koyama 2018, section 4), where the class adds to a
    scale and a shift that all classes share, so that a class of few crops has little of its own to learn.

    Parameters
    ----------
    size, channels, z, width : int
        As for `Generator`.
    classes : int
        How many classes, K.
    """

    def __init__(self, size: int, channels: int, z: int, classes: int, width: int) -> None:
        super().__init__(size, channels, z + classes, width)
        self.classes = classes
        norms = [layer for layer in self.layers if isinstance(layer, nn.BatchNorm2d)]
        self.of_class = nn.ModuleList(nn.Linear(classes, 2 * norm.num_features, bias=False) for norm in norms)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return patches (B, C, size, size) in [-1, 1] for inputs (B, z + K): noise, then the class."""
        x, modulations = inputs[:, :, None, None], iter(self.of_class)
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.BatchNorm2d):
                scale, shift = next(modulations)(inputs[:, -self.classes :])[:, :, None, None].chunk(2, dim=1)
                x = x * (1 + scale) + shift
        return x


class ProjectionCritic(HalvingCritic):
    """A critic whose score is what it thinks of a patch, plus its features projected on a vector of the class.

    Miyato & Koyama 2018, eq. 3. The features are the maps of 4×4 pixels, as they are for the score that all classes
    share.

    Parameters
    ----------
    size, channels, width : int
        As for `HalvingCritic`.
    classes : int
        How many classes, K.
    """

    def __init__(self, size: int, channels: int, width: int, classes: int) -> None:
        super().__init__(size, channels, width)
        self.of_class = nn.Conv2d(layer_channels(size, width)[-1], classes, 4, bias=False)

    def forward(self, x: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return scores (B,) for patches (B, C, size, size) of classes (B,)."""
        features = self.layers(x)
        projected = in_full(self.of_class, features).flatten(1).gather(1, classes[:, None])
        return in_full(self.last, features).flatten() + projected[:, 0]
