"""The LipNets, the liposome paper's networks of one to six 3×3 convolutions (S4, section 7)."""

from __future__ import annotations

import torch
from torch import nn

from napari_cellsynth.classify.networks import scaled

CHANNELS = 32
"""Of every convolution (S4, section 7)."""


class LipNet(nn.Module):
    """Blocks of 3×3 convolutions with ReLU, each block with max pool and dropout, then one or two linear layers.

    LipNet-1, -2 and -4 of S4, section 7, have blocks of (1,), (1, 1) and (2, 2) convolutions at 28×28, LipNet-6 has
    (2, 2, 2) at 32×32. Convolutions have 32 channels, stride 1 and padding 1. For one channel and three classes
    LipNet-4 has 32,771 parameters.

    Parameters
    ----------
    channels, classes : int
        Channels of the patches, number of classes (3 in the paper).
    size : int
        Side of the patches.
    blocks : tuple of int
        Convolutions of every block.
    hidden : int
        Neurons of the linear layer before the last; 0 for none.
    width : float
        Factor on channels and neurons (1 in the paper).
    dropout : float
        Share of features dropped after every block and after the hidden layer in training.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        size: int,
        blocks: tuple[int, ...],
        hidden: int = 0,
        width: float = 1.0,
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        after = scaled(CHANNELS, width)
        layers: list[nn.Module] = []
        for number, depth in enumerate(blocks):
            layers += _convolutions(channels if number == 0 else after, after, depth)
            layers += [nn.MaxPool2d(2), nn.Dropout(dropout)]
        features = after * (size // 2 ** len(blocks)) ** 2
        head: list[nn.Module] = [nn.Flatten()]
        if hidden:
            neurons = scaled(hidden, width)
            head += [nn.Linear(features, neurons), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            features = neurons
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(*head, nn.Linear(features, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, K) of patches (N, C, S, S) in [-1, 1]."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits


class ConvolutionalLipNet(nn.Module):
    """LipNet-4c: LipNet-4 with convolutions of stride 2 for its pools and a 1×1 convolution for its linear layer.

    The class maps of the 1×1 convolution are averaged over the image, as in the all-convolutional network that S4
    follows. For one channel and three classes it has 46,659 parameters, at any size.

    Parameters
    ----------
    channels, classes : int
        Channels of the patches, number of classes (3 in the paper).
    width : float
        Factor on the channels (1 in the paper).
    dropout : float
        Share of features dropped after every block in training.
    """

    def __init__(self, channels: int, classes: int, width: float = 1.0, dropout: float = 0.25) -> None:
        super().__init__()
        after = scaled(CHANNELS, width)
        layers: list[nn.Module] = []
        for before in (channels, after):
            layers += _convolutions(before, after, 2)
            layers += [nn.Conv2d(after, after, 3, stride=2, padding=1), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Conv2d(after, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, K) of patches (N, C, S, S) in [-1, 1]."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits


def _convolutions(before: int, after: int, depth: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for number in range(depth):
        layers += [nn.Conv2d(before if number == 0 else after, after, 3, padding=1), nn.ReLU(inplace=True)]
    return layers
