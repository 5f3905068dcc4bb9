"""Pictures that are there twice: pixel by pixel, or nearly (saved anew, rescaled, in another light, noisy)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.near_copies import SIDE, near_copies, sized


class Copy(NamedTuple):
    """A picture that is there again: positions of the first one and of this one, and their correlation in [-1, 1]."""

    first: int
    again: int
    identical: bool
    likeness: float


def fingerprint(picture: NDArray[Any]) -> str:
    """Return what is equal for two pictures only where every pixel, the shape and the dtype are equal."""
    told = hashlib.sha256(f"{picture.shape}{picture.dtype}".encode())
    told.update(np.ascontiguousarray(picture).tobytes())
    return told.hexdigest()


def thumbnail(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Return a picture (C, h, w) of any size as `near_copies` compares it."""
    return sized(picture, SIDE)


def copies(
    thumbnails: NDArray[np.float32], fingerprints: Sequence[str], images: Sequence[int], groups: Sequence[str]
) -> list[Copy]:
    """Find pictures that are there more than once.

    Parameters
    ----------
    thumbnails : ndarray of float32, shape (N, C, 64, 64)
        As of `thumbnail`.
    fingerprints : sequence of str, length N
        As of `fingerprint`.
    images : sequence of int, length N
        The image that each was cut from; one image holds no copies.
    groups : sequence of str, length N
        Near-copies are told across groups only: within one, such as the frames of a video, they are natural.

    Returns
    -------
    list of Copy
        Each picture as ``again`` at most once, and never both as ``again`` and as ``first``: without all ``again``
        every picture is there once.
    """
    found: dict[int, Copy] = {}
    pairs = [
        *_identical(fingerprints, images),
        *(Copy(near.first, near.second, False, near.likeness) for near in near_copies(list(thumbnails), groups)),
    ]
    for pair in sorted(pairs, key=lambda each: (each.first, not each.identical, each.again)):
        if pair.first not in found:
            found.setdefault(pair.again, pair)
    return [found[position] for position in sorted(found)]


def _identical(fingerprints: Sequence[str], images: Sequence[int]) -> list[Copy]:
    first: dict[str, int] = {}
    pairs = []
    for position, told in enumerate(fingerprints):
        before = first.setdefault(told, position)
        if images[before] != images[position]:
            pairs.append(Copy(before, position, True, 1.0))
    return pairs
