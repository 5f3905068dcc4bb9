"""Hand-made features of a patch: intensities, profile, spectrum and contrast at several scales; no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_RINGS = 8
_SCALES = 4


def handmade(x: NDArray[np.float32]) -> Floats:
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
