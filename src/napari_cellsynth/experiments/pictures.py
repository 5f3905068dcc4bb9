"""Figures of an experiment's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from napari_cellsynth.experiments.analysis import Contrast

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#777777"
"""Okabe and Ito's colours, told apart by colour-blind readers."""


def differences(compared: Sequence[Contrast]) -> Figure:
    """Draw every contrast with its 95 % interval, and zero."""
    figure = Figure(figsize=(7, 0.8 + 0.42 * len(compared)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(compared))[::-1]
    for place, each in zip(places, compared, strict=True):
        axes.plot([each.low, each.high], [place, place], color=_BLUE, linewidth=2)
        axes.plot(each.mean, place, "o", color=_BLUE)
    axes.axvline(0, color=_GREY, linewidth=1)
    axes.set_yticks(places, [each.arm for each in compared])
    axes.set_xlabel("change of balanced accuracy, with 95 % interval")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def shares(units: pd.DataFrame, arms: Mapping[float, str], reference: str) -> Figure:
    """Draw balanced accuracy against the share of synthetic patches: a line a fold, and their mean."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    names = [reference, *arms.values()]
    places = np.arange(len(names))
    axes.plot(places, units[names].to_numpy().T, color=_GREY, linewidth=0.8, alpha=0.6)
    axes.plot(places, units[names].mean().to_numpy(), "o-", color=_BLUE, linewidth=2, label="mean of the folds")
    axes.set_xticks(places, ["none", *(f"{share:g}" for share in arms)])
    axes.set_xlabel("synthetic patches for each real crop (grey: single folds)")
    axes.set_ylabel("balanced accuracy")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def learning_curve(units: pd.DataFrame, arms: Mapping[int, tuple[str, str]]) -> Figure:
    """Draw balanced accuracy against the number of real crops a class, without and with synthetic patches."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for place, (label, color) in enumerate((("real + augmentation", _GREY), ("+ synthetic × 1", _BLUE))):
        folds = np.array([units[names[place]].to_numpy() for names in arms.values()])
        axes.plot(list(arms), folds, color=color, linewidth=0.8, alpha=0.4)
        axes.plot(list(arms), folds.mean(axis=1), "o-", color=color, linewidth=2, label=label)
    axes.set_xscale("log")
    axes.set_xticks(list(arms), [str(n) for n in arms])
    axes.minorticks_off()
    axes.set_xlabel("real crops a class (thin: single folds)")
    axes.set_ylabel("balanced accuracy")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def class_bars(rates: pd.DataFrame) -> Figure:
    """Draw some rates of every class as bars side by side (S2, figures 4 and 5): one row a class, one column a rate."""
    figure = Figure(figsize=(max(5, 1.1 * len(rates)), 3), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(rates.columns)
    for place, (name, color) in enumerate(zip(rates.columns, (_BLUE, _ORANGE, _GREY), strict=False)):
        axes.bar(np.arange(len(rates)) + place * width, rates[name], width, label=name, color=color)
    axes.set_xticks(np.arange(len(rates)) + 0.4 - width / 2, [str(name) for name in rates.index])
    if len(rates) > 5:
        axes.tick_params(axis="x", labelrotation=30)
    axes.set_ylim(0, 1)
    axes.legend(frameon=False, ncols=len(rates.columns), loc="lower center", bbox_to_anchor=(0.5, 1))
    axes.spines[["top", "right"]].set_visible(False)
    return figure
