"""The classifiers' networks for small crops: hESCnet, a stack of blocks with a pool each, the cell-cycle network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

_HESCNET_BLOCKS: tuple[tuple[int, int], ...] = ((64, 2), (128, 2), (256, 4), (512, 4))
"""Channels and number of convolutions of every block (S0, Table 2); each block ends in a pool."""
_HESCNET_HIDDEN = 4096

FAST = (32, 64, 128, 128)
SEQUENTIAL = (32, 64, 128, 256)
"""Channels of the four blocks of our fast network, and of the sequential CNN, of which S2 gives none."""


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


class BlockNet(nn.Module):
    """Blocks of 3×3 convolution, batch norm, LeakyReLU and max pool; dropout and a linear layer (S2, section 2.2.3).

    Parameters
    ----------
    channels, classes : int
        Channels of the patches, number of classes.
    size : int
        Side of the patches, at least 2 to the power of the number of blocks.
    blocks : sequence of int
        Channels of every block.
    width : float
        Factor on them.
    dropout : float
        Share of features dropped before the linear layer in training.
    slope : float
        Of LeakyReLU below zero.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        size: int = 64,
        blocks: Sequence[int] = FAST,
        width: float = 1.0,
        dropout: float = 0.5,
        slope: float = 0.1,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for published in blocks:
            after = scaled(published, width)
            layers += [
                # A bias before batch norm would be taken out again.
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                # LeakyReLU rises everywhere, so pooling first gives the same numbers with a quarter of its work.
                nn.MaxPool2d(2),
                nn.LeakyReLU(slope, inplace=True),
            ]
            before = after
        side = size // 2 ** len(blocks)
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(before * side**2, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, K) of patches (N, C, S, S) in [-1, 1]."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits


class CellCycleNet(nn.Module):
    """The network of S3, section 2.2: convolutions 64 (10×10) and 32 (5×5), each with ReLU and max pool; dense 32, 16.

    Convolutions see whole neighbourhoods only (no padding). At 66×66 with one channel and seven classes, 12×12 places
    are left of the second pool, and the network has 205,831 parameters.

    Parameters
    ----------
    channels, classes : int
        Channels of the patches, number of classes (7 in the paper).
    size : int
        Side of the patches, at least 24 (66 in the paper).
    width : float
        Factor on the channels and hidden neurons (1 in the paper).
    dropout : float
        Share of the 32 hidden features dropped in training.
    """

    def __init__(self, channels: int, classes: int, size: int = 66, width: float = 1.0, dropout: float = 0.5) -> None:
        super().__init__()
        first, second, wide, narrow = (scaled(published, width) for published in (64, 32, 32, 16))
        side = ((size - 9) // 2 - 4) // 2
        self.features = nn.Sequential(
            nn.Conv2d(channels, first, 10),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(second * side**2, wide),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(wide, narrow),
            nn.ReLU(inplace=True),
            nn.Linear(narrow, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, K) of patches (N, C, S, S) in [-1, 1]."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits


class _Channels(nn.Module):
    def __init__(self, chosen: Sequence[int]) -> None:
        super().__init__()
        self._chosen = list(chosen)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self._chosen]


def of_channels(chosen: Sequence[int], network: nn.Module) -> nn.Module:
    """Return a network that is given all channels and looks at the chosen ones, counted from 0, in that order."""
    return nn.Sequential(_Channels(chosen), network)


def scaled(channels: int, width: float) -> int:
    """Return a channel count under a width factor, at least 1."""
    return max(1, round(channels * width))
