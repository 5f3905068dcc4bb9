"""Networks without batch norm, fit for a gradient penalty: DCGAN's layout, the bone-marrow paper's, first weights."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import pairwise
from math import prod, sqrt

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from napari_cellsynth.synthesis.networks import layer_channels

SLOPE = 0.2
"""Of LeakyReLU below 0 (Radford et al. 2016, section 3; S2 gives none)."""

LEAST, START = 8, 32
"""Sides of the innermost maps of S2's critic (table 4) and, at most, generator (table 3)."""


class HalvingCritic(nn.Module):
    """DCGAN's discriminator without batch norm and with biases instead (Gulrajani et al. 2017, section 4).

    Halvings (kernel 4, stride 2, padding 1) with LeakyReLU, then one 4×4 convolution to a single number, all of
    them twice differentiable.

    Parameters
    ----------
    size, channels, width : int
        As for `Discriminator`.
    """

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        hidden = layer_channels(size, width)
        for outer, inner in pairwise([channels, *hidden]):
            layers += [nn.Conv2d(outer, inner, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers)
        # A constant added to every score changes nothing: a bias would only follow rounding.
        self.last = nn.Conv2d(hidden[-1], 1, 4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return scores (B,) for patches (B, C, size, size)."""
        return in_full(self.last, self.layers(x)).flatten()


class Residual(nn.Module):
    """Two 3×3 convolutions, each after a LeakyReLU, added to what came in (S2, section 2.2.2).

    Parameters
    ----------
    channels : int
        Channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return maps of the shape of `x`."""
        y = self.first(leaky_relu(x, SLOPE))
        changed: torch.Tensor = x + self.second(leaky_relu(y, SLOPE))
        return changed


class ResidualGenerator(nn.Module):
    """S2's generator (table 3): noise and class, a dense layer, residual blocks between doublings, tanh.

    The paper makes 128 pixels: a dense layer to 32×32, 2 blocks, doubling, 4 blocks, doubling, 2 blocks, and a 5×5
    deconvolution of stride 1. Smaller patches start from a quarter of their side, larger ones from 32×32 too, with
    further doublings of 2 blocks each. The last row of the table says 64 channels, which no image has; it is read as
    the image's. Its residual "deconvolutions" of stride 1 are convolutions with the kernel turned round, and so they
    are here.

    Parameters
    ----------
    size, channels : int
        Side and channels of the patches.
    z, classes : int
        Length of the noise, and number of classes.
    width : int
        Channels of every hidden layer; 64 in the paper.
    """

    def __init__(self, size: int, channels: int, z: int, classes: int, width: int) -> None:
        super().__init__()
        self.z, self.width, self.start = z, width, min(START, size // 4)
        self.dense = nn.Linear(z + classes, width * self.start**2)
        layers: list[nn.Module] = [Residual(width) for _ in range(2)]
        for doubling in range((size // self.start).bit_length() - 1):
            layers += [nn.LeakyReLU(SLOPE), nn.ConvTranspose2d(width, width, 5, 2, 2, output_padding=1)]
            layers += [Residual(width) for _ in range(2 if doubling else 4)]
        layers += [nn.LeakyReLU(SLOPE), nn.ConvTranspose2d(width, channels, 5, 1, 2), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return patches (B, C, size, size) in [-1, 1] for inputs (B, z + K)."""
        maps = self.dense(inputs).view(-1, self.width, self.start, self.start)
        patches: torch.Tensor = self.layers(maps.contiguous(memory_format=torch.channels_last))
        return patches


class ResidualCritic(nn.Module):
    """S2's critic (table 4) and, with an output for each class, its classifier (table 5).

    A 5×5 convolution of stride 2, 2 residual blocks, average pooling, then 4 blocks and pooling until the maps are 8×8
    (twice at the paper's 128 pixels), and dense layers to 128 and to the outputs.

    Parameters
    ----------
    size, channels : int
        Side and channels of the patches.
    width : int
        Channels of every convolution; 64 in the paper. The dense layer has twice as many outputs.
    outputs : int
        1 for a critic, the number of classes for a classifier.
    """

    def __init__(self, size: int, channels: int, width: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 5, 2, 2)]
        for pooling in range((size // (2 * LEAST)).bit_length() - 1):
            layers += [Residual(width) for _ in range(4 if pooling else 2)]
            layers.append(nn.AvgPool2d(2))
        layers += [nn.LeakyReLU(SLOPE), nn.Flatten(), nn.Linear(LEAST**2 * width, 2 * width)]
        self.layers = nn.Sequential(*layers, nn.LeakyReLU(SLOPE))
        self.last = nn.Linear(2 * width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return scores or logits (B, outputs) for patches (B, C, size, size)."""
        return in_full(self.last, self.layers(x))


def in_full(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return what a layer makes of `x` in float32: scores have no bounds, and far from 0 bfloat16 has big steps."""
    lower = x.dtype != torch.float32
    with torch.autocast(x.device.type, enabled=False) if lower else nullcontext():
        judged: torch.Tensor = layer(x.float())
    return judged


@torch.no_grad()
def initialise_norm_free(network: nn.Module, seed: int) -> None:
    """Draw the weights of a network without batch norm so that its signal neither fades nor grows at first.

    Normal, of variance 2 / ((1 + SLOPE²) n) for n inputs to an output, with biases 0 (He et al. 2015, section 2.2);
    n of a transposed convolution is what overlaps in one pixel. A residual block's last convolution begins with 0, so
    that blocks, however many, begin as identities (Zhang et al. 2019, Fixup, section 3). The class, one input that is
    not 0, begins with as much say in a generator as all of the noise, which would drown it otherwise.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        inputs = float(module.weight[0].numel())
        if isinstance(module, nn.ConvTranspose2d):
            inputs = module.in_channels * prod(module.kernel_size) / prod(module.stride)
        module.weight.normal_(0.0, sqrt(2 / (1 + SLOPE**2) / inputs), generator=generator)
        if module.bias is not None:
            module.bias.zero_()
    for module in network.modules():
        if isinstance(module, Residual):
            module.second.weight.zero_()
        elif isinstance(module, ResidualGenerator):
            module.dense.weight[:, module.z :].mul_(sqrt(module.z))
