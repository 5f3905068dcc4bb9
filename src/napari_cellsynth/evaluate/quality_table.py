"""The quality of a class's synthetic patches in one dictionary: each figure beside its real-real floor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.quality import (
    Extractor,
    features,
    fid,
    kid,
    memorisation,
    precision_recall_density_coverage,
    standardised,
)

Patches = NDArray[np.float32]
_NEIGHBOURS = 5


def quality_table(
    trained_on: Patches,
    synthetic: Patches,
    held_out: Patches | None = None,
    *,
    extractor: str | Extractor = "handmade",
    seed: int = 0,
) -> dict[str, Any]:
    """Compare synthetic patches with real ones.

    The reference is held-out real patches; without any, a random half of those trained on, which flatters. The floor is
    the same figure between other real patches and the reference. All sets are cut to one size, since FID and coverage
    depend on it, and features are in units of the reference's standard deviation.

    Parameters
    ----------
    trained_on : ndarray of float32, shape (N, C, S, S)
        Real patches the generator was trained on.
    synthetic : ndarray of float32, shape (M, C, S, S)
        Generated patches.
    held_out : ndarray of float32, shape (H, C, S, S), optional
        Real patches of groups the generator never saw.
    extractor : str or callable
        See `quality.features`.
    seed : int
        Fixes the random choices.

    Returns
    -------
    dict
        ``kid``, ``fid``, ``precision``, ``recall``, ``density``, ``coverage``, ``copied``, the ``floor`` of each (but
        ``copied``: its floor is the share of reference patches that would count as copies), ``n`` (patches a set),
        ``extractor``, ``reference`` and ``notices``.

    Raises
    ------
    UserError
        If there are too few patches for the figures.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(trained_on))
    notices: list[str] = []
    if held_out is not None and len(held_out) > _NEIGHBOURS:
        reference, others, name = held_out, trained_on[order], "held-out real patches"
    else:
        half = len(order) // 2
        reference, others = trained_on[order[:half]], trained_on[order[half:]]
        name = "half of the real patches trained on"
        notices.append("No held-out real patches of this class: the reference was seen in training, which flatters.")
    n = min(len(reference), len(others), len(synthetic))
    if n <= _NEIGHBOURS:
        raise UserError(
            f"The figures need more than {_NEIGHBOURS} real and synthetic patches on every side, but there are {n}.",
            "Generate more patches, or label more crops.",
        )
    parts = [part[rng.permutation(len(part))[:n]] for part in (reference, others, synthetic)]
    ref, floor, made = standardised(*(features(part, extractor) for part in parts))
    table: dict[str, Any] = _distances(ref, made)
    table["copied"] = memorisation(others, synthetic)["copied"]
    table["floor"] = {**_distances(ref, floor), "copied": memorisation(others, reference)["copied"]}
    table["n"] = n
    table["extractor"] = extractor if isinstance(extractor, str) else getattr(extractor, "__name__", "own")
    return {**table, "reference": name, "notices": notices}


def _distances(real: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, float]:
    return {
        "kid": kid(real, other),
        "fid": fid(real, other),
        **precision_recall_density_coverage(real, other, _NEIGHBOURS),
    }
