"""How an object's intensities are distributed: histogram, profiles, its membrane's signal to noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.features.membrane import REACH, Membrane
from napari_cellsynth.imaging.features.objects import Columns, Objects, numbered, ratio

BINS = 32
RINGS = 8
_SHELLS = int(REACH)
_TINY = 1e-6
"""A variance small against that of one 8-bit step (1/255²), in squares of the intensity range."""


def histogram(objects: Objects, values: NDArray[np.float64]) -> Columns:
    """Return the distribution of each object's intensities.

    Parameters
    ----------
    objects : Objects
        The objects.
    values : ndarray of float, shape (P,)
        Intensity of every object pixel in [0, 1].

    Returns
    -------
    dict of str to ndarray
        ``histogram_00`` … ``_31``: share of the pixels in 32 equal bins of [0, 1] (S4 section 3). ``mean``,
        ``deviation``: of the intensities. ``skewness``: m3 / m2^1.5, ``kurtosis``: m4 / m2² - 3; 0 for a constant
        object. ``internal_variance``: *internal segmentation variance*, which S4 names and does not define: the pixels
        are segmented in two by Otsu's threshold over the histogram, and this is what remains, Σ_k w_k σ_k² over the two
        parts. ``internal_contrast``: Otsu's separability, variance between the parts / whole variance, in [0, 1].
    """
    shares = objects.shares(np.minimum((values * BINS).astype(np.int64), BINS - 1), BINS)
    mean = objects.mean(values)
    centred = values - mean[objects.of]
    squared = centred * centred
    second, third, fourth = (objects.mean(power) for power in (squared, squared * centred, squared * squared))
    second = np.where(second > _TINY * 1e-3, second, 0.0)
    between = _between_parts(shares)
    return {
        "mean": mean,
        "deviation": np.sqrt(second),
        "skewness": ratio(third, second**1.5),
        "kurtosis": ratio(fourth - 3 * second**2, second**2),
        "internal_variance": np.maximum(second - between, 0.0),
        "internal_contrast": np.minimum(ratio(between, second), 1.0),
        **numbered("histogram", shares),
    }


def _between_parts(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Otsu's greatest variance between two parts of histograms (n, bins) over [0, 1]."""
    centres = (np.arange(shares.shape[1]) + 0.5) / shares.shape[1]
    below, moment = shares.cumsum(axis=1)[:, :-1], (shares * centres).cumsum(axis=1)
    mean, moment = moment[:, -1:], moment[:, :-1]
    weight = below * (1 - below)
    return np.asarray(ratio((mean * below - moment) ** 2, np.where(weight > 1e-12, weight, 0.0)).max(axis=1, initial=0))


def radial_profile(objects: Objects, values: NDArray[np.float64]) -> Columns:
    """Return the radial density profile (S4 section 3).

    Parameters
    ----------
    objects, values : Objects, ndarray of float, shape (P,)
        The objects and the intensity of every object pixel.

    Returns
    -------
    dict of str to ndarray
        ``radial_00`` … ``_07``: mean intensity in 8 concentric rings of equal width around the centroid, from the
        centre to the farthest pixel; ``radial_deviation_00`` …: standard deviation within the ring. S4's rings are
        nanometres wide; ours are eighths of the object's radius, so that objects of all sizes have as many. A ring
        without a pixel has the value of the ring inside of it.
    """
    r = np.hypot(
        objects.y - objects.mean(objects.y)[objects.of],
        objects.x - objects.mean(objects.x)[objects.of],
    )
    reach = objects.greatest(r) + 0.5 if len(objects) else objects.area
    ring = np.minimum((RINGS * r / reach[objects.of]).astype(np.int64), RINGS - 1)
    _, mean, variance = _binned(len(objects), objects.of, ring, values, RINGS)
    return {**numbered("radial", mean), **numbered("radial_deviation", np.sqrt(variance))}


def edge_profile(objects: Objects, membrane: Membrane, plane: NDArray[np.float64]) -> Columns:
    """Return the edge density profile and the membrane's signal to noise (S4 section 3).

    Parameters
    ----------
    objects, membrane : Objects, Membrane
        The objects and the distances from their membranes.
    plane : ndarray of float, shape (Y, X)
        Intensities in [0, 1].

    Returns
    -------
    dict of str to ndarray
        ``edge_00`` … ``_02``: mean intensity 3-2, 2-1 and 1-0 pixels outside of the membrane, and ``edge_03`` …
        ``_10``: in 8 equal shells from the membrane to the deepest pixel. ``membrane_across``: variance of the mean
        intensity over the six one-pixel shells on both sides of the membrane; ``membrane_along``: mean variance
        within a shell; ``signal_to_noise``: log10 of across / along. The two variances sum to the whole variance of
        the band. An object that fills the frame has no outside; a shell without a pixel has the value of its
        neighbour.
    """
    values = plane[objects.y, objects.x]
    outside = plane[membrane.near_y, membrane.near_x]
    beyond = np.clip(_SHELLS - 1 - membrane.near.astype(np.int64), 0, _SHELLS - 1)
    n = len(objects)
    deepest = objects.greatest(membrane.depth)[objects.of] if n else membrane.depth
    depth = np.minimum((RINGS * membrane.depth / deepest).astype(np.int64), RINGS - 1)
    of, both = np.concatenate([membrane.near_of, objects.of]), np.concatenate([outside, values])
    shells = np.concatenate([beyond, depth + _SHELLS])
    _, mean, _ = _binned(n, of, shells, both, _SHELLS + RINGS)
    band = np.concatenate([beyond, membrane.depth.astype(np.int64) + _SHELLS])
    kept = band < 2 * _SHELLS
    count, centre, variance = _binned(n, of[kept], band[kept], both[kept], 2 * _SHELLS)
    share = ratio(count, np.broadcast_to(count.sum(axis=1, keepdims=True), count.shape))
    middle = (share * centre).sum(axis=1, keepdims=True)
    across = (share * (centre - middle) ** 2).sum(axis=1)
    along = (share * variance).sum(axis=1)
    return {
        **numbered("edge", mean),
        "membrane_across": across,
        "membrane_along": along,
        "signal_to_noise": np.log10((across + _TINY) / (along + _TINY)),
    }


def _binned(
    n: int, of: NDArray[np.int64], bins: NDArray[np.int64], values: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return pixels, mean and variance of each object's bins, all (n, count); an empty bin is as its neighbour."""
    at, size = of * count + bins, n * count
    pixels: NDArray[np.float64] = np.bincount(at, minlength=size).astype(np.float64)
    mean = ratio(_sums(at, values, size), pixels)
    variance = ratio(_sums(at, (values - mean[at]) ** 2, size), pixels)
    pixels, mean, variance = (table.reshape(n, count) for table in (pixels, mean, variance))
    known = pixels > 0
    for order in (range(1, count), range(count - 2, -1, -1)):
        step = -1 if order.step > 0 else 1
        for number in order:
            taken = ~known[:, number] & known[:, number + step]
            mean[taken, number] = mean[taken, number + step]
            variance[taken, number] = variance[taken, number + step]
            known[taken, number] = True
    return pixels, mean, variance


def _sums(at: NDArray[np.int64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(at, weights=values, minlength=size), np.float64)
