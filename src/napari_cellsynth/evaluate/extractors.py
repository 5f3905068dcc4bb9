"""Numbers that describe a patch, for the distances between sets of patches; all work without a network connection.

The distances are only as good as the features: a table of them must name its extractor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.handmade import handmade

Floats = NDArray[np.float64]
Extractor = Callable[[NDArray[np.float32]], NDArray[Any]]

_BOUND = 2.0


def features(patches: NDArray[np.float32], extractor: str | Extractor = "handmade") -> Floats:
    """Describe every patch by a vector of numbers.

    Parameters
    ----------
    patches : ndarray of float32, shape (N, C, Y, X)
        In [-1, 1].
    extractor : {"handmade", "random-conv"} or callable
        ``handmade``: intensity moments and quantiles, mean intensity by distance from the centre, power by
        spatial frequency, contrast at several scales (29 numbers a channel); blind to flips and quarter
        turns. ``random-conv``: mean activations of an untrained convolution network whose weights are fixed
        for good (112 numbers). Or a function that takes patches and returns (N, d), such as a
        `fold_network.FoldNetwork` or `inception.Inception`.

    Returns
    -------
    ndarray of float64, shape (N, d)
        Every vector depends on its own patch alone, whatever the batch.

    Raises
    ------
    UserError
        If there is no such extractor, or patches are not of the shape above.
    """
    x = np.asarray(patches, dtype=np.float32)
    if x.ndim != 4:
        raise UserError(f"Patches need the shape (N, C, Y, X), not {x.shape}.")
    if callable(extractor):
        made = extractor(x)
    elif extractor in _EXTRACTORS:
        made = _EXTRACTORS[extractor](x)
    else:
        raise UserError(f"There is no feature extractor '{extractor}'.", f"There are: {', '.join(_EXTRACTORS)}.")
    return np.asarray(made, dtype=np.float64).reshape(len(x), -1)


def standardised(real: Floats, *others: Floats) -> tuple[Floats, ...]:
    """Return feature sets in units of the real set's standard deviation, about its mean, softly bounded.

    Without the units the features with the largest numbers would decide a distance. Without the bound a few features
    that hardly vary over real patches would: the cube in `kid` turns 30 standard deviations into a billion. A value z
    becomes ``2 tanh(z / 2)``, which keeps the order, leaves the bulk of the real patches nearly as they are, and lets
    no feature count for more than two standard deviations; `kid` is then below 250 whatever the patches.

    Parameters
    ----------
    real : ndarray of float64, shape (N, d)
        All the real patches that are compared. With one part of them alone, a part of little spread would make the
        other part look far away.
    *others : ndarray of float64, shape (M, d)
        Other sets.

    Returns
    -------
    tuple of ndarray
        The real set and the others. Features that are constant over the real set are only centred and bounded.
    """
    mean, spread = real.mean(axis=0), real.std(axis=0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    return tuple(_BOUND * np.tanh((values - mean) / (_BOUND * spread)) for values in (real, *others))


def _random_conv(x: NDArray[np.float32]) -> Floats:
    # The hand-made features are used where torch is not loaded: while somebody labels.
    from napari_cellsynth.evaluate.random_conv import random_conv

    return random_conv(x)


_EXTRACTORS: dict[str, Extractor] = {"handmade": handmade, "random-conv": _random_conv}


def extractor_name(extractor: str | Extractor) -> str:
    """Return what a table calls an extractor: its ``name``, where it has one."""
    words = {"handmade": "hand-made features", "random-conv": "fixed random convolutions"}
    if isinstance(extractor, str):
        return words.get(extractor, extractor)
    return str(getattr(extractor, "name", getattr(extractor, "__name__", "own features")))
