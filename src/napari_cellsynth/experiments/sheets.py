"""Sheets of a report: real crops beside synthetic patches, each above the real crop that it is nearest to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_cellsynth.evaluate.figures import blank, literal, picture
from napari_cellsynth.evaluate.memorisation import Memorisation, memorisation
from napari_cellsynth.evaluate.patch_figures import COPY_RATIO
from napari_cellsynth.evaluate.report import Block, Section
from napari_cellsynth.evaluate.symmetries import each_turned
from napari_cellsynth.experiments.bench import Bench, fold_range, learned_from
from napari_cellsynth.experiments.design import GanTask, Plan
from napari_cellsynth.synthesis import sample as sampling
from napari_cellsynth.training.loader import CropStore

Patches = NDArray[np.float32]
Ints = NDArray[np.int64]

_REAL, _MADE = 4, 8
"""Real patches of a class in each of its two rows of a sheet, and synthetic ones in the upper."""
_DRAWN = 64
"""Patches of a class whose nearest crops are looked for, and held-out crops at most."""
_SIDE = 64
"""Patches are shown and compared at this many pixels a side at most: larger ones are averaged."""
_CLASSES = 6
"""Classes of one sheet, so that it fits on a printed page."""
_SHEETS = 4
"""Sheets of one report."""
_TOLD = (
    "Of the first fold, the first seed, the first patches that the GAN gives: not chosen. Left, real crops that it "
    "learned from. Right, synthetic patches, each turned or mirrored as it lies nearest, and below it the training "
    "crop of its class that it is nearest to (root mean square of pixels). Red: a copy, whose nearest crop is nearer "
    "than a third of the way to the second nearest."
)
_HELD_OUT = (
    "How near patches lie to the training crops of their class; beside each figure that of real held-out crops of the "
    "fold. Patches that are nearer than those, or copied more often, were learned by heart."
)


@dataclass(frozen=True)
class _Row:
    """One class of a sheet: its training patches, its first synthetic ones, and what those are nearest to."""

    name: str
    real: Patches
    made: Patches
    found: Memorisation


def sections(plan: Plan, bench: Bench) -> tuple[list[Section], pd.DataFrame]:
    """Return the sheets of every generator of an experiment, and how near their patches lie to training crops.

    Parameters
    ----------
    plan, bench : Plan, Bench
        A finished experiment.

    Returns
    -------
    list of Section
        None where no GAN was trained, else one.
    DataFrame
        A row a generator and class: ``patches``, ``copied`` and median ``distance``, both also of ``held-out`` crops.
    """
    blocks: list[Block] = []
    figures: list[dict[str, Any]] = []
    sheets = left_out = 0
    for generator, gans in _first(plan).items():
        rows = [_row(bench, gan, place, generator, figures) for gan in gans for place in range(len(gan.classes))]
        for start in range(0, len(rows), _CLASSES):
            sheets += 1
            if sheets > _SHEETS:
                left_out += 1
                continue
            blocks += [f"Patches of {generator}:", sheet(rows[start : start + _CLASSES])]
    if not figures:
        return [], pd.DataFrame()
    if left_out:
        blocks.append(f"{left_out} further sheets are left out.")
    table = pd.DataFrame(figures)
    shown = table.set_index("GAN" if table["GAN"].nunique() > 1 else "class").round(3)
    title = "Real crops beside synthetic patches"
    return [Section(title, [_TOLD, *blocks, _HELD_OUT, shown])], table


def sheet(rows: Sequence[_Row]) -> Figure:
    """Draw a sheet: real patches of every class on the left, synthetic ones above their nearest real ones."""
    columns = _REAL + _MADE
    figure = blank(0.72 * columns + 0.5, 1.62 * len(rows))
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    widths = [1.0] * _REAL + [0.25] + [1.0] * _MADE
    grid = figure.add_gridspec(2 * len(rows), columns + 1, width_ratios=widths)
    for number, row in enumerate(rows):
        for place, patch in enumerate(row.real[: 2 * _REAL]):
            axes = figure.add_subplot(grid[2 * number + place // _REAL, place % _REAL])
            _show(axes, patch)
            if place == 0:
                axes.set_title(literal(row.name), fontsize=8, loc="left")
        nearest, views = row.found["nearest"], row.found["view"]
        turned = each_turned(row.made[:_MADE], views[:_MADE])
        for place, patch in enumerate(turned):
            copied = bool(row.found["ratio"][place] < COPY_RATIO)
            above, below = (figure.add_subplot(grid[2 * number + side, _REAL + 1 + place]) for side in (0, 1))
            _show(above, patch, copied)
            above.set_title(f"{row.found['distance'][place]:.2f}", fontsize=6, color="red" if copied else "black")
            _show(below, row.real[nearest[place]], copied)
    return figure


def _show(axes: Axes, patch: Patches, marked: bool = False) -> None:
    axes.imshow(picture(patch), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set(visible=marked, color="red", linewidth=1.5)


def _first(plan: Plan) -> dict[str, list[GanTask]]:
    """Return the trainings of every recipe in the first fold, first seed; leaky ones where there are no others."""
    found: dict[str, list[GanTask]] = {}
    for task in plan.tasks:
        if not isinstance(task, GanTask) or task.fold.is_inner or (task.fold.repeat, task.fold.number) != (0, 0):
            continue
        mine = found.setdefault(task.generator.recipe, [])
        if mine and mine[0].generator.leaky and not task.generator.leaky:
            mine.clear()
        if not mine or (task.sample, task.seed, task.generator) == (mine[0].sample, mine[0].seed, mine[0].generator):
            mine.append(task)
    return found


def _row(bench: Bench, gan: GanTask, place: int, generator: str, figures: list[dict[str, Any]]) -> _Row:
    """Return a class of a sheet, and add its line to the table."""
    data, number = bench.dataset, gan.classes[place]
    index = np.arange(len(data)) if gan.generator.leaky else learned_from(data, gan.fold, gan.sample)
    real, objects = _patches(bench, gan, index, number)
    # A leaky GAN has seen the test crops: there are no held-out ones to compare with.
    held_out, _ = _patches(bench, gan, gan.fold.test if not gan.generator.leaky else index[:0], number)
    made = _smaller(sampling.generate(bench.folder / gan.id, _DRAWN, gan.seed, class_index=place, device=bench.device))
    found = memorisation(real, made, objects=objects)
    unseen = memorisation(real, held_out[:_DRAWN], objects=objects) if len(held_out) else None
    nothing = float("nan")
    figures.append(
        {
            "GAN": generator,
            "class": data.class_names[number],
            "patches": len(made),
            "copied": found["copied"],
            "copied, held-out": unseen["copied"] if unseen else nothing,
            "distance": float(np.median(found["distance"])),
            "distance, held-out": float(np.median(unseen["distance"])) if unseen else nothing,
        }
    )
    return _Row(data.class_names[number], real, made, found)


def _patches(bench: Bench, gan: GanTask, index: Ints, number: int) -> tuple[Patches, Ints]:
    """Return the middle (n, C, S, S) of all crops of a class among these positions, and the positions, shuffled.

    Crops that are larger than a patch show only one of their windows.
    """
    data = bench.dataset
    members = np.random.default_rng(0).permutation(index[data.has(number, index)])
    low, high = fold_range(data, gan.fold)
    drawn = [_smaller(_middle(CropStore([data.crops[i]], low, high, data.size, bench.device))) for i in members]
    return np.concatenate(drawn) if drawn else np.zeros((0, 1, 1, 1), np.float32), members


def _middle(store: CropStore) -> Patches:
    return np.ascontiguousarray(store.centred(torch.zeros(1, dtype=torch.long, device=store.device)).cpu().numpy())


def _smaller(patches: Patches) -> Patches:
    """Average patches (N, C, S, S) down to `_SIDE` pixels a side."""
    n, c, side, _ = patches.shape
    by = max(1, side // _SIDE)
    averaged: Patches = patches.reshape(n, c, side // by, by, side // by, by).mean(axis=(3, 5), dtype=np.float32)
    return averaged
