"""The filter of a comparison's filtered arm: a rule fixed beforehand, that knows the arm's own real crops alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.extractors import features, standardised
from napari_cellsynth.evaluate.memorisation import memorisation
from napari_cellsynth.evaluate.patch_figures import COPY_RATIO
from napari_cellsynth.evaluate.realism import NEIGHBOURS, realism

DRAWN = 2
"""So many times as many patches are drawn as are wanted, and at most the wanted ones are kept."""


def kept(
    drawn: NDArray[np.float32], real: NDArray[np.float32], objects: NDArray[np.int64], wanted: int
) -> NDArray[np.int64]:
    """Return which patches are kept: no copies, and of the rest the most realistic ones.

    Parameters
    ----------
    drawn : ndarray of float32, shape (M, C, S, S)
        Synthetic patches of one class, in [-1, 1].
    real : ndarray of float32, shape (N, C, S, S)
        Real patches of that class that its GAN may have seen.
    objects : ndarray of int64, shape (N,)
        The crop that each of them is of.
    wanted : int
        How many to keep; fewer where too many are copies.

    Returns
    -------
    ndarray of int64
        Positions in ``drawn``, in order. Nothing here is tuned: copies are those of
        `evaluate.memorisation.memorisation` at its own threshold, and realism is that of Kynkäänniemi et al. 2019 on
        hand-made features. With too few real crops for either, that part of the rule is left out.
    """
    found = np.arange(len(drawn))
    _, each_once = np.unique(objects, return_index=True)
    if len(each_once) > 1:
        found = found[memorisation(real, drawn, objects=objects)["ratio"] >= COPY_RATIO]
    if len(found) > wanted and len(each_once) > NEIGHBOURS:
        own, made = standardised(features(real[each_once]), features(drawn[found]))
        order = np.argsort(-realism(own, made), kind="stable")
        found = np.sort(found[order[:wanted]])
    found = found[:wanted]
    if not len(found) and wanted:
        raise UserError(
            f"All {len(drawn):,} synthetic patches of a class are copies of training crops.",
            "Train its GAN for fewer steps, or label more crops.",
        )
    return found
