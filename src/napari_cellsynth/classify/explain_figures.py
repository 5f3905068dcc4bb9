"""Pictures of what a classifier looks at, beside the crop itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_cellsynth.classify.explain import FeatureMaps
from napari_cellsynth.evaluate.figures import blank, literal, picture

Floats = NDArray[np.float32]
_MOST_MAPS = 16
_COLUMNS = 16


def attribution_figure(patch: Floats, attribution: Floats, title: str) -> Figure:
    """Draw a crop, what speaks for (red) and against (blue) a class in it, and both over each other.

    Parameters
    ----------
    patch : ndarray of float32, shape (C, S, S)
        In [-1, 1].
    attribution : ndarray of float32, shape (C, S, S) or (S, S)
        Of `explain.explain`; channels are added up.
    title : str
        Over the pictures.
    """
    values = attribution.sum(axis=0) if attribution.ndim == 3 else attribution
    reach = float(np.abs(values).max()) or 1.0
    figure = blank(7.2, 2.7)
    figure.suptitle(literal(title), fontsize=9)
    for axes, crop, over in zip(figure.subplots(1, 3), (True, False, True), (False, True, True), strict=True):
        axes.set_axis_off()
        if crop:
            axes.imshow(picture(patch), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if over:
            alpha = 0.8 * np.abs(values) / reach if crop else None
            axes.imshow(values, cmap="RdBu_r", vmin=-reach, vmax=reach, alpha=alpha, interpolation="nearest")
    return figure


def kernels_figure(kernels: Floats) -> Figure:
    """Draw kernels (N, C, k, k), one a square; with three channels as colours, else the mean over the channels."""
    reach = float(np.abs(kernels).max()) or 1.0
    pictures = [k / reach if len(k) == 3 else k.mean(axis=0, keepdims=True) / reach for k in kernels]
    return _sheet([("first convolution", pictures)])


def feature_maps_figure(layers: Sequence[FeatureMaps]) -> Figure:
    """Draw the first sixteen maps of every layer, each layer in its own range."""
    rows = []
    for layer, maps in layers:
        chosen = maps[:_MOST_MAPS]
        low, high = float(chosen.min()), float(chosen.max())
        scaled = 2 * (chosen - low) / (high - low) - 1 if high > low else np.zeros_like(chosen)
        rows.append((f"{layer}: {len(maps)} maps of {maps.shape[1]} × {maps.shape[2]}", list(scaled[:, None])))
    return _sheet(rows)


def _sheet(groups: Sequence[tuple[str, Sequence[Floats]]]) -> Figure:
    """Draw groups of pictures in [-1, 1], each group under its words."""
    lines = [-(-len(pictures) // _COLUMNS) for _, pictures in groups]
    figure = blank(0.62 * _COLUMNS, 0.72 * sum(lines) + 0.2)
    grid, line = figure.add_gridspec(sum(lines), _COLUMNS), 0
    for (words, pictures), height in zip(groups, lines, strict=True):
        for place, image in enumerate(pictures):
            axes = figure.add_subplot(grid[line + place // _COLUMNS, place % _COLUMNS])
            axes.set_axis_off()
            axes.imshow(picture(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            if place == 0:
                axes.set_title(literal(words), fontsize=6, loc="left")
        line += height
    return figure
