"""The quality job: measure a GAN's synthetic patches against real ones that it never saw."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped
from napari_cellsynth.imaging.crop import to_unit
from napari_cellsynth.jobs.class_quality import add_class_figures
from napari_cellsynth.jobs.feature_network import feature_network
from napari_cellsynth.jobs.gan_patches import real_patches, trained, unit_range, wanted_classes
from napari_cellsynth.jobs.job import Job, QualityParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord

if TYPE_CHECKING:
    from napari_cellsynth.evaluate.extractors import Extractor
    from napari_cellsynth.evaluate.fold_network import FoldNetwork

_LEAST = 10
_MOST_TRAINED_ON = 1000


def quality(job: Job, stop: Stop) -> Iterator[Event]:
    """Measure a run's synthetic patches against held-out real ones, beside what real ones get among themselves.

    Yields
    ------
    Event
        Progress; `Finished` with ``run`` and ``classes``: for each class's name the figures of
        `evaluate.quality_table.quality_table` and, where other classes have training crops, those of
        `evaluate.generated_classes.class_figures`.
    """
    parameters = job.checked()
    assert isinstance(parameters, QualityParameters)
    with Project.open(job.project) as project:
        run = trained(project, parameters.run)
        names = {record.id: record.name for record in project.classes()}
        wanted = wanted_classes(project, run, parameters.classes)
        tables = {class_id: _patches(project, run, class_id, parameters.n) for class_id in wanted}
        network, notice = yield from feature_network(project, run, stop)
        found: dict[str, Any] = {}
        for class_id in wanted:
            figures = yield from _of_class(project, run, class_id, tables[class_id], parameters, network, stop)
            if figures is None:
                yield Stopped(run.id)
                return
            figures["notices"] += [notice] if notice else []
            measured = project.run(run.id).result
            of_all = (measured.get("quality") or {}) | {str(class_id): figures}
            project.update_run(run.id, result=measured | {"quality": of_all})
            found[names[class_id]] = figures
        yield Finished({"run": run.id, "classes": found})


def _patches(project: Project, run: RunRecord, class_id: int, n: int) -> pd.DataFrame:
    """Return the patches of a class that are measured; too few are told before a network is trained for them."""
    table = project.synthetic(run=run.id, class_id=class_id)
    table = table[table["review"] != "rejected"].head(n)
    if len(table) < _LEAST:
        name = next(record.name for record in project.classes() if record.id == class_id)
        raise UserError(
            f"{run.id} has {len(table)} synthetic patches of {name}; at least {_LEAST} are needed.",
            "Generate some first.",
        )
    return table


def _of_class(
    project: Project,
    run: RunRecord,
    class_id: int,
    table: pd.DataFrame,
    parameters: QualityParameters,
    network: FoldNetwork | None,
    stop: Stop,
) -> Generator[Progress, None, dict[str, Any] | None]:
    """Return the figures of the patches of one class, or None where the user has asked to stop."""
    synthetic = to_unit(project.read_synthetic(table.index.tolist()), *unit_range(run))
    generator = np.random.default_rng(parameters.seed)
    unseen = _unseen(project, run)
    seen = generator.permutation(run.objects_of(class_id))[:_MOST_TRAINED_ON]
    every = project.per_class(unseen)
    held_out = generator.permutation(every.index[every["class_id"] == class_id])[: parameters.n]
    real = real_patches(project, run, seen, generator)
    fresh = real_patches(project, run, held_out, generator) if len(held_out) else None
    extractor, notices = _extractor(parameters, network, run)
    figures = yield from _table(real, synthetic, fresh, extractor, network, run, parameters.seed, stop)
    if figures is not None:
        if network is not None:
            alone = project.of_one_class(unseen)
            add_class_figures(figures, network, project, run, class_id, alone, parameters.n)
        figures["notices"] += notices
    return figures


def _table(
    real: NDArray[np.float32],
    synthetic: NDArray[np.float32],
    fresh: NDArray[np.float32] | None,
    extractor: str | Extractor,
    network: FoldNetwork | None,
    run: RunRecord,
    seed: int,
    stop: Stop,
) -> Generator[Progress, None, dict[str, Any] | None]:
    """Return the quality table, or None where the user has asked to stop."""
    from napari_cellsynth.evaluate.quality_table import PARTS, measured

    probabilities = None if network is None else network.seen_in(*unit_range(run)).probabilities
    work = measured(real, synthetic, fresh, extractor=extractor, probabilities=probabilities, seed=seed)
    while not stop():
        try:
            part = next(work)
        except StopIteration as end:
            figures: dict[str, Any] = end.value
            yield Progress(len(PARTS), len(PARTS), "parts")
            return figures
        yield Progress(part, len(PARTS), "parts", PARTS[part])
    return None


def _extractor(
    parameters: QualityParameters, network: FoldNetwork | None, run: RunRecord
) -> tuple[str | Extractor, list[str]]:
    """Return what describes the patches, and what is to be said about the choice."""
    from napari_cellsynth.evaluate.inception import Inception
    from napari_cellsynth.evaluate.pretrained import INCEPTION, absent, local_weights

    wanted, given = parameters.extractor, parameters.inception
    if wanted == "inception" or (wanted == "auto" and (given or local_weights(INCEPTION))):
        return Inception(None if given is None else Path(given)), []
    if wanted in ("handmade", "random-conv"):
        return wanted, []
    if network is not None:
        return network.seen_in(*unit_range(run)), [f"Inception is {absent(INCEPTION)}."] if wanted == "auto" else []
    if wanted == "network":
        raise UserError("There is no network for the features.", "Label crops of two classes, or choose handmade.")
    return "handmade", [f"Inception is {absent(INCEPTION)}."]


def _unseen(project: Project, run: RunRecord) -> pd.DataFrame:
    """Return the held-out objects of all classes; a group may have been held out only after the run learned from it."""
    held = project.test_objects()
    return held[~held["group"].isin(run.groups)]
