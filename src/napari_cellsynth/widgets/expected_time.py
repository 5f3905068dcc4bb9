"""How long a training takes until it is done, for people: its start and the jobs before it belong to that."""

from __future__ import annotations

from napari_cellsynth.widgets.job_thread import duration_text
from napari_cellsynth.widgets.session import Session

SHORT = 120.0
"""Seconds; of a longer training the start is no part worth a word where it was not measured."""


def expected_time(session: Session, seconds: float, trainings: int, kind: str = "train-gan") -> str:
    """Return how long trainings take, with their starts and what they wait for.

    Parameters
    ----------
    session : Session
        Whose jobs are before them, and tell how long a start takes here.
    seconds : float
        What their steps take, all together.
    trainings : int
        How many: each starts a process of its own.
    kind : str
        The kind of job.
    """
    startup = session.startup_seconds(kind)
    words = f"about {duration_text(seconds + trainings * (startup or 0.0))} on this machine"
    if startup is None and seconds < SHORT:
        words += ", and some to start"
    before = len(session.running_jobs) + len(session.waiting)
    return f"{words}, after {before} other job{'s' * (before != 1)}" if before else words
