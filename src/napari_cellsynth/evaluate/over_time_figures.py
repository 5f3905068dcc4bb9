"""Figures of classes over time: a line a class with its band, for reports."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from napari_cellsynth.evaluate.figures import COLOURS, blank, literal


def over_time_figure(table: pd.DataFrame, colours: Mapping[str, str] | None = None) -> Figure:
    """Draw the fractions of one video or group over its frames.

    Parameters
    ----------
    table : DataFrame
        Rows of `over_time.class_table` by frame, of one video or group. Where they could be corrected the corrected
        fractions are lines with bands and the uncorrected ones are dotted; else the latter are the lines.
    colours : mapping, optional
        Class name to colour.
    """
    figure = blank(7, 3.2)
    axes = figure.add_subplot()
    given = colours or {}
    for number, name in enumerate(dict.fromkeys(table["class"])):
        rows = table[table["class"] == name].sort_values("frame")
        colour = given.get(name) or COLOURS[number % len(COLOURS)]
        x = rows["frame"].to_numpy()
        corrected = rows["corrected_fraction"].to_numpy(float)
        if np.isfinite(corrected).any():
            low, high = (rows[end].to_numpy(float) for end in ("fraction_low", "fraction_high"))
            axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(x, corrected, "o-", color=colour, markersize=3, label=literal(name))
            axes.plot(x, rows["fraction"], ":", color=colour, linewidth=1)
        else:
            axes.plot(x, rows["fraction"], "o-", color=colour, markersize=3, label=literal(name))
    axes.set_xlabel("frame")
    axes.set_ylabel("fraction of the objects")
    axes.set_ylim(-0.02, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)
    return figure
