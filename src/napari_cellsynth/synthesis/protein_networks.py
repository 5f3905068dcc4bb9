"""The networks of the protein paper's DCGAN (S1, sections 3.1.2.3 and 3.1.2.4), made for 512×512 pixels.

The paper gives the innermost layer (8×8×1024), six layers of 3×3 kernels and stride 2, batch norm and dropout between
them, and one unit at the end. It leaves open the channels between: here they halve from layer to layer, 1024 to 32, the
discriminator being the generator's mirror image. Smaller patches have fewer layers, and lose the innermost ones.

Kernels of 3 that move by 2 overlap unevenly, so early in a training its patches show a fine checkerboard (Odena et al.
2016, "Deconvolution and checkerboard artifacts"): the paper's choice, kept. `dcgan` has kernels of 4 and shows none.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

INNERMOST = 8
"""Side of the generator's first layer and of the discriminator's last."""

MOMENTUM = 0.2
"""Weight of a new batch in the running statistics: what Keras, the paper's library, calls a momentum of 0.80."""

DROPOUT = 0.25
"""Share of the discriminator's numbers that are left out, between its convolutions."""


def halving_channels(size: int, width: int) -> list[int]:
    """Return the channels of the hidden layers from the outermost inwards: doubling, 32 to 1024 at 512 pixels."""
    return [width * 2**depth for depth in range((size // INNERMOST).bit_length() - 1)]


class ProteinGenerator(nn.Module):
    """From noise to a patch: a dense layer to 8×8 pixels, then doublings (kernel 3, stride 2) with ReLU, then tanh.

    Parameters
    ----------
    size : int
        Side of the patch: 32, 64, 128, 256 or 512 pixels.
    channels : int
        Channels of the patch.
    z : int
        Length of the noise.
    width : int
        Channels of the layer before the last; 32 gives the paper's 1024 innermost channels at 512 pixels.
    """

    def __init__(self, size: int, channels: int, z: int, width: int) -> None:
        super().__init__()
        hidden = halving_channels(size, width)[::-1]
        self.dense = nn.Linear(z, INNERMOST * INNERMOST * hidden[0])
        layers: list[nn.Module] = [nn.ReLU(True)]
        for inner, outer in pairwise(hidden):
            layers += [_doubling(inner, outer, bias=False), nn.BatchNorm2d(outer, momentum=MOMENTUM), nn.ReLU(True)]
        layers += [_doubling(hidden[-1], channels, bias=True), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return patches (B, C, size, size) in [-1, 1] for noise (B, z)."""
        innermost = self.dense(z).view(len(z), INNERMOST, INNERMOST, -1).permute(0, 3, 1, 2)
        patches: torch.Tensor = self.layers(innermost)
        return patches


class ProteinDiscriminator(nn.Module):
    """From a patch to one logit (real above 0): halvings (kernel 3, stride 2), then one dense unit.

    Each halving has a LeakyReLU of 0.2; between two of them are batch norm and dropout, but no batch norm behind the
    first (Radford et al. 2016, section 3, whose guidelines the paper follows). The sigmoid is in the loss.

    Parameters
    ----------
    size, channels, width : int
        As for the generator.
    """

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__()
        hidden = halving_channels(size, width)
        # Without batch norm, which would hide from it how bright real and generated batches are.
        blocks = [nn.Sequential(nn.Conv2d(channels, hidden[0], 3, 2, 1), nn.LeakyReLU(0.2, True))]
        blocks += [
            nn.Sequential(
                nn.Conv2d(outer, inner, 3, 2, 1, bias=False),
                nn.BatchNorm2d(inner, momentum=MOMENTUM),
                nn.LeakyReLU(0.2, True),
            )
            for outer, inner in pairwise(hidden[:-1])
        ]
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Sequential(nn.Conv2d(hidden[-2], hidden[-1], 3, 2, 1), nn.LeakyReLU(0.2, True))
        self.unit = nn.Linear(INNERMOST * INNERMOST * hidden[-1], 1)

    def forward(self, x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        """Return logits (B,) for patches (B, C, size, size); `rng` draws what the dropouts leave out."""
        for block in self.blocks:
            x = dropped(block(x), DROPOUT, rng)
        logits: torch.Tensor = self.unit(self.last(x).flatten(1))
        return logits.flatten()


def dropped(x: torch.Tensor, share: float, rng: torch.Generator) -> torch.Tensor:
    """Return numbers with a share of them set to 0 at random and the others scaled up to the same mean.

    torch's own dropout draws from the global random numbers, which a resumed run does not bring back.
    """
    kept = torch.empty_like(x).bernoulli_(1.0 - share, generator=rng)
    return x * kept.div_(1.0 - share)


def _doubling(before: int, after: int, *, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1, bias=bias)
