"""Features of a patch from an untrained convolution network whose weights are fixed for good."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_CHANNELS = (16, 32, 64)
_BATCH = 256


def random_conv(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean activations of a convolution network with fixed random weights, (N, 112)."""
    network = _RandomConv(x.shape[1])
    with torch.no_grad():
        done = [network(torch.from_numpy(x[i : i + _BATCH])).double().numpy() for i in range(0, len(x), _BATCH)]
    return np.concatenate(done) if done else np.zeros((0, sum(_CHANNELS)))


class _RandomConv(nn.Module):
    """Three strided convolutions with orthogonal weights from a fixed seed, on the CPU, in float32."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(20)
        self.layers = nn.ModuleList()
        for after in _CHANNELS:
            layer = nn.Conv2d(channels, after, 5, stride=2, padding=2, bias=False, device="meta")
            layer.weight = nn.Parameter(torch.empty(after, channels, 5, 5), requires_grad=False)
            nn.init.orthogonal_(layer.weight, gain=2**0.5, generator=generator)
            self.layers.append(layer)
            channels = after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = []
        for layer in self.layers:
            x = torch.relu(layer(x))
            found.append(x.mean(dim=(2, 3)))
        return torch.cat(found, dim=1)
