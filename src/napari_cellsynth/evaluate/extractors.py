"""Numbers that describe a patch, for the distances between sets of patches; all work without a network connection.

The distances are only as good as the features: a table of them must name its extractor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_cellsynth.errors import UserError

Floats = NDArray[np.float64]
Extractor = Callable[[NDArray[np.float32]], NDArray[Any]]

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_RINGS = 8
_SCALES = 4
_RANDOM_CHANNELS = (16, 32, 64)
_BATCH = 256
_BOUND = 2.0


def features(patches: NDArray[np.float32], extractor: str | Extractor = "handmade") -> Floats:
    """Describe every patch by a vector of numbers.

    Parameters
    ----------
    patches : ndarray of float32, shape (N, C, Y, X)
        In [-1, 1].
    extractor : {"handmade", "random-conv"} or callable
        ``handmade``: intensity moments and quantiles, mean intensity by distance from the centre, power by
        spatial frequency, contrast at several scales (29 numbers a channel); blind to flips and quarter
        turns. ``random-conv``: mean activations of an untrained convolution network whose weights are fixed
        for good (112 numbers). Or a function that takes patches and returns (N, d), such as a
        `fold_network.FoldNetwork` or `inception.Inception`.

    Returns
    -------
    ndarray of float64, shape (N, d)
        Every vector depends on its own patch alone, whatever the batch.

    Raises
    ------
    UserError
        If there is no such extractor, or patches are not of the shape above.
    """
    x = np.asarray(patches, dtype=np.float32)
    if x.ndim != 4:
        raise UserError(f"Patches need the shape (N, C, Y, X), not {x.shape}.")
    if callable(extractor):
        made = extractor(x)
    elif extractor in _EXTRACTORS:
        made = _EXTRACTORS[extractor](x)
    else:
        raise UserError(f"There is no feature extractor '{extractor}'.", f"There are: {', '.join(_EXTRACTORS)}.")
    return np.asarray(made, dtype=np.float64).reshape(len(x), -1)


def standardised(real: Floats, *others: Floats) -> tuple[Floats, ...]:
    """Return feature sets in units of the real set's standard deviation, about its mean, softly bounded.

    Without the units the features with the largest numbers would decide a distance. Without the bound a few features
    that hardly vary over real patches would: the cube in `kid` turns 30 standard deviations into a billion. A value z
    becomes ``2 tanh(z / 2)``, which keeps the order, leaves the bulk of the real patches nearly as they are, and lets
    no feature count for more than two standard deviations; `kid` is then below 250 whatever the patches.

    Parameters
    ----------
    real : ndarray of float64, shape (N, d)
        All the real patches that are compared. With one part of them alone, a part of little spread would make the
        other part look far away.
    *others : ndarray of float64, shape (M, d)
        Other sets.

    Returns
    -------
    tuple of ndarray
        The real set and the others. Features that are constant over the real set are only centred and bounded.
    """
    mean, spread = real.mean(axis=0), real.std(axis=0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    return tuple(_BOUND * np.tanh((values - mean) / (_BOUND * spread)) for values in (real, *others))


def _handmade(x: NDArray[np.float32]) -> Floats:
    """Return hand-made features (N, 29 C)."""
    per_channel = [_describe(x[:, c].astype(np.float64)) for c in range(x.shape[1])]
    return np.concatenate(per_channel, axis=1) if len(x) else np.zeros((0, 29 * x.shape[1]))


def _describe(x: Floats) -> Floats:
    """Describe one channel (N, Y, X)."""
    flat = x.reshape(len(x), -1)
    mean, spread = flat.mean(axis=1), flat.std(axis=1)
    safe = np.where(spread > 1e-6, spread, 1.0)
    z = (flat - mean[:, None]) / safe[:, None]
    rings = np.linspace(0, 0.5, _RINGS + 1)
    distance = np.hypot(*np.meshgrid(*(_offsets(n) for n in x.shape[1:]), indexing="ij"))
    power = np.abs(np.fft.fft2(x - mean[:, None, None])) ** 2 / flat.shape[1] ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in x.shape[1:]), indexing="ij"))
    columns = [
        mean,
        np.log(spread + 1e-3),
        np.arctan((z**3).mean(axis=1)),
        np.arctan((z**4).mean(axis=1) - 3),
        *np.quantile(flat, _QUANTILES, axis=1),
        *_by_ring(x, distance, rings),
        *np.log(np.stack(_by_ring(power, frequency, rings)) + 1e-9),
        *_contrasts(x),
    ]
    return np.stack(columns, axis=1)


def _offsets(n: int) -> Floats:
    """Return the distance from the centre of every pixel of a line, in lengths of the line."""
    return (np.arange(n) + 0.5) / n - 0.5


def _by_ring(x: Floats, distance: Floats, edges: Floats) -> list[Floats]:
    """Return the mean of (N, Y, X) over each ring of distances; rings without pixels give 0."""
    which = np.clip(np.digitize(distance.ravel(), edges) - 1, 0, len(edges) - 2)
    flat = x.reshape(len(x), -1)
    found = []
    for ring in range(len(edges) - 1):
        inside = which == ring
        found.append(flat[:, inside].mean(axis=1) if inside.any() else np.zeros(len(x)))
    return found


def _contrasts(x: Floats) -> list[Floats]:
    """Return the log of the spread between means of blocks of 1, 2, 4 and 8 pixels and of blocks twice as large."""
    found = []
    for _ in range(_SCALES):
        height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
        if min(height, width) < 2:
            found.append(np.full(len(x), np.log(1e-3)))
            continue
        blocks = x[:, :height, :width].reshape(len(x), height // 2, 2, width // 2, 2)
        coarse = blocks.mean(axis=(2, 4))
        found.append(np.log((blocks - coarse[:, :, None, :, None]).std(axis=(1, 2, 3, 4)) + 1e-3))
        x = coarse
    return found


def _random_conv(x: NDArray[np.float32]) -> Floats:
    """Return the mean activations of a convolution network with fixed random weights, (N, 112)."""
    network = _RandomConv(x.shape[1])
    with torch.no_grad():
        done = [network(torch.from_numpy(x[i : i + _BATCH])).double().numpy() for i in range(0, len(x), _BATCH)]
    return np.concatenate(done) if done else np.zeros((0, sum(_RANDOM_CHANNELS)))


class _RandomConv(nn.Module):
    """Three strided convolutions with orthogonal weights from a fixed seed, on the CPU, in float32."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(20)
        self.layers = nn.ModuleList()
        for after in _RANDOM_CHANNELS:
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


_EXTRACTORS: dict[str, Extractor] = {"handmade": _handmade, "random-conv": _random_conv}


def extractor_name(extractor: str | Extractor) -> str:
    """Return what a table calls an extractor: its ``name``, where it has one."""
    words = {"handmade": "hand-made features", "random-conv": "fixed random convolutions"}
    if isinstance(extractor, str):
        return words.get(extractor, extractor)
    return str(getattr(extractor, "name", getattr(extractor, "__name__", "own features")))
