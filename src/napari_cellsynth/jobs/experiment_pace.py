"""The job that tells how long an experiment takes here, before it starts; it writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from napari_cellsynth.events import Event, Finished, Stop, Stopped
from napari_cellsynth.jobs.experiment import laid_out
from napari_cellsynth.jobs.job import Job, TimeExperimentParameters
from napari_cellsynth.project import Project


def time_experiment(job: Job, stop: Stop) -> Iterator[Event]:
    """Time a few steps of every recipe.

    Yields
    ------
    Event
        Progress; `Finished` with ``seconds`` and ``device``, or `Stopped`.
    """
    from napari_cellsynth.experiments.pace import seconds_of
    from napari_cellsynth.training.device import pick_device

    parameters = job.checked()
    assert isinstance(parameters, TimeExperimentParameters)
    with Project.open(job.project, read_only=True) as project:
        plan, dataset, settings, _ = laid_out(project, parameters.protocol, parameters.preset, parameters.changes)
        channels = int(project.images()["channels"].max())
    device = pick_device(parameters.device)
    seconds = yield from seconds_of(plan, replace(dataset, size=settings.size), channels, device, stop=stop)
    yield Stopped() if seconds is None else Finished({"seconds": seconds, "device": device.type})


def minutes_words(seconds: float) -> str:
    """Return a time of training in words."""
    if seconds < 90:
        return "about a minute"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
