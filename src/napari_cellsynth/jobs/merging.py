"""The merge job: several sources into one new project."""

from __future__ import annotations

from collections.abc import Iterator

from napari_cellsynth.events import Event, Stop
from napari_cellsynth.jobs.job import Job, MergeParameters
from napari_cellsynth.project import merging


def merge(job: Job, stop: Stop) -> Iterator[Event]:
    """Merge sources into the job's project, which is made; events as of `project.merging.merge`."""
    parameters = job.checked()
    assert isinstance(parameters, MergeParameters)
    yield from merging.merge(job.project, parameters.sources, parameters.types, stop)
