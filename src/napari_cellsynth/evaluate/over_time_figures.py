"""Figures of classes over time: a panel a class with its line and band, for reports."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from napari_cellsynth.evaluate.figures import COLOURS, blank, literal

_MOST_LETTERS = 24


def over_time_figure(table: pd.DataFrame, colours: Mapping[str, str] | None = None) -> Figure:
    """Draw the fractions of one video or group over its frames, a panel a class.

    Parameters
    ----------
    table : DataFrame
        Rows of `over_time.class_table` by frame, of one video or group. Where they could be corrected the corrected
        fractions are lines with bands and the uncorrected ones are dotted; else the latter are the lines.
    colours : mapping, optional
        Class name to colour.
    """
    names = list(dict.fromkeys(table["class"]))
    columns = min(4, max(1, len(names)))
    rows = -(-len(names) // columns)
    figure = blank(max(3.2, 2.2 * columns), 0.5 + 1.7 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    given = colours or {}
    for number, (name, axes) in enumerate(zip(names, panels, strict=False)):
        of_class = table[table["class"] == name].sort_values("frame")
        colour = given.get(name) or COLOURS[number % len(COLOURS)]
        x, raw = of_class["frame"].to_numpy(), of_class["fraction"].to_numpy(float)
        corrected = of_class["corrected_fraction"].to_numpy(float)
        known = bool(np.isfinite(corrected).any())
        if known:
            low, high = (of_class[end].to_numpy(float) for end in ("fraction_low", "fraction_high"))
            axes.fill_between(x, low, high, color=colour, alpha=0.3, linewidth=0)
            axes.plot(x, raw, ":", color="#444444", linewidth=1)
        axes.plot(x, corrected if known else raw, "o-", color=colour, markersize=3)
        axes.set_title(literal(_short(name)), fontsize=9)
        axes.set_ylim(-0.03, 1.03)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("frame", fontsize=9)
    figure.supylabel("fraction of the objects", fontsize=9)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
