"""The job that tells how long a GAN training takes here, before it starts; it reads and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from napari_cellsynth.events import Event, Finished, Stop, Stopped
from napari_cellsynth.jobs.job import Job, TimeGanParameters


def time_gan(job: Job, stop: Stop) -> Iterator[Event]:
    """Time a few steps of a recipe.

    Yields
    ------
    Event
        `Finished` with ``seconds_a_step`` and ``device``, or `Stopped`.
    """
    from napari_cellsynth.synthesis.pace import seconds_a_step
    from napari_cellsynth.synthesis.recipes import gan_recipe
    from napari_cellsynth.training.device import pick_device

    parameters = job.checked()
    assert isinstance(parameters, TimeGanParameters)
    device = pick_device(parameters.device)
    recipe = gan_recipe(parameters.recipe, **parameters.overrides)
    seconds = seconds_a_step(recipe, parameters.channels, device, parameters.classes, stop=stop)
    yield Stopped() if seconds is None else Finished({"seconds_a_step": seconds, "device": device.type})
