"""COCO's run-length encoding of masks: how many pixels off, on, off, … down the columns, from the left.

As the COCO data format defines it (cocodataset.org, "Data format", and the published ``maskApi.c``); its compressed
form writes each count as groups of five bits, from the fourth on as the difference to the one before the last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.crop import Box


def run_lengths(mask: NDArray[np.bool_], box: Box, height: int, width: int) -> list[int]:
    """Return the counts of an object's mask, bool (box height, box width), in a frame of height x width pixels."""
    edges = np.diff(np.pad(mask, ((1, 1), (0, 0))).astype(np.int8), axis=0)
    columns, starts = np.nonzero(edges.T == 1)
    _, stops = np.nonzero(edges.T == -1)
    base = (box.x0 + columns) * height + box.y0
    bounds = np.stack([base + starts, base + stops], axis=1).ravel()
    # A run that ends where the next one begins, at the frame's lower and upper border, goes on.
    joined = np.flatnonzero(bounds[1:-1:2] == bounds[2::2])
    bounds = np.delete(bounds, np.concatenate([2 * joined + 1, 2 * joined + 2]))
    counts: list[int] = np.diff(np.concatenate([[0], bounds, [height * width]])).tolist()
    return counts if counts[-1] else counts[:-1]


def from_run_lengths(counts: Sequence[int] | str, height: int, width: int) -> NDArray[np.bool_]:
    """Return a frame's mask, bool (height, width), of counts or of their compressed form.

    Raises
    ------
    ValueError
        When they do not make a mask of that size.
    """
    numbers = np.asarray(_unpacked(counts) if isinstance(counts, str) else counts)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or (numbers < 0).any() or numbers.sum() != height * width:
        raise ValueError(f"the runs do not make a mask of {height} x {width} pixels")
    on = np.arange(len(numbers)) % 2 == 1
    return np.repeat(on, numbers).reshape(width, height).T


def _unpacked(text: str) -> list[int]:
    numbers: list[int] = []
    value, shift = 0, 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise ValueError("no compressed run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
        value, shift = 0, 0
    return numbers
