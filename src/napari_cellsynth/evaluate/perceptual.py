"""LPIPS: how alike two patches look to a network trained on photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.pretrained import ALEXNET, absent, load_weights, local_weights

Patches = NDArray[np.float32]

_BATCH = 64
_TAPS = (1, 4, 7, 9, 11)
"""AlexNet's layers whose activations are compared: after each ReLU."""
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_LEAST = 32


def lpips(first: Patches, second: Patches, *, weights: Path | str | None = None) -> float:
    """Return the mean learned perceptual distance of pairs of patches (AlexNet, version 0.1); 0 for equal ones.

    Parameters
    ----------
    first, second : ndarray of float32, shape (N, C, Y, X)
        In [-1, 1], at least 32 pixels a side; patch i of one goes with patch i of the other. Three channels are taken
        for colours; any other number is compared channel by channel, and averaged.
    weights : path, optional
        torchvision's AlexNet weights; looked for in torch's own cache if not given.

    Raises
    ------
    UserError
        If the weights are absent, or the patches do not fit.

    References
    ----------
    Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", 2018.
    """
    return float(lpips_each(first, second, weights=weights).mean())


def lpips_each(first: Patches, second: Patches, *, weights: Path | str | None = None) -> NDArray[np.float64]:
    """Return `lpips` of each pair, (N,)."""
    if first.shape != second.shape or first.ndim != 4 or not len(first):
        raise UserError(f"Pairs need two sets of the shape (N, C, Y, X), not {first.shape} and {second.shape}.")
    if min(first.shape[2:]) < _LEAST:
        raise UserError(f"LPIPS needs patches of at least {_LEAST} pixels a side.")
    path = local_weights(ALEXNET) if weights is None else Path(weights)
    if path is None:
        raise UserError(f"LPIPS is {absent(ALEXNET)}.", "Put torchvision's AlexNet weights there.")
    network = _Lpips(path)
    with torch.no_grad():
        done = []
        for start in range(0, len(first), _BATCH):
            a, b = (torch.from_numpy(np.ascontiguousarray(x[start : start + _BATCH])) for x in (first, second))
            planes = [slice(None)] if a.shape[1] == 3 else [slice(c, c + 1) for c in range(a.shape[1])]
            done.append(torch.stack([network(a[:, c], b[:, c]) for c in planes]).mean(dim=0))
    return np.asarray(torch.cat(done).double())


class _Lpips(nn.Module):
    """AlexNet's activations, normalised at each pixel, compared with the weights that torchmetrics ships."""

    def __init__(self, weights: Path) -> None:
        from torchmetrics.functional import image
        from torchvision.models import alexnet

        super().__init__()
        backbone: Any = load_weights(alexnet(), weights)
        self.layers = backbone.features[: _TAPS[-1] + 1]
        heads = torch.load(Path(image.__path__[0]) / "lpips_models" / "alex.pth", map_location="cpu", weights_only=True)
        self.heads = [heads[f"lin{i}.model.1.weight"].flatten() for i in range(len(_TAPS))]
        self.shift, self.scale = (torch.tensor(values)[:, None, None] for values in (_SHIFT, _SCALE))

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Return the distances (B,) of pairs of patches (B, 3 or 1, Y, X)."""
        total = torch.zeros(len(first))
        a, b = ((x.expand(-1, 3, -1, -1) - self.shift) / self.scale for x in (first, second))
        for number, layer in enumerate(self.layers):
            a, b = layer(a), layer(b)
            if number in _TAPS:
                gap = (_directed(a) - _directed(b)) ** 2
                total += torch.einsum("bcyx,c->b", gap, self.heads[_TAPS.index(number)]) / gap[0, 0].numel()
        return total


def _directed(x: torch.Tensor) -> torch.Tensor:
    """Return activations with length 1 at every pixel."""
    return x / torch.sqrt(1e-8 + (x**2).sum(dim=1, keepdim=True))
