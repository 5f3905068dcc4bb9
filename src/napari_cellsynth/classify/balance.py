"""What to do about classes that are rare."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray


def class_weights(
    labels: ArrayLike, n_classes: int, method: Literal["none", "weights"] = "weights"
) -> NDArray[np.float32]:
    """Return the weight of every class in the loss, from the labels that are trained on.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        Classes 0..K-1 of everything that is drawn in training.
    n_classes : int
        K.
    method : {"none", "weights"}
        ``none``: all ones. ``weights``: inverse to the class frequency, N / (K_present * n_class), so that
        the mean over the objects is one (S4's cost-sensitive weights).

    Returns
    -------
    ndarray of float32, shape (K,)
        A class without labels has weight 0 under ``weights``.
    """
    if method == "none":
        return np.ones(n_classes, np.float32)
    counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=n_classes)
    present = counts > 0
    weights = np.zeros(n_classes, np.float32)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights
