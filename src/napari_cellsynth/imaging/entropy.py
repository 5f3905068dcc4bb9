"""Local entropy: how much texture there is around each pixel, which is what tells a colony from bare plastic."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_FIXED_POINT = 2.0**32
"""The running sum is kept in whole numbers of 2**-32 bits, so that adding and taking away leave no rounding behind."""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a kernel that frees the GIL, and keep the machine code on disk where there is a place for it."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # Neither the package's folder nor the user's cache can be written to.
        return numba.njit(nogil=True)(function)


def in_bands(kernel: Callable[[int, int], None], rows: int) -> None:
    """Call ``kernel(first, last)`` for bands of rows, one thread a core.

    Threads of our own, because numba's default layer ends the process when two threads enter it at once, and a
    preview may run beside other work.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # More bands than cores, so that a core that is busy elsewhere does not hold up the others.
    count = 1 if cores == 1 else max(1, min(4 * cores, rows // 16))
    edges = [rows * band // count for band in range(count + 1)]
    if count == 1:
        kernel(0, rows)
        return
    with ThreadPoolExecutor(cores) as pool:
        for _ in pool.map(kernel, edges[:-1], edges[1:]):
            pass


def disk_half_widths(radius: int) -> NDArray[np.int64]:
    """Return half the width of each row of a disk (x² + y² <= radius²), from the top row to the bottom one."""
    return np.array([int(np.sqrt(radius**2 - dy**2)) for dy in range(-radius, radius + 1)], np.int64)


@compiled
def _entropy_rows(
    flat: NDArray[np.uint8],
    height: int,
    width: int,
    half: NDArray[np.int64],
    gain: NDArray[np.int64],
    log2: NDArray[np.float64],
    out: NDArray[np.float64],
    first: int,
    last: int,
) -> None:
    """Fill rows first..last of ``out``; ``gain[n]`` is (n+1) log2(n+1) - n log2 n in fixed point."""
    radius = half.size // 2
    # Unsigned numbers, because for signed ones every access would first ask whether it counts from the end.
    one = np.uint32(1)
    histogram = np.zeros(256, np.uint32)
    ahead = np.zeros(half.size, np.uint64)
    behind = np.zeros(half.size, np.uint64)
    for y in range(first, last):
        top, bottom = max(y - radius, 0), min(y + radius, height - 1)
        rows = bottom - top + 1
        histogram[:] = 0
        total, count = np.int64(0), np.int64(0)
        # The disk around x = -1, as far as it lies in the frame; the loop below moves it on, one pixel at a time.
        for k in range(rows):
            reach, start = half[top + k - y + radius], (top + k) * width
            ahead[k], behind[k] = start + reach, start - reach - 1
            for x in range(min(reach, width)):
                value = flat[start + x]
                total += gain[histogram[value]]
                histogram[value] += one
                count += 1
        for x in range(width):
            if x > radius and x + radius < width:
                place = np.uint64(x)
                for k in range(rows):
                    value = flat[behind[k] + place]
                    left = histogram[value] - one
                    histogram[value] = left
                    total -= gain[left]
                for k in range(rows):
                    value = flat[ahead[k] + place]
                    left = histogram[value]
                    histogram[value] = left + one
                    total += gain[left]
            else:
                for k in range(rows):
                    reach, start = half[top + k - y + radius], (top + k) * width
                    if x - reach - 1 >= 0:
                        value = flat[start + x - reach - 1]
                        histogram[value] -= one
                        total -= gain[histogram[value]]
                        count -= 1
                    if x + reach < width:
                        value = flat[start + x + reach]
                        total += gain[histogram[value]]
                        histogram[value] += one
                        count += 1
            bits = log2[count] - total / _FIXED_POINT / count
            # The last digits are noise; in a constant frame they must not look like texture.
            out[y, x] = bits if bits > 1e-9 else 0.0


def local_entropy(image: NDArray[np.uint8], radius: int) -> NDArray[np.float64]:
    """Return the Shannon entropy of the grey levels in a disk around each pixel.

    Parameters
    ----------
    image : ndarray of uint8, shape (Y, X)
        The frame.
    radius : int
        The disk's radius, pixels; pixels at a distance of ``radius`` belong to it. At the border only the part of the
        disk that lies in the frame counts.

    Returns
    -------
    ndarray of float64, shape (Y, X)
        In bits, 0 (one grey level) to 8.

    Notes
    -----
    The same as ``skimage.filters.rank.entropy(image, disk(radius))``. With n_v pixels of grey level v among N, the
    entropy is log2 N - (1/N) Σ n_v log2 n_v. Moving the disk by one pixel changes the histogram in 2 (2 radius + 1)
    places, and the sum is corrected in those places with a table, where a plain filter sums over all 256 levels.
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(f"local_entropy takes a uint8 (Y, X) frame, not {image.dtype} {image.shape}")
    if radius < 1:
        raise ValueError(f"the radius is at least 1 pixel, not {radius}")
    half = disk_half_widths(radius)
    most = int((2 * half + 1).sum())
    n = np.arange(most + 2, dtype=np.float64)
    log2 = np.log2(np.maximum(n, 1))
    gain = np.diff(np.rint(n * log2 * _FIXED_POINT)).astype(np.int64)
    height, width = image.shape
    flat = np.ascontiguousarray(image).ravel()
    out = np.empty(image.shape, np.float64)
    in_bands(lambda y0, y1: _entropy_rows(flat, height, width, half, gain, log2, out, y0, y1), height)
    return out
