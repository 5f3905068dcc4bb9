"""Patches of any number of channels as colour pictures: which intensities are black and white, and which colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

COLORS = ((0, 114, 255), (0, 200, 60), (255, 60, 0), (255, 0, 255), (0, 220, 220), (255, 210, 0))
"""Of the channels of a picture of four and more, which are added up; a seventh begins again with the first."""

TWO = ((0, 255, 0), (255, 0, 255))
"""Green and magenta, which people with any colour vision tell apart."""


def display_range(patches: Sequence[NDArray[np.generic]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the intensities that are drawn black and white, for each channel.

    Parameters
    ----------
    patches : sequence of ndarray (C, Y, X)
        Patches of as many channels that are to be drawn alike. Their 0.1 and 99.9 percentiles count: of one or three
        channels (grey, RGB) those of all pixels together, of two, four and more each channel's own, since a dim dye
        beside a bright one would be black.

    Returns
    -------
    low, high : ndarray (C,)
        ``high`` is above ``low``; 0 and 255 where there is no finite pixel.
    """
    channels = patches[0].shape[0] if len(patches) else 1
    flat = [np.asarray(patch, np.float32).reshape(channels, -1)[:, ::3] for patch in patches]
    values = np.concatenate([np.empty((channels, 0), np.float32), *flat], axis=1)
    rows = [values.ravel()] if channels in (1, 3) else list(values)
    bounds = np.array([_bounds(row[np.isfinite(row)]) for row in rows], np.float64)
    low, high = np.broadcast_to(bounds, (channels, 2)).T
    return low, high


def _bounds(values: NDArray[np.float32]) -> tuple[float, float]:
    if not values.size:
        return 0.0, 255.0
    low, high = np.percentile(values, [0.1, 99.9])
    return float(low), float(high) if high > low else float(low) + 1.0


def to_rgb(patch: NDArray[np.generic], low: ArrayLike, high: ArrayLike) -> NDArray[np.uint8]:
    """Return a patch as a colour picture.

    Parameters
    ----------
    patch : ndarray (C, Y, X)
        One channel becomes grey, three are red, green and blue, two are green and magenta, and four and more are added
        up in their `COLORS`.
    low, high : float or array_like (C,)
        What is black and what is white, as `display_range` gives it. Pixels that are no numbers are black.

    Returns
    -------
    ndarray (Y, X, 3), uint8
    """
    bottom, top = (np.asarray(each, np.float32).reshape(-1, 1, 1) for each in (low, high))
    scaled = (np.asarray(patch, dtype=np.float32) - bottom) * (255.0 / (top - bottom))
    planes = np.clip(np.nan_to_num(scaled), 0.0, 255.0)
    count = len(planes)
    if count not in (1, 3):
        colors = TWO if count == 2 else tuple(COLORS[place % len(COLORS)] for place in range(count))
        mixed = np.tensordot(np.array(colors, np.float32).T / 255.0, planes, axes=1)
        planes = np.minimum(mixed, 255.0)
    picture = planes.astype(np.uint8)
    if count == 1:
        picture = np.repeat(picture, 3, axis=0)
    return np.ascontiguousarray(np.moveaxis(picture, 0, -1))
