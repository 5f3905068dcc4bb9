"""The critic of a Wasserstein GAN under a gradient penalty: every patch is judged by itself alone."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from napari_cellsynth.synthesis.networks import layer_channels


class Critic(nn.Module):
    """From a patch to one score (real above generated) by convolutions.

    DCGAN's discriminator (halvings by kernel 4, stride 2, padding 1, LeakyReLU 0.2, then one 4×4 convolution to a
    single number) with layer norm where that has batch norm (Gulrajani et al. 2017, section 4, "no critic batch
    normalization"): batch norm would tie the patches of a batch together, and the penalty is on each alone.

    Parameters
    ----------
    size : int
        Side of the patch: 32, 64, 128, 256 or 512 pixels.
    channels : int
        Channels of the patch.
    width : int
        Channels of the first layer.
    """

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__()
        hidden = layer_channels(size, width)
        layers: list[nn.Module] = [nn.Conv2d(channels, hidden[0], 4, 2, 1), nn.LeakyReLU(0.2, True)]
        for outer, inner in pairwise(hidden):
            # One group of all channels: the layer norm of images. Its shift makes a bias needless.
            layers += [nn.Conv2d(outer, inner, 4, 2, 1, bias=False), nn.GroupNorm(1, inner), nn.LeakyReLU(0.2, True)]
        self.layers = nn.Sequential(*layers)
        # A constant added to every score changes nothing: a bias would only follow rounding.
        self.score = nn.Conv2d(hidden[-1], 1, 4, 1, 0, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return scores (B,), float32, for patches (B, C, size, size)."""
        hidden = self.layers(x).float()
        # Differences of scores need more digits than bfloat16 has: the 4×4 convolution is written as a sum, which
        # autocast leaves in float32.
        scores: torch.Tensor = (hidden * self.score.weight).sum(dim=(1, 2, 3))
        return scores
