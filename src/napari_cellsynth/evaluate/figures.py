"""Figures for reports: confusion matrices, sheets of patches, bars with intervals. No pyplot, no global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TWO_ABREAST = 7
"""Confusion matrices of so many classes at most stand side by side."""


def confusion_figure(matrix: ArrayLike, class_names: Sequence[str]) -> Figure:
    """Draw a confusion matrix: colour by share of the true class, counts written in.

    Parameters
    ----------
    matrix : array_like of int, shape (K, K)
        Counts, rows true.
    class_names : sequence of str, length K
        Names of the classes.
    """
    return confusion_figures({"": matrix}, class_names)[0]


def confusion_figures(matrices: Mapping[str, ArrayLike], class_names: Sequence[str]) -> list[Figure]:
    """Draw confusion matrices under their titles: two a figure where there are few classes, so that each fits a page.

    Parameters
    ----------
    matrices : mapping of title to array_like of int, shape (K, K)
        Counts, rows true.
    class_names : sequence of str, length K
        Names of the classes.
    """
    k = len(class_names)
    columns = min(len(matrices), 2 if k <= _TWO_ABREAST else 1)
    every, figures = list(matrices.items()), []
    for first in range(0, len(every), max(1, columns)):
        figure = blank((2.2 + 0.7 * k) * columns, 1.6 + 0.6 * k)
        for place, (title, matrix) in enumerate(every[first : first + columns]):
            axes = figure.add_subplot(1, columns, place + 1)
            axes.set_title(literal(title), fontsize=9)
            _draw_confusion(axes, np.asarray(matrix), [literal(name) for name in class_names])
        figures.append(figure)
    return figures


def _draw_confusion(axes: Axes, counts: NDArray[np.int64], names: Sequence[str]) -> None:
    k = len(names)
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(k), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(k), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    for i in range(k):
        for j in range(k):
            colour = "white" if share[i, j] > 0.5 else "black"
            axes.text(j, i, f"{counts[i, j]}\n{share[i, j]:.0%}", ha="center", va="center", color=colour, fontsize=8)


def sheet_figure(patches: NDArray[np.float32], titles: Sequence[str] = (), columns: int = 10) -> Figure:
    """Draw patches side by side.

    Parameters
    ----------
    patches : ndarray of float32, shape (N, C, Y, X)
        In [-1, 1]. One channel is shown grey, three as colours, otherwise the first channel grey.
    titles : sequence of str
        One a patch, or none.
    columns : int
        Patches a row.
    """
    columns = max(1, min(columns, len(patches)))
    rows = max(1, -(-len(patches) // columns))
    figure = blank(0.9 * columns, (1.15 if titles else 0.9) * rows)
    for number, patch in enumerate(patches):
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.set_axis_off()
        axes.imshow(picture(patch), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if titles:
            axes.set_title(literal(titles[number]), fontsize=7)
    return figure


def bars_figure(
    values: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
    label: str = "",
) -> Figure:
    """Draw groups of bars, one colour a series.

    Parameters
    ----------
    values : mapping of series to mapping of name to value
        For example ``{"TPR": {"Dense": .9, "Debris": .7}}``. NaN and missing values leave a gap.
    intervals : mapping, optional
        (low, high) of some of the bars, in the same layout.
    label : str
        What the values are.
    """
    names = list(dict.fromkeys(name for series in values.values() for name in series))
    width = 0.8 / max(1, len(values))
    figure = blank(max(4.0, 1.5 + 0.35 * len(names) * max(1, len(values))), 3.2)
    axes = figure.add_subplot()
    for number, (series, bars) in enumerate(values.items()):
        place = np.arange(len(names)) + (number - (len(values) - 1) / 2) * width
        heights = np.array([bars.get(name, np.nan) for name in names], dtype=np.float64)
        axes.bar(place, heights, width, label=literal(series), color=COLOURS[number % len(COLOURS)])
        for name, (low, high) in (intervals or {}).get(series, {}).items():
            axes.vlines(place[names.index(name)], low, high, color="black", linewidth=1.2)
    axes.set_xticks(range(len(names)), [literal(name) for name in names], rotation=30, ha="right")
    axes.set_ylabel(literal(label))
    axes.spines[["top", "right"]].set_visible(False)
    if len(values) > 1:
        axes.legend(frameon=False, fontsize=8)
    return figure


COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, which colour-blind readers can tell apart."""


def picture(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a patch (C, Y, X) in [-1, 1] as (Y, X, 3) colours or a grey (Y, X), in [0, 1]."""
    image = ((np.clip(patch, -1, 1) + 1) / 2).astype(np.float32)
    return image.transpose(1, 2, 0) if len(image) == 3 else image[0]


def blank(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def literal(text: str) -> str:
    """Return text that matplotlib shows as it is: a pair of dollars would be read as a formula."""
    return str(text).replace("$", r"\$")
