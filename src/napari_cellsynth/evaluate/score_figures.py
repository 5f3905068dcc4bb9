"""Figures of one held-out test: ROC, calibration, the price of certainty, and the page of misclassified crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.evaluate import multi_label
from napari_cellsynth.evaluate.figures import COLOURS, blank, literal, picture

_MOST = 40
_COLUMNS = 4
_BARS = 6


def curves_figure(scores: Mapping[str, Any], class_names: Sequence[str]) -> Figure:
    """Draw the ROC curves, the calibration curve and what a threshold on the confidence does, side by side.

    Parameters
    ----------
    scores : mapping
        As `summary.summarise` returns it.
    class_names : sequence of str, length K
        Names of the classes.
    """
    bins: Mapping[str, Any] = scores.get("reliability") or {}
    figure = blank(11 if bins else 7.5, 3.6)
    roc, *middle, unsure = figure.subplots(1, 3 if bins else 2)
    for k, (name, curve) in enumerate(zip(class_names, scores["roc"], strict=True)):
        style = ("-", "--", ":")[k // len(COLOURS) % 3]
        roc.plot(curve["fpr"], curve["tpr"], style, color=COLOURS[k % len(COLOURS)], label=literal(name), linewidth=1.2)
    roc.legend(frameon=False, fontsize=6, loc="lower right")
    square(roc, "false positive rate", "true positive rate", f"ROC, area {_two(scores.get('roc_auc'))}")
    for calibration in middle:
        sizes = 10 + 90 * np.asarray(bins["crops"], dtype=float) / max([1, *bins["crops"]])
        calibration.plot(bins["confidence"], bins["accuracy"], color=COLOURS[0], linewidth=1)
        calibration.scatter(bins["confidence"], bins["accuracy"], sizes, color=COLOURS[0])
        error = f"calibration error {_two(scores.get('expected_calibration_error'))}"
        square(calibration, "confidence", "share right", error)
    price = scores["answered"]
    right = [np.nan if value is None else value for value in price["accuracy"]]
    unsure.plot(price["threshold"], price["share"], color=COLOURS[1], label="answered")
    unsure.plot(price["threshold"], right, color=COLOURS[0], label="right of those")
    unsure.legend(frameon=False, fontsize=7, loc="lower left")
    unsure.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="unsure below", title="answers withheld")
    return figure


def mistakes_figure(
    patches: NDArray[np.float32],
    labels: ArrayLike,
    probabilities: ArrayLike,
    class_names: Sequence[str],
    thresholds: Sequence[float] | None = None,
) -> Figure:
    """Draw misclassified crops, each with what was answered, what is true, and a bar a class.

    Parameters
    ----------
    patches : ndarray of float32, shape (N, C, Y, X)
        In [-1, 1].
    labels : array_like of int, shape (N,) or (N, K)
        True classes, 0..K-1, or 0/1 for each of them where crops have several.
    probabilities : array_like of shape (N, K)
        What was answered.
    class_names : sequence of str, length K
        Names of the classes.
    thresholds : sequence of float, length K, optional
        From which probability on each of several classes is given.

    Notes
    -----
    After the figure of S2: "Basophil 71 % (Neutrophil)" says that a neutrophil was taken for a basophil.
    """
    p = np.asarray(probabilities)
    true = _sets(labels, p.shape[1])
    given = _sets(p.argmax(axis=1) if np.ndim(labels) == 1 else multi_label.answers(p, thresholds), p.shape[1])
    rows = max(1, -(-len(true) // _COLUMNS))
    figure = blank(2.9 * _COLUMNS, 1.35 * rows + 0.1)
    grid = figure.add_gridspec(rows, 2 * _COLUMNS, width_ratios=[1, 0.8] * _COLUMNS)
    for number in range(len(true)):
        row, column = divmod(number, _COLUMNS)
        image, bars = (figure.add_subplot(grid[row, 2 * column + side]) for side in (0, 1))
        image.imshow(picture(patches[number]), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        image.set_axis_off()
        image.set_title(caption(p[number], true[number], class_names, given[number]), fontsize=6.5, loc="left")
        _bars(bars, p[number], true[number], given[number], class_names)
    return figure


def _sets(labels: ArrayLike, n_classes: int) -> list[list[int]]:
    """Return the classes of each object, of labels (N,) or (N, K)."""
    values = np.asarray(labels)
    rows = values[:, None] == np.arange(n_classes) if values.ndim == 1 else values.astype(bool)
    return [np.flatnonzero(row).tolist() for row in rows]


def caption(
    probabilities: ArrayLike, true: int | Sequence[int], class_names: Sequence[str], given: Sequence[int] | None = None
) -> str:
    """Return the words under a crop: "Basophil 71 % (Neutrophil)", the truth in brackets.

    ``given`` are the classes that were answered, the most probable one by default; none or several are fine.
    """
    p = np.asarray(probabilities)
    said = [int(p.argmax())] if given is None else given
    answer = ", ".join(f"{class_names[k]} {100 * p[k]:.0f} %" for k in said) or "none"
    truth = ", ".join(class_names[k] for k in ([true] if isinstance(true, int) else true)) or "none"
    return literal(f"{answer} ({truth})")


def worst(
    labels: ArrayLike, probabilities: ArrayLike, most: int = _MOST, thresholds: Sequence[float] | None = None
) -> NDArray[np.int64]:
    """Return the positions of the misclassified objects, the surest mistakes first.

    Where labels are 0/1 (N, K), an object is misclassified unless all its answers at the thresholds are right.
    """
    true, p = np.asarray(labels), np.asarray(probabilities)
    if true.ndim == 2:
        sure = multi_label.certainty(p, thresholds).confidence
        wrong = np.flatnonzero((multi_label.answers(p, thresholds) != true.astype(bool)).any(axis=1))
    else:
        sure = p.max(axis=1)
        wrong = np.flatnonzero(p.argmax(axis=1) != true)
    return np.asarray(wrong[np.argsort(-sure[wrong], kind="stable")][:most])


def _bars(axes: Axes, p: NDArray[Any], true: list[int], given: list[int], class_names: Sequence[str]) -> None:
    """Draw the greatest probabilities; the true classes are always among them."""
    order = np.argsort(-p, kind="stable").tolist()
    if missing := [k for k in true if k not in order[:_BARS]]:
        order = [k for k in order[: max(0, _BARS - len(missing))] if k not in missing] + missing
    order = order[:_BARS]
    colours = [COLOURS[2] if k in true else COLOURS[5] if k in given else "0.7" for k in order]
    axes.barh(range(len(order)), p[order], color=colours)
    axes.set(xlim=(0, 1), ylim=(_BARS - 0.5, -0.5), xticks=[])
    axes.set_yticks([])
    for place, k in enumerate(order):
        axes.text(0.03, place, literal(class_names[k][:14]), fontsize=5, va="center")
    axes.spines[:].set_visible(False)


def square(axes: Axes, x: str, y: str, title: str) -> None:
    """Make axes those of a curve of shares against shares, with the diagonal."""
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8, zorder=0)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x, ylabel=y, title=title)


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
