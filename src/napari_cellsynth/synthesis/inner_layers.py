"""The innermost convolutions of DCGAN (1×1 ↔ 4×4 ↔ 8×8) as matrix products, where those are faster.

On a CPU in float32, the 4×4 stride-2 convolutions between 8×8 and 4×4 pixels have few pixels and many channels: one
product of matrices does their forward pass about 1.8 times, and their gradients 2 to 2.7 times, as fast as the
convolution kernels. They are drop-in subclasses of torch's layers with the same parameters, and leave to torch
whatever they are not faster at. Results differ by rounding only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad


class NoiseLayer(nn.ConvTranspose2d):
    """The first layer of a generator, 1×1 to 4×4 pixels: one matrix product on every device."""

    def __init__(self, z: int, channels: int) -> None:
        super().__init__(z, channels, 4, 1, 0, bias=False)

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Return (B, channels, 4, 4) for noise (B, z, 1, 1)."""
        pixels = x.flatten(1) @ self.weight.permute(0, 2, 3, 1).flatten(1)
        return pixels.view(len(x), 4, 4, self.out_channels).permute(0, 3, 1, 2)


class HalvingLayer(nn.Conv2d):
    """A convolution of kernel 4, stride 2 and padding 1, without bias, for small images of many channels."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 4, 2, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, after, Y / 2, X / 2) for (B, before, Y, X)."""
        if not _faster(x):
            return super().forward(x)
        halved: torch.Tensor = _Halve.apply(x.permute(0, 2, 3, 1), self.weight.permute(0, 2, 3, 1).flatten(1))
        return halved.permute(0, 3, 1, 2)


class DoublingLayer(nn.ConvTranspose2d):
    """A transposed convolution of kernel 4, stride 2 and padding 1, without bias, for small images of many channels."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 4, 2, 1, bias=False)

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Return (B, after, 2 Y, 2 X) for (B, before, Y, X)."""
        if not _faster(x):
            return super().forward(x, output_size)
        doubled: torch.Tensor = _Double.apply(x.permute(0, 2, 3, 1), self.weight.permute(0, 2, 3, 1).flatten(1))
        return doubled.permute(0, 3, 1, 2)


def _faster(x: torch.Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


def _footprints(x: torch.Tensor) -> torch.Tensor:
    """Return the 4×4 pixels under every output pixel of images (B, Y, X, C), as rows (B·Y·X / 4, 16·C)."""
    count, height, width, channels = x.shape
    padded = pad(x, (0, 0, 1, 1, 1, 1))
    image, row, column, channel = padded.stride()
    strides = (image, 2 * row, 2 * column, row, column, channel)
    seen = padded.as_strided((count, height // 2, width // 2, 4, 4, channels), strides)
    return seen.reshape(-1, 16 * channels)


def _overlay(rows: torch.Tensor, count: int, height: int, width: int) -> torch.Tensor:
    """Add up 4×4 footprints where they overlap: the transpose of `_footprints`, into images (B, Y, X, C)."""
    half_y, half_x = height // 2, width // 2
    prints = rows.view(count, half_y, half_x, 2, 2, 2, 2, -1)  # …, row pair, row in it, column pair, column in it, C
    total = rows.new_zeros((count, half_y + 1, 2, half_x + 1, 2, prints.shape[-1]))
    for down in (0, 1):
        for right in (0, 1):
            place = total[:, down : down + half_y, :, right : right + half_x]
            place.add_(prints[:, :, :, down, :, right].transpose(2, 3))
    return total.view(count, height + 2, width + 2, -1)[:, 1:-1, 1:-1]


class _Halve(torch.autograd.Function):
    """Images (B, Y, X, C) and weights (D, 16·C) to images (B, Y / 2, X / 2, D)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        rows = _footprints(x)
        ctx.save_for_backward(rows if ctx.needs_input_grad[1] else None, weight)
        ctx.shape = x.shape
        return (rows @ weight.T).view(x.shape[0], x.shape[1] // 2, x.shape[2] // 2, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        rows, weight = ctx.saved_tensors
        gradient = gradient.reshape(-1, gradient.shape[-1])
        of_x = _overlay(gradient @ weight, *ctx.shape[:3]) if ctx.needs_input_grad[0] else None
        return of_x, gradient.T @ rows if ctx.needs_input_grad[1] else None


class _Double(torch.autograd.Function):
    """Images (B, Y, X, C) and weights (C, 16·D) to images (B, 2 Y, 2 X, D)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        pixels = x.reshape(-1, x.shape[-1])
        ctx.save_for_backward(pixels, weight)
        ctx.shape = x.shape
        return _overlay(pixels @ weight, x.shape[0], 2 * x.shape[1], 2 * x.shape[2])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        pixels, weight = ctx.saved_tensors
        rows = _footprints(gradient)
        of_x = (rows @ weight.T).view(ctx.shape) if ctx.needs_input_grad[0] else None
        return of_x, pixels.T @ rows if ctx.needs_input_grad[1] else None
