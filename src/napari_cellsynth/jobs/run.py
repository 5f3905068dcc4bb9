"""Run a job in this process, as an iterator of events with exactly one last event."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Failed, Finished, Stop, Stopped, never
from napari_cellsynth.jobs.job import Job, Kind

# The work is named, not imported: a dock that only submits jobs must not pay for torch.
_WORK = {
    "segment": "napari_cellsynth.jobs.segmenting:segment",
    "train-gan": "napari_cellsynth.jobs.gans:train_gan",
    "time-gan": "napari_cellsynth.jobs.gan_pace:time_gan",
    "generate": "napari_cellsynth.jobs.gans:generate",
    "quality": "napari_cellsynth.jobs.quality:quality",
    "score": "napari_cellsynth.jobs.scoring:score",
    "interpolate": "napari_cellsynth.jobs.interpolation:interpolate",
    "train-classifier": "napari_cellsynth.jobs.classifiers:train_classifier",
    "try-segment": "napari_cellsynth.jobs.segmenting:try_segment",
    "draw": "napari_cellsynth.jobs.drawing:draw",
    "predict": "napari_cellsynth.jobs.classifiers:predict",
    "explain": "napari_cellsynth.jobs.explaining:explain",
    "label-help": "napari_cellsynth.jobs.label_helping:help_with_labels",
    "suggest": "napari_cellsynth.jobs.suggesting:suggest",
    "experiment": "napari_cellsynth.jobs.experiment:experiment",
    "merge": "napari_cellsynth.jobs.merging:merge",
    "time-experiment": "napari_cellsynth.jobs.experiment_pace:time_experiment",
    "over-time": "napari_cellsynth.jobs.over_time:over_time",
    "at-once": "napari_cellsynth.jobs.at_once:at_once",
}


def run(job: Job, stop: Stop = never) -> Iterator[Event]:
    """Do the job here and now.

    Parameters
    ----------
    job : Job
        What to do.
    stop : callable, optional
        Polled once a step; the job ends with `Stopped` soon after it returns true.

    Yields
    ------
    Event
        Progress, metrics, previews; the last one, and only it, is `Finished`, `Stopped` or `Failed`.
    """
    try:
        yield from _work(job)(job, stop)
    except UserError as error:
        yield Failed(error.message, error.hint)
    except MemoryError:
        yield Failed("The machine ran out of memory.", "Choose a smaller batch or patch size, or close other programs.")
    except Exception as error:  # noqa: BLE001 - the border of a job: whatever went wrong is told as its last event
        yield Failed(*_explained(error), traceback.format_exc())


def result_of(events: Iterator[Event], on_event: Callable[[Event], None] = lambda event: None) -> dict[str, Any] | None:
    """Return the result of a job's events (None where it was stopped), handing each one to ``on_event``.

    Raises
    ------
    UserError
        Where the job failed.
    """
    last: Event | None = None
    for last in events:
        on_event(last)
    if isinstance(last, Failed):
        if last.traceback:
            raise RuntimeError(last.traceback)
        raise UserError(last.message, last.hint)
    if isinstance(last, Stopped):
        return None
    assert isinstance(last, Finished), f"a job ended with {last!r}"
    return last.result


def do(project: str | Path, kind: Kind, **parameters: Any) -> dict[str, Any]:
    """Do a piece of work here and now, and return its result.

    Parameters
    ----------
    project : str or Path
        The project's folder; nobody needs to have it open.
    kind : str
        Which work, named as the command line names it: ``"segment"``, ``"train-gan"``, ``"generate"``,
        ``"train-classifier"``, ``"predict"`` and all others of `jobs.job.PARAMETERS`.
    parameters
        Fields of that work's model in `jobs.job`, such as ``SegmentParameters``.

    Returns
    -------
    dict
        As plain values.

    Raises
    ------
    UserError
        When a parameter does not exist or is out of its range, or the work fails.

    Examples
    --------
    >>> import napari_cellsynth as cs
    >>> with cs.Project.create("cells.cellsynth") as project:
    ...     added = project.add_images(["plate.tif"])
    >>> cs.do("cells.cellsynth", "segment", radius=3, min_area=50)["objects"]
    1
    """
    if kind not in _WORK:
        raise UserError(f"There is no work {kind!r}.", f"Choose among {', '.join(_WORK)}.")
    result = result_of(run(Job(kind=kind, project=Path(project), parameters=parameters)))
    assert result is not None, "nobody asked it to stop"
    return result


def _work(job: Job) -> Callable[[Job, Stop], Iterator[Event]]:
    module, _, name = _WORK[job.kind].partition(":")
    work: Callable[[Job, Stop], Iterator[Event]] = getattr(import_module(module), name)
    return work


def _explained(error: Exception) -> tuple[str, str]:
    """Name the failures that torch and the disk report in their own words."""
    if type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error):
        return (
            "The device ran out of memory.",
            "Choose a smaller batch, width or patch size, or another device.",
        )
    if isinstance(error, OSError) and error.strerror:
        return (
            f"{error.strerror}: {error.filename or 'the project folder'}.",
            "Free some space or choose another folder.",
        )
    words = " ".join(str(error).split())  # one line; the details keep the rest
    return f"{type(error).__name__}: {words}", "This is a bug; the details help to mend it."
