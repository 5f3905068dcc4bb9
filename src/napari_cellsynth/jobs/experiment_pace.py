"""The job that tells how long an experiment takes here, before it starts; it writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from napari_cellsynth.events import Event, Finished, Stop, Stopped
from napari_cellsynth.jobs.experiment import checked_crops, laid_out
from napari_cellsynth.jobs.job import Job, TimeExperimentParameters
from napari_cellsynth.project import Project


def time_experiment(job: Job, stop: Stop) -> Iterator[Event]:
    """Time a few steps of every recipe, once it is sure that the experiment may be done at all.

    Yields
    ------
    Event
        Progress; `Finished` with ``seconds`` and ``device``, or `Stopped`.

    Raises
    ------
    LeakError
        If a crop, or nearly the same one, is in two groups.
    """
    from napari_cellsynth.experiments import protocol
    from napari_cellsynth.experiments.pace import seconds_of
    from napari_cellsynth.training.device import pick_device

    parameters = job.checked()
    assert isinstance(parameters, TimeExperimentParameters)
    with Project.open(job.project, read_only=True) as project:
        plan, dataset, settings, _ = laid_out(project, parameters.protocol, parameters.preset, parameters.changes)
        dataset, _ = checked_crops(project, protocol(parameters.protocol), settings, dataset)
    device = pick_device(parameters.device)
    seconds = yield from seconds_of(plan, dataset, dataset.crops[0].shape[0], device, stop=stop)
    yield Stopped() if seconds is None else Finished({"seconds": seconds, "device": device.type})


def minutes_words(seconds: float) -> str:
    """Return a time of training in words."""
    if seconds < 90:
        return "about a minute"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
