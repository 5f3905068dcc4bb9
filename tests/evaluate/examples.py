"""Patches that several tests of the figures look at."""

from __future__ import annotations

import numpy as np


def blobs(n: int, seed: int, channels: int = 1, size: int = 32) -> np.ndarray:
    """Patches with four soft bright blobs each, of random place, size and shape, and some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size - 0.5
    image = np.full((n, size, size), -0.8)
    for _ in range(4):
        a, b = rng.uniform(-0.4, 0.4, (2, n, 1, 1))
        sy, sx = rng.uniform(0.06, 0.2, (2, n, 1, 1))
        image += np.exp(-(((y - a) / sy) ** 2) - ((x - b) / sx) ** 2) * rng.uniform(0.5, 1.2, (n, 1, 1))
    noisy = image[:, None] + rng.normal(0, 0.02, (n, channels, size, size))
    return np.clip(noisy, -1, 1).astype(np.float32)


def stripes(n: int, seed: int, channels: int = 1, size: int = 32) -> np.ndarray:
    """Patches with waves of random length, direction and phase, and some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    angle, phase = rng.uniform(0, 6.3, (2, n, 1, 1))
    length = rng.uniform(5, 12, (n, 1, 1))
    wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * 6.3 / length + phase) * 0.6
    noisy = wave[:, None] + rng.normal(0, 0.02, (n, channels, size, size))
    return np.clip(noisy, -1, 1).astype(np.float32)


def with_noise(patches: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """The patches with Gaussian noise of a share of their range of 2."""
    noise = np.random.default_rng(seed).normal(0, 2 * share, patches.shape)
    return np.clip(patches + noise, -1, 1).astype(np.float32)
