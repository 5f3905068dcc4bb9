"""Whether a classifier of real crops takes generated patches for the class they were made for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def class_figures(made_for: ArrayLike, predicted: ArrayLike, wanted: int) -> dict[str, float]:
    """Return precision, recall and F1 of one class, with every class counting as equally large.

    Parameters
    ----------
    made_for : array_like of int, shape (N,)
        The class that every patch was made for (or, of real crops, their class).
    predicted : array_like of int, shape (N,)
        What a classifier that was trained on real training crops alone takes it for.
    wanted : int
        The class.

    Returns
    -------
    dict
        ``class_precision``: of what is taken for the class, the share that was made for it (NaN where nothing is, or
        all patches are of one class); ``class_recall``: of what was made for it, the share that is taken for it;
        ``class_f1``: their harmonic mean, 0 where
        nothing that was made for it is taken for it.

    References
    ----------
    The reading of precision, recall and F1 of generated images in the study of bone-marrow cells by conditional GANs.
    """
    true, pred = np.asarray(made_for, np.int64), np.asarray(predicted, np.int64)
    if true.shape != pred.shape:
        raise ValueError(f"{true.shape} classes do not go with {pred.shape} predictions")
    counts = np.bincount(true, minlength=wanted + 1)
    weight = 1 / np.maximum(counts, 1)[true]
    hits = float(weight[(true == wanted) & (pred == wanted)].sum())
    taken = float(weight[pred == wanted].sum())
    several = np.count_nonzero(counts) > 1
    precision = hits / taken if taken > 0 and several else float("nan")
    recall = hits if counts[wanted] else float("nan")
    f1 = 0.0 if hits == 0 and several and counts[wanted] else 2 * precision * recall / (precision + recall)
    return {"class_precision": precision, "class_recall": recall, "class_f1": f1}


def class_table(
    made_for: ArrayLike, predicted: ArrayLike, wanted: int
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return `class_figures` and their 95 % bootstrap intervals; a figure that is not defined has neither."""
    from napari_cellsynth.evaluate.intervals import bootstrap

    figures = {k: v for k, v in class_figures(made_for, predicted, wanted).items() if np.isfinite(v)}
    intervals = {}
    for name in figures:
        bounds = bootstrap(lambda t, p, name=name: class_figures(t, p, wanted)[name], made_for, predicted)
        intervals[name] = [bounds.low, bounds.high]
    return figures, intervals
