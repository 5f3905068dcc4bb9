"""What a long piece of work says while it runs, and how it ends.

Events are small frozen dataclasses, so that a training loop can yield them, a process can send them over a pipe, the
command line can print them and a dock can draw them. They lie below everything else because the trainings, which must
not know about jobs, yield them too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Stop = Callable[[], bool]
"""Polled once a step by everything long; true once the user has asked to stop."""


def never() -> bool:
    """Return False: the stop flag of work that nobody can stop."""
    return False


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` units (frames, steps, patches, objects) are done."""

    done: int
    total: int
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Metric:
    """Figures at one step of a training, by name (``loss_generator``, ``balanced_accuracy``, …)."""

    step: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Preview:
    """A few sample patches of a class, float32 (N, C, Y, X) in [-1, 1]."""

    class_name: str
    images: NDArray[np.float32]


@dataclass(frozen=True)
class Suggestions:
    """What a cheap model says of objects while they are labelled.

    ``object_ids`` int64 (N,), ``class_ids`` int64 (N,), ``confidence`` float32 (N,) in [0, 1]; ``n_labels`` it learned
    from; ``score``, balanced accuracy on groups not learned from, and ``score_before``, the same without the most
    recent labels (None where there are too few labels or groups).
    """

    object_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    confidence: NDArray[np.float32]
    n_labels: int
    score: float | None
    score_before: float | None


@dataclass(frozen=True)
class Looks:
    """How objects look: ``object_ids`` int64 (N,), ``x`` float32 (N, d) in which near means similar.

    ``different`` int64 (M,) are the objects to begin a labelling with, unlike each other.
    """

    object_ids: NDArray[np.int64]
    x: NDArray[np.float32]
    different: NDArray[np.int64]


@dataclass(frozen=True)
class Outlined:
    """What a method finds in a frame that it was tried on: ``labels`` int32 (Y, X), 0 for background."""

    labels: NDArray[np.int32]
    seconds: float


@dataclass(frozen=True)
class Saved:
    """Something of a run is on disk now."""

    run: str
    path: str


@dataclass(frozen=True)
class Finished:
    """The work is done; ``result`` holds plain JSON values."""

    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stopped:
    """The user stopped the work; what was done so far is kept, and ``run`` (if any) can be resumed."""

    run: str = ""


@dataclass(frozen=True)
class Failed:
    """The work failed: one line and a way out for the user, and for a bug the traceback."""

    message: str
    hint: str = ""
    traceback: str = ""


Event = Progress | Metric | Preview | Suggestions | Looks | Outlined | Saved | Finished | Stopped | Failed
Last = Finished | Stopped | Failed
"""Exactly one of these ends the events of a job."""
