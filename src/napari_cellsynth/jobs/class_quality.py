"""Whether a classifier of real crops takes a run's synthetic patches for the class they were made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import to_unit
from napari_cellsynth.jobs.gan_patches import real_patches, trained, unit_range
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord

if TYPE_CHECKING:
    from napari_cellsynth.evaluate.fold_network import FoldNetwork


def add_class_figures(
    figures: dict[str, Any],
    network: FoldNetwork,
    project: Project,
    run: RunRecord,
    class_id: int,
    unseen: pd.DataFrame,
    n: int,
) -> None:
    """Add precision, recall and F1 of a class's synthetic patches to a quality table, and of held-out crops as floor.

    Parameters
    ----------
    figures : dict
        The table, as of `evaluate.quality_table.quality_table`.
    network : FoldNetwork
        The classifier; it learned from real training crops alone.
    project, run, class_id
        Whose patches are scored; those of other classes come from the runs that made their newest ones.
    unseen : DataFrame
        Held-out objects of all classes, each of one class alone.
    n : int
        Patches of a class at most.
    """
    from napari_cellsynth.evaluate.generated_classes import class_table

    ids = {record.name: record.id for record in project.classes()}
    known = [ids[name] for name in network.classes]
    if class_id not in known:
        figures["missing"]["class_f1"] = "not available: too few training crops of this class for a classifier"
        return
    made, made_for, real, real_class = [], [], [], []
    for position, each in enumerate(known):
        source, patches = _synthetic_of(project, run, each, n, own=each == class_id)
        if source is not None:
            made.append(_taken_for(network, to_unit(patches, *unit_range(source)), source))
            made_for.append(np.full(len(patches), position))
        objects = unseen.index[unseen["class_id"] == each].to_numpy()[:n]
        if len(objects):
            crops = real_patches(project, run, np.array(objects), np.random.default_rng(0))
            real.append(_taken_for(network, crops, run))
            real_class.append(np.full(len(objects), position))
    wanted = known.index(class_id)
    found, intervals = class_table(np.concatenate(made_for), np.concatenate(made), wanted)
    floor, floor_intervals = class_table(np.concatenate(real_class), np.concatenate(real), wanted) if real else ({}, {})
    for into, values in (
        (figures, found),
        (figures["floor"], floor),
        (figures["intervals"], intervals),
        (figures["floor_intervals"], floor_intervals),
    ):
        into.update(values)
    if "class_precision" not in found:
        several = len(made_for) > 1
        figures["missing"]["class_precision"] = "not available: " + (
            "no synthetic patch is taken for this class" if several else "needs synthetic patches of another class"
        )


def _taken_for(network: FoldNetwork, patches: NDArray[np.float32], run: RunRecord) -> NDArray[np.int64]:
    taken: NDArray[np.int64] = network.seen_in(*unit_range(run)).probabilities(patches).argmax(axis=1)
    return taken


def _synthetic_of(
    project: Project, run: RunRecord, class_id: int, n: int, *, own: bool
) -> tuple[RunRecord | None, NDArray[Any]]:
    """Return patches of a class that were not rejected, of this run or of the one that made the newest."""
    table = project.synthetic(class_id=class_id)
    table = table[(table["review"] != "rejected") & (table["size"] == run.parameters["recipe"]["size"])]
    source = run.id if own else (table["run"].iloc[-1] if len(table) else None)
    table = table[table["run"] == source].head(n)
    if source is None or not len(table):
        return None, np.zeros(0)
    try:
        return trained(project, source), project.read_synthetic(table.index.tolist())
    except UserError:  # a run whose record is gone: nobody knows the range of its patches
        return None, np.zeros(0)
