"""The drawing job: artificial patches of a class, kept like those of a GAN and reviewed and trained on like them."""

from __future__ import annotations

from collections.abc import Iterator

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped
from napari_cellsynth.imaging.artificial import drawn
from napari_cellsynth.imaging.crop import Fit, from_unit, intensity_range
from napari_cellsynth.jobs.job import DrawParameters, Job
from napari_cellsynth.jobs.runs import hold_out_if_undecided, resolved
from napari_cellsynth.project import Project

_CHUNK = 64
_MOST_CROPS = 500
"""Crops that the intensity range is taken from."""


def draw(job: Job, stop: Stop) -> Iterator[Event]:
    """Draw patches in the intensity range of the training crops; the run's record says which groups that knows."""
    parameters = job.checked()
    assert isinstance(parameters, DrawParameters)
    with Project.open(job.project) as project:
        record = project.class_named(parameters.class_name)
        parameters = resolved(project, parameters)
        hold_out_if_undecided(project)
        table = project.training_objects().head(_MOST_CROPS)
        if table.empty:
            raise UserError("There are no training crops to take the intensity range from.", "Label some crops first.")
        crops = project.crops(table.index.tolist(), size=parameters.size, fit=_decided(parameters.fit))
        low, high = intensity_range(crops)
        channels, dtype = crops[0].shape[0], crops[0].dtype
        run = project.new_run(
            "drawing",
            parameters.drawing,
            {
                "recipe": {"name": parameters.drawing, "size": parameters.size, "fit": parameters.fit},
                "low": low.tolist(),
                "high": high.tolist(),
                "dtype": str(dtype),
            },
            class_id=record.id,
            groups=sorted(set(table["group"])),
            seed=parameters.seed,
        )
        for start in range(0, parameters.n, _CHUNK):
            if stop():
                project.update_run(run.id, status="stopped")
                yield Stopped(run.id)
                return
            count = min(_CHUNK, parameters.n - start)
            unit = drawn(
                parameters.drawing, count, parameters.size, channels=channels, seed=parameters.seed, first=start
            )
            project.add_synthetic(run.id, "", record.id, parameters.seed, start, from_unit(unit, low, high, dtype))
            yield Progress(start + count, parameters.n, "patches")
        result = {"run": run.id, "class": record.name, "patches": parameters.n}
        project.update_run(run.id, status="finished", result=result)
        yield Finished(result)


def _decided(fit: str) -> Fit:
    return "window" if fit == "window" else "whole"
