"""The eight flips and quarter turns of a patch: how far two patches are, whichever way they lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

VIEWS = 8


def turned(patches: NDArray[np.floating], view: int) -> NDArray[np.floating]:
    """Return patches (N, C, S, S) in one of their eight flips and quarter turns; view 0 is as they are."""
    if view & 1:
        patches = patches.swapaxes(-1, -2)
    if view & 2:
        patches = patches[..., ::-1, :]
    return patches[..., ::-1] if view & 4 else patches


def each_turned(patches: NDArray[np.floating], views: ArrayLike) -> NDArray[np.floating]:
    """Return a copy of patches (N, C, S, S), each in its own view (N,)."""
    own, done = np.asarray(views), np.array(patches)
    for view in range(1, VIEWS):
        done[own == view] = turned(patches[own == view], view)
    return done


def nearest_views(patches: Floats, others: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the distances of all patches to all others, the least over the views of ``patches``, and that view.

    Parameters
    ----------
    patches, others : ndarray of float64, shape (M, C, S, S) and (N, C, S, S)
        Square patches.

    Returns
    -------
    distance : ndarray of float64, shape (M, N)
        Root mean square difference of pixels.
    view : ndarray of int64, shape (M, N)
        The view of the patch (see `turned`) that is nearest to the other.
    """
    flat = others.reshape(len(others), -1)
    pixels = flat.shape[1]
    norms = (flat**2).sum(axis=1)
    own = (patches.reshape(len(patches), -1) ** 2).sum(axis=1)[:, None]
    least = np.full((len(patches), len(others)), np.inf)
    which = np.zeros(least.shape, np.int64)
    for view in range(VIEWS):
        moved = np.ascontiguousarray(turned(patches, view)).reshape(len(patches), -1)
        squared = own + norms[None] - 2 * moved @ flat.T
        which[squared < least] = view
        np.minimum(least, squared, out=least)
    # A difference of large numbers: below about 1e-9 of them nothing is left but rounding.
    least[least < 1e-9 * pixels] = 0.0
    return np.sqrt(least / pixels), which
