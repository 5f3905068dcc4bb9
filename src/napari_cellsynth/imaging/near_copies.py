"""Crops of different groups that show the same thing: saved again, brightened, or cut a few pixels apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]

SAME = 0.995
"""Two crops correlate at least this much, pixel by pixel and at the best shift, to pass for one.

docs/experiments.md says what it finds and what it spares.
"""

SIDE = 64
"""Crops are compared at 64 × 64 px."""
_THUMBNAIL = 16
_SHIFT = 3
_WORTH_A_LOOK = 0.8
_MOST_LOOKED_AT = 3
_CHUNK = 512


class NearCopy(NamedTuple):
    """Two crops of different groups: their positions, and their correlation in [-1, 1]."""

    first: int
    second: int
    likeness: float


def near_copies(crops: Sequence[NDArray[Any]], groups: ArrayLike) -> list[NearCopy]:
    """Find crops of different groups that are nearly the same picture, the likest first.

    Parameters
    ----------
    crops : sequence of ndarray, each (C, h, w)
        Of any real type. Crops are compared at 64 px a side; brightness and contrast of a channel do not count.
    groups : array_like of shape (N,)
        The group of every crop.

    Returns
    -------
    list of NearCopy
        Of each crop at most the three others are looked at that are likest to it at 16 px a side, so that the time and
        memory stay bounded whatever the crops: memory grows with N, time with N² of a small matrix product.
    """
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(np.unique(codes)) < 2:
        return []
    channels = {crop.shape[0] for crop in crops}
    if len(channels) > 1:
        raise ValueError(f"crops have {sorted(channels)} channels")
    thumbnails = np.stack([_standard(sized(crop, _THUMBNAIL))[0] for crop in crops])
    looked_at: set[tuple[int, int]] = set()
    for start in range(0, len(crops), _CHUNK):
        rows = slice(start, start + _CHUNK)
        alike = thumbnails[rows] @ thumbnails.T
        alike[codes[rows, None] == codes] = -1.0
        most = min(_MOST_LOOKED_AT, alike.shape[1])
        best = np.argpartition(-alike, most - 1, axis=1)[:, :most]
        worth = np.take_along_axis(alike, best, axis=1) >= _WORTH_A_LOOK
        for row, place in np.argwhere(worth).tolist():
            i, j = start + row, int(best[row, place])
            looked_at.add((min(i, j), max(i, j)))
    found = [NearCopy(i, j, likeness(crops[i], crops[j])) for i, j in sorted(looked_at)]
    return sorted((pair for pair in found if pair.likeness >= SAME), key=lambda pair: -pair.likeness)


def likeness(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the greatest correlation of two crops (C, h, w) over shifts of up to 3 px of 64, in [-1, 1]."""
    a, b = sized(first, SIDE), sized(second, SIDE)
    inside = SIDE - 2 * _SHIFT
    windows = sliding_window_view(b, (inside, inside), axis=(1, 2)).transpose(1, 2, 0, 3, 4)
    shifted = _standard(windows.reshape(-1, *windows.shape[2:]))
    middle = _standard(a[:, _SHIFT : _SHIFT + inside, _SHIFT : _SHIFT + inside])
    return float((shifted @ middle[0]).max())


def sized(crop: NDArray[Any], side: int) -> Floats:
    """Return a crop (C, h, w) of any size at ``side`` × ``side`` px, anti-aliased."""
    if crop.shape[1:] == (side, side):
        return crop.astype(np.float32)
    from skimage.transform import resize

    made = [resize(plane.astype(np.float32), (side, side), order=1, anti_aliasing=True) for plane in crop]
    return np.stack(made).astype(np.float32)


def _standard(patches: Floats) -> Floats:
    """Return patches (..., C, h, w) as vectors of length 1 (n, d), each channel freed of brightness and contrast."""
    flat = patches.reshape(-1, patches.shape[-3], patches.shape[-2] * patches.shape[-1])
    flat = flat - flat.mean(axis=2, keepdims=True)
    spread = np.linalg.norm(flat, axis=2, keepdims=True)
    # A channel without any contrast tells nothing, and rounding must not make a pattern of it.
    unit = np.divide(flat, spread, out=np.zeros_like(flat), where=spread > 1e-4 * flat.shape[2] ** 0.5)
    told = np.maximum((spread > 0).sum(axis=1, keepdims=True), 1)
    vectors: Floats = (unit / np.sqrt(told)).reshape(len(unit), -1).astype(np.float32)
    return vectors
