"""The classifiers' networks: hESCnet as published, and a small fast one."""

from __future__ import annotations

import torch
from torch import nn

_HESCNET_BLOCKS: tuple[tuple[int, int], ...] = ((64, 2), (128, 2), (256, 4), (512, 4))
"""Channels and number of convolutions of every block (S0, Table 2); each block ends in a pool."""
_HESCNET_HIDDEN = 4096
_FAST_BLOCKS = (32, 64, 128, 128)


class Hescnet(nn.Module):
    """The network of S0, Table 2: twelve 3×3 convolutions in four blocks, two hidden linear layers.

    Every convolution has stride 1 and padding 1 and is followed by batch norm and ReLU, every hidden linear
    layer by ReLU and dropout. At 64×64×3, width 1 and four classes it has 60,948,292 parameters.

    Parameters
    ----------
    channels, classes : int
        Channels of the patches (3 in the paper), number of classes (4 in the paper).
    size : int
        Side of the patches, a multiple of 16 (64 in the paper).
    width : float
        Factor on the channels of the convolutions and the hidden layers (1 in the paper).
    dropout : float
        Share of hidden features dropped in training.
    """

    def __init__(self, channels: int, classes: int, size: int = 64, width: float = 1.0, dropout: float = 0.5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for published, depth in _HESCNET_BLOCKS:
            after = scaled(published, width)
            for _ in range(depth):
                layers += [
                    nn.Conv2d(before, after, 3, padding=1),
                    nn.BatchNorm2d(after),
                    nn.ReLU(inplace=True),
                ]
                before = after
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        hidden = scaled(_HESCNET_HIDDEN, width)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(before * (size // 16) ** 2, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, K) of patches (N, C, S, S) in [-1, 1]."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits


class FastNet(nn.Module):
    """Four blocks of convolution, batch norm, LeakyReLU and max pool (32-64-128-128), and a linear layer.

    Parameters
    ----------
    channels, classes : int
        Channels of the patches, number of classes.
    size : int
        Side of the patches, at least 16.
    width : float
        Factor on the channels.
    dropout : float
        Share of features dropped before the linear layer in training.
    """

    def __init__(self, channels: int, classes: int, size: int = 64, width: float = 1.0, dropout: float = 0.5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for published in _FAST_BLOCKS:
            after = scaled(published, width)
            layers += [
                # A bias before batch norm would be taken out again.
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                # LeakyReLU rises everywhere, so pooling first gives the same numbers with a quarter of its work.
                nn.MaxPool2d(2),
                nn.LeakyReLU(0.1, inplace=True),
            ]
            before = after
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(before * (size // 16) ** 2, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, K) of patches (N, C, S, S) in [-1, 1]."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits


def scaled(channels: int, width: float) -> int:
    """Return a channel count under a width factor, at least 1."""
    return max(1, round(channels * width))
