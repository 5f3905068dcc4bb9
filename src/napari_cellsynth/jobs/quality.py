"""The quality job: measure a GAN's synthetic patches against real ones that it never saw."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped
from napari_cellsynth.imaging.crop import to_unit
from napari_cellsynth.jobs.gan_patches import real_patches, trained, unit_range
from napari_cellsynth.jobs.job import Job, QualityParameters
from napari_cellsynth.project import Project


def quality(job: Job, stop: Stop) -> Iterator[Event]:
    """Measure a run's synthetic patches against held-out real ones, beside what real ones get among themselves.

    Yields
    ------
    Event
        `Finished` with ``run`` and the figures of `evaluate.quality_table.quality_table`.
    """
    from napari_cellsynth.evaluate.quality_table import quality_table

    parameters = job.checked()
    assert isinstance(parameters, QualityParameters)
    with Project.open(job.project) as project:
        run = trained(project, parameters.run)
        table = project.synthetic(run=run.id)
        table = table[table["review"] != "rejected"].head(parameters.n)
        if len(table) < 10:
            raise UserError(
                f"{run.id} has {len(table)} synthetic patches; at least 10 are needed.", "Generate some first."
            )
        generator = np.random.default_rng(parameters.seed)
        held = project.test_objects()
        # A group may have been held out only after this run had learned from it.
        held = held[~held["group"].isin(run.groups)]
        of_class = held.index[held["class_id"] == run.class_id].to_numpy()
        both = (np.array(run.parameters["objects"]), np.array(of_class))  # copies: pandas gives a read-only array
        seen, unseen = (generator.permutation(ids)[: parameters.n] for ids in both)
        trained_on = real_patches(project, run, seen, generator)
        held_out = real_patches(project, run, unseen, generator) if len(of_class) else None
        yield Progress(1, 2, "sets")
        if stop():
            yield Stopped(run.id)
            return
        synthetic = to_unit(project.read_synthetic(table.index.tolist()), *unit_range(run))
        result = {"run": run.id} | quality_table(trained_on, synthetic, held_out, seed=parameters.seed)
        project.update_run(run.id, result=(project.run(run.id).result or {}) | {"quality": result})
        yield Progress(2, 2, "sets")
        yield Finished(result)
