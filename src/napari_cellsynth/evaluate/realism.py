"""How realistic single patches are: whether each lies as near to a real one as real ones lie to each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.distances import radii

NEIGHBOURS = 3
MOST = 100.0
"""The score of a patch whose features are those of a real one, where the paper's has no bound."""
_CHUNK = 2048


def realism(real: ArrayLike, synthetic: ArrayLike, k: int = NEIGHBOURS) -> NDArray[np.float64]:
    """Return each synthetic patch's realism score.

    Parameters
    ----------
    real, synthetic : array_like of shape (N, d) and (M, d)
        Features.
    k : int
        Neighbours that set the radius of a real patch's ball; 3 as in the paper.

    Returns
    -------
    ndarray of float64, shape (M,)
        The greatest ratio, over real patches, of the radius of a patch's ball to the distance of the synthetic one from
        its centre: 1 and above inside of some ball, below 1 outside of all; at most `MOST`. As in the paper, the half
        of the balls with the greater radii is left out, since one real patch far from all others would otherwise make
        everything realistic.

    Raises
    ------
    UserError
        If there are no more than ``k`` real patches.

    References
    ----------
    Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", 2019, section 5.
    """
    x, y = np.asarray(real, dtype=np.float64), np.asarray(synthetic, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"features need the shapes (N, d) and (M, d), not {x.shape} and {y.shape}")
    if len(x) <= k:
        raise UserError(f"Realism with {k} neighbours needs more than {k} real patches.", "Label more crops.")
    radius = radii(x, k)
    kept = radius <= np.median(radius)
    x, radius = x[kept], radius[kept]
    best = np.zeros(len(y))
    for start in range(0, len(y), _CHUNK):
        distance = cdist(y[start : start + _CHUNK], x)
        # A patch at distance 0 is as real as can be, also from a real one that has twins (radius 0).
        ratio = np.divide(radius[None], distance, out=np.full(distance.shape, MOST), where=distance > 0)
        best[start : start + _CHUNK] = ratio.max(axis=1)
    return np.minimum(best, MOST)
