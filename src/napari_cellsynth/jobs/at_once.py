"""Several jobs of one project at once, on workers that see its folder: a GAN of every class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Failed, Finished, Progress, Stop, Stopped
from napari_cellsynth.jobs.cluster import Spread, Tell, opened, worth_telling
from napari_cellsynth.jobs.divided import refuse_unseen
from napari_cellsynth.jobs.job import AtOnceParameters, Job
from napari_cellsynth.jobs.run import run
from napari_cellsynth.project.project import place_of


def at_once(job: Job, stop: Stop) -> Iterator[Event]:
    """Do jobs at once; one that fails keeps none of the others from its end.

    Yields
    ------
    Event
        ``Progress`` in jobs; ``Finished`` with ``results``, a dict a job in their order: its result, or ``error`` and
        ``hint``; or ``Stopped``.

    Raises
    ------
    UserError
        When all of them failed (as the first one did), or the cluster did.
    """
    parameters = job.checked()
    assert isinstance(parameters, AtOnceParameters)
    jobs = [each.as_job(place_of(job.project)) for each in parameters.jobs]
    for each in jobs:
        each.checked()  # what is wrong is told before any worker is started
    ended: dict[str, Event] = {}
    yield Progress(0, len(jobs), "jobs", "starting the workers")
    with opened(min(parameters.workers, len(jobs)), parameters.scheduler, stop) as client:
        if stop():
            yield Stopped()
            return
        spread = Spread(client)
        try:
            for number, each in enumerate(jobs):
                spread.submit(str(number), do_job, each.model_dump_json())
            for name, last, line in spread.results(stop):
                if last is not None:
                    ended[name] = last
                title = parameters.jobs[int(name)].title
                yield Progress(len(ended), len(jobs), "jobs", f"{title} · {line or 'done'}")
        finally:
            spread.close()
    lasts = [ended.get(str(number), Stopped()) for number in range(len(jobs))]
    failed = [last for last in lasts if isinstance(last, Failed)]
    if any(isinstance(last, Stopped) for last in lasts):
        yield Stopped()
    elif len(failed) == len(lasts):
        raise RuntimeError(failed[0].traceback) if failed[0].traceback else UserError(failed[0].message, failed[0].hint)
    else:
        yield Finished({"results": [_told(last) for last in lasts]})


def do_job(text: str, stop: Stop, tell: Tell) -> Event:
    """Do a job on whatever machine this is, and return its last event."""
    job = Job.model_validate_json(text)
    refuse_unseen(str(job.project))
    last: Event = Stopped()
    for last in run(job, stop):
        if isinstance(last, Progress) and worth_telling(last):
            tell(f"{last.done:,} of {last.total:,} {last.unit}")
    return last


def _told(last: Event) -> dict[str, Any]:
    if isinstance(last, Failed):
        return {"error": last.message, "hint": last.hint}
    assert isinstance(last, Finished)
    return last.result
