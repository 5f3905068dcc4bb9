"""Texture of objects: local binary patterns and grey-level co-occurrence, of pixels inside the object alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.features.kernels import circle_patterns, count_pairs
from napari_cellsynth.imaging.features.objects import Columns, Objects, numbered, ratio

RADII = (1, 2, 3)
"""Radii of the local binary patterns, pixels."""
DISTANCES = (1, 2, 4)
"""Distances of the co-occurring pixels."""
_POINTS = 8
_LEVELS = 16
_DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))


def binary_patterns(objects: Objects, plane: NDArray[np.float64]) -> Columns:
    """Return the shares of local binary patterns.

    Parameters
    ----------
    objects : Objects
        The objects.
    plane : ndarray of float, shape (Y, X)
        Intensities in [0, 1]; they are compared as 8 bits.

    Returns
    -------
    dict of str to ndarray
        ``lbp1_00`` … ``lbp1_09``, and so for radii 2 and 3: share of the object's pixels with each of the ten uniform
        patterns of 8 points, which turns do not change. Pixels beyond the object's border are compared with, too.

    References
    ----------
    T. Ojala, M. Pietikäinen, T. Mäenpää, "Multiresolution gray-scale and rotation invariant texture classification
    with local binary patterns", IEEE Trans. Pattern Anal. Mach. Intell. 24 (2002) 971-987, section 2.3.
    """
    columns: Columns = {}
    for radius in RADII:
        codes = uniform_patterns(plane, radius)
        columns |= numbered(f"lbp{radius}", objects.shares(codes[objects.y, objects.x], _POINTS + 2))
    return columns


def uniform_patterns(plane: NDArray[np.float64], radius: int) -> NDArray[np.int64]:
    """Return the rotation invariant uniform pattern 0..9 of every pixel of a plane (Y, X) in [0, 1].

    Eight points on a circle, read between pixels by bilinear interpolation, are compared with the middle: a pattern of
    at most two changes around the circle counts its points that are as light as the middle or lighter, every other
    pattern is 9. The same as ``local_binary_pattern(plane, 8, radius, "uniform")`` of scikit-image, many times faster;
    but the plane goes on beyond its border as it ends.
    """
    pixels = np.rint(plane * 255).astype(np.float32)
    reach = radius + 1
    padded = np.pad(pixels, reach, mode="edge")
    rows, columns = (np.zeros((_POINTS, 4), np.int64) for _ in range(2))
    shares = np.zeros((_POINTS, 4), np.float32)
    for point in range(_POINTS):
        angle = 2 * np.pi * point / _POINTS
        y, x = round(-radius * np.sin(angle), 5), round(radius * np.cos(angle), 5)
        top, left = int(np.floor(y)), int(np.floor(x))
        rows[point] = reach + np.array([top, top, top + 1, top + 1])
        columns[point] = reach + np.array([left, left + 1, left, left + 1])
        shares[point] = np.outer([1 - (y - top), y - top], [1 - (x - left), x - left]).ravel()
    pattern = np.zeros(plane.shape, np.uint8)
    # Between equal pixels the interpolation may come out a rounding error too low.
    circle_patterns(padded, pixels - np.float32(1e-3), rows, columns, shares, pattern)
    return _UNIFORM[pattern]


def _uniform_codes() -> NDArray[np.int64]:
    bits = (np.arange(256)[:, None] >> np.arange(_POINTS)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), _POINTS + 1)


_UNIFORM = _uniform_codes()


def co_occurrence(objects: Objects, plane: NDArray[np.float64]) -> Columns:
    """Return Haralick's figures of the grey-level co-occurrence matrices.

    Parameters
    ----------
    objects : Objects
        The objects.
    plane : ndarray of float, shape (Y, X)
        Intensities in [0, 1], taken in 16 levels.

    Returns
    -------
    dict of str to ndarray
        For the distances 1, 2 and 4 pixels, of the symmetric matrix p(i, j) over all pairs inside the object in the
        four directions together: ``glcm1_contrast`` Σ p (i - j)², ``glcm1_homogeneity`` Σ p / (1 + (i - j)²),
        ``glcm1_energy`` √Σ p², ``glcm1_correlation`` Σ p (i - μ)(j - μ) / σ², ``glcm1_entropy`` -Σ p log2 p. An object
        too small for a pair has 0; the correlation of a constant object is 1, as in scikit-image.

    References
    ----------
    R. M. Haralick, K. Shanmugam, I. Dinstein, "Textural features for image classification", IEEE Trans. Syst. Man
    Cybern. 3 (1973) 610-621.
    """
    levels = np.minimum((plane * _LEVELS).astype(np.int64), _LEVELS - 1)
    pad = max(DISTANCES)
    # Object and level in one number, with room around, so that a neighbour is one look-up in a flat array.
    packed = np.pad(np.where(objects.place >= 0, objects.place * _LEVELS + levels, -1), pad, constant_values=-1)
    width, flat = packed.shape[1], packed.ravel()
    at = (objects.y + pad) * width + objects.x + pad
    columns: Columns = {}
    for distance in DISTANCES:
        matrix = np.zeros((len(objects), _LEVELS, _LEVELS))
        offsets = np.array([distance * (dy * width + dx) for dy, dx in _DIRECTIONS], np.int64)
        count_pairs(flat, at, objects.of, offsets, _LEVELS, matrix)
        matrix = matrix + matrix.transpose(0, 2, 1)
        columns |= {f"glcm{distance}_{name}": value for name, value in _haralick(matrix).items()}
    return columns


def _haralick(counts: NDArray[np.float64]) -> Columns:
    """Return the figures of symmetric matrices (n, levels, levels) of counts."""
    whole = counts.sum(axis=(1, 2), keepdims=True)
    p = ratio(counts, np.broadcast_to(whole, counts.shape))
    level = np.arange(counts.shape[1])
    apart = (level[:, None] - level[None, :]) ** 2
    marginal = p.sum(axis=2)
    mean = marginal @ level
    variance = marginal @ level**2 - mean**2
    shared = (p * np.outer(level, level)).sum(axis=(1, 2)) - mean**2
    any_pair = whole[:, 0, 0] > 0
    flat = variance <= 1e-9
    correlation = np.where(flat, any_pair, ratio(shared, np.where(flat, 0.0, variance)))
    logs = np.log2(p, out=np.zeros_like(p), where=p > 0)
    return {
        "contrast": (p * apart).sum(axis=(1, 2)),
        "homogeneity": (p / (1 + apart)).sum(axis=(1, 2)),
        "energy": np.sqrt((p**2).sum(axis=(1, 2))),
        "correlation": correlation.astype(np.float64),
        "entropy": -(p * logs).sum(axis=(1, 2)),
    }
