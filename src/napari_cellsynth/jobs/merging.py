"""The merge job: several sources into one new project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_cellsynth.events import Event, Finished, Stop
from napari_cellsynth.jobs.job import Job, MergeParameters
from napari_cellsynth.project import merging
from napari_cellsynth.project.sources import read_sources
from napari_cellsynth.project.types import write_types


def merge(job: Job, stop: Stop) -> Iterator[Event]:
    """Merge sources into the job's project, which is made; or write the table of types where it is not there yet.

    Yields
    ------
    Event
        As `project.merging.merge`; or ``Finished`` with ``written``, the table that the user is to edit.
    """
    parameters = job.checked()
    assert isinstance(parameters, MergeParameters)
    if parameters.types is not None and not Path(parameters.types).exists():
        file = write_types(parameters.types, read_sources(parameters.sources))
        yield Finished({"written": str(file)})
        return
    yield from merging.merge(job.project, parameters.sources, parameters.types, stop)
