"""The inner loops of the texture figures, compiled: a few reads a pixel, and no table of the size of the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.entropy import compiled


@compiled
def circle_patterns(
    padded: NDArray[np.float32],
    middle: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    shares: NDArray[np.float32],
    pattern: NDArray[np.uint8],
) -> None:
    """Set bit p of every pixel's pattern (Y, X) where point p of its circle is as light as the middle or lighter.

    Point p is the sum of four pixels of the padded plane, ``rows[p]`` and ``columns[p]`` (4,) away from the pixel's own
    place in it, each with its share.
    """
    height, width = pattern.shape
    for y in range(height):
        own, found = middle[y], pattern[y]
        for p in range(len(shares)):
            # One row at a time, without a choice within it, is what the compiler makes vectors of.
            a = padded[y + rows[p, 0], columns[p, 0] : columns[p, 0] + width]
            b = padded[y + rows[p, 1], columns[p, 1] : columns[p, 1] + width]
            c = padded[y + rows[p, 2], columns[p, 2] : columns[p, 2] + width]
            d = padded[y + rows[p, 3], columns[p, 3] : columns[p, 3] + width]
            in_a, in_b, in_c, in_d = shares[p, 0], shares[p, 1], shares[p, 2], shares[p, 3]
            bit = np.uint8(1 << p)
            for x in range(width):
                lighter = a[x] * in_a + b[x] * in_b + c[x] * in_c + d[x] * in_d >= own[x]
                found[x] |= bit if lighter else np.uint8(0)


@compiled
def count_pairs(
    packed: NDArray[np.int64],
    at: NDArray[np.int64],
    of: NDArray[np.int64],
    offsets: NDArray[np.int64],
    levels: int,
    counts: NDArray[np.float64],
) -> None:
    """Count the pairs of grey levels (n, levels, levels) of pixels in one object, so many places apart.

    ``packed`` is a flat image of object · levels + level, negative outside of objects; ``at`` (P,) are the places of
    the object pixels in it, ``of`` their objects.
    """
    for pixel in range(len(at)):
        own = of[pixel]
        first = packed[at[pixel]] - own * levels
        for offset in offsets:
            second = packed[at[pixel] + offset] - own * levels
            if 0 <= second < levels:
                counts[own, first, second] += 1
