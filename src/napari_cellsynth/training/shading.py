"""What changes the intensities of patches: sharpening, inversion, contrast, brightness, gamma and noise."""

from __future__ import annotations

import torch
from torch.nn.functional import conv2d

from napari_cellsynth.training.augmentation import Augmentation

_SMOOTH = ((1, 1, 1), (1, 5, 1), (1, 1, 1))
"""Pillow's smoothing kernel, over 13: what is left of a patch without its fine detail."""


def shaded(x: torch.Tensor, kinds: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Return the batch with each sample's intensities changed at random.

    The order is: inversion, contrast about the patch's mean and brightness, gamma, sharpening, noise. Contrast,
    brightness and gamma are drawn for every channel, as stains and lamps vary.

    Parameters
    ----------
    x : Tensor
        Patches (B, C, S, S), float32 in [-1, 1].
    kinds : Augmentation
        What is done, how often and how much.
    generator : torch.Generator
        Where everything is drawn from.

    Returns
    -------
    Tensor
        Patches of the same shape, clipped to [-1, 1]. A patch that no kind is drawn for comes back bit for bit.
    """
    count, channels = x.shape[:2]
    drawn = torch.rand((5, count), generator=generator, device=generator.device).to(x.device)[:, :, None, None, None]
    if kinds.inversion:
        x = torch.where(drawn[0] < kinds.inversion, -x, x)
    if kinds.intensity:
        levels = torch.rand((3, count, channels), generator=generator, device=generator.device).to(x.device) * 2 - 1
        x = torch.where(drawn[1] < kinds.intensity, _lit(x, kinds, levels[:, :, :, None, None]), x)
    if kinds.sharpen:
        sharp = sharpened(x, drawn[4] * kinds.sharpen_amount)
        x = torch.where(drawn[2] < kinds.sharpen, sharp, x)
    if kinds.noise:
        sigma = torch.rand(count, generator=generator, device=generator.device)[:, None, None, None]
        # The range is 2 wide.
        grains = torch.randn(x.shape, generator=generator, device=generator.device) * (sigma * 2 * kinds.noise_share)
        x = torch.where(drawn[3] < kinds.noise, (x + grains.to(x.device)).clamp(-1, 1), x)
    return x


def sharpened(x: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
    """Return patches with ``amount`` (B, 1, 1, 1) times their fine detail added; the border pixels stay."""
    channels = x.shape[1]
    kernel = torch.tensor(_SMOOTH, dtype=x.dtype, device=x.device).div_(13).expand(channels, 1, 3, 3)
    inner = x[:, :, 1:-1, 1:-1]
    out = x.clone()
    out[:, :, 1:-1, 1:-1] = inner + amount * (inner - conv2d(x, kernel, groups=channels))
    return out.clamp_(-1, 1)


def _lit(x: torch.Tensor, kinds: Augmentation, levels: torch.Tensor) -> torch.Tensor:
    mean = x.mean(dim=(2, 3), keepdim=True)
    x = (x - mean) * kinds.gain_factor ** levels[0] + mean + levels[1] * 2 * kinds.offset
    unit = (x.clamp(-1, 1) + 1) / 2
    return unit ** (kinds.gamma_factor ** levels[2]) * 2 - 1
