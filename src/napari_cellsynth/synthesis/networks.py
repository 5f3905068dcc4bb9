"""DCGAN's generator and discriminator, for sides of 32 to 512 pixels and any number of channels."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.inner_layers import DoublingLayer, HalvingLayer, NoiseLayer

SIZES = (32, 64, 128, 256, 512)
"""The sides that the networks can make: a power of two, because every layer doubles or halves the image."""

WIDEST = 8
"""The innermost layer has at most so many times `width` channels, as in the published 64-pixel network."""


def layer_channels(size: int, width: int) -> list[int]:
    """Return the channels of the hidden layers, from the one at half the image's side down to the one at 4×4.

    They double from layer to layer up to eight times `width`, which at 64 pixels gives the published network:
    64, 128, 256, 512 for a width of 64.

    Raises
    ------
    UserError
        If the side is not 32, 64, 128, 256 or 512.
    """
    if size not in SIZES:
        raise UserError(
            f"A DCGAN cannot make patches of {size}×{size} pixels.",
            f"Choose a size of {', '.join(map(str, SIZES))}.",
        )
    return [width * min(2**depth, WIDEST) for depth in range(size.bit_length() - 3)]


class Generator(nn.Module):
    """From noise to a patch by transposed convolutions (Radford et al. 2016; S0, the stem-cell paper).

    A 4×4 layer made of the noise, then doublings (kernel 4, stride 2, padding 1) with batch norm and ReLU, then
    tanh. No convolution has a bias.

    Parameters
    ----------
    size : int
        Side of the patch: 32, 64, 128, 256 or 512 pixels.
    channels : int
        Channels of the patch.
    z : int
        Length of the noise.
    width : int
        Channels of the layer before the last.
    slope : float
        Of the rectifiers below 0: the published 0, or a leak that keeps dark and bright patches alike in reach.
    """

    def __init__(self, size: int, channels: int, z: int, width: int, slope: float = 0.0) -> None:
        super().__init__()
        hidden = layer_channels(size, width)[::-1]
        layers: list[nn.Module] = [
            NoiseLayer(z, hidden[0]),
            *_norm_relu(hidden[0], slope),
        ]
        layers += [DoublingLayer(hidden[0], hidden[1]), *_norm_relu(hidden[1], slope)]
        for inner, outer in pairwise(hidden[1:]):
            layers += [nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=False), *_norm_relu(outer, slope)]
        layers += [nn.ConvTranspose2d(hidden[-1], channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return patches (B, C, size, size) in [-1, 1] for noise (B, z)."""
        patches: torch.Tensor = self.layers(z[:, :, None, None])
        return patches


class Discriminator(nn.Module):
    """From a patch to one logit (real above 0) by convolutions (Radford et al. 2016; S0).

    Halvings (kernel 4, stride 2, padding 1) with LeakyReLU 0.2 and, except after the first, batch norm, then one 4×4
    convolution to a single number. No convolution has a bias; the sigmoid is in the loss.

    Parameters
    ----------
    size, channels, width : int
        As for the generator.
    """

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__()
        hidden = layer_channels(size, width)
        layers: list[nn.Module] = [
            nn.Conv2d(channels, hidden[0], 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, True),
        ]
        for outer, inner in pairwise(hidden[:-1]):
            layers += [nn.Conv2d(outer, inner, 4, 2, 1, bias=False), *_norm_leaky(inner)]
        layers += [HalvingLayer(hidden[-2], hidden[-1]), *_norm_leaky(hidden[-1])]
        layers.append(nn.Conv2d(hidden[-1], 1, 4, 1, 0, bias=False))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (B,) for patches (B, C, size, size)."""
        logits: torch.Tensor = self.layers(x)
        return logits.flatten()


@torch.no_grad()
def initialise(network: nn.Module, seed: int) -> None:
    """Draw the weights as DCGAN does: layers N(0, 0.02), scales of norms N(1, 0.02), biases and shifts 0."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.weight.normal_(0.0, 0.02, generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            module.weight.normal_(1.0, 0.02, generator=generator)
            module.bias.zero_()


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable numbers of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def _norm_relu(channels: int, slope: float) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.LeakyReLU(slope, True) if slope else nn.ReLU(True)]


def _norm_leaky(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.LeakyReLU(0.2, True)]
