"""Jobs that go wrong, put in place of real ones in a worker process (``sitecustomize`` of the test does it)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from napari_cellsynth.events import Event, Progress


class OutOfMemoryError(RuntimeError):
    """Named as torch's own, which needs a GPU to be raised."""


def memory(job: Any, stop: Callable[[], bool]) -> Iterator[Event]:
    """Ask for more memory than the process may have."""
    import resource

    yield Progress(1, 2, "steps")
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    kept = [bytearray(1 << 28) for _ in range(100)]
    yield Progress(len(kept), 2, "steps")


def device(job: Any, stop: Callable[[], bool]) -> Iterator[Event]:
    """Run out of a GPU's memory."""
    yield Progress(1, 2, "steps")
    raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def recipe(job: Any, stop: Callable[[], bool]) -> Iterator[Event]:
    """Be a recipe with a bug."""
    yield Progress(1, 2, "steps")
    raise ZeroDivisionError("division by zero\nin a recipe")


def full(job: Any, stop: Callable[[], bool]) -> Iterator[Event]:
    """Meet a full disk."""
    yield Progress(1, 2, "steps")
    raise OSError(28, "No space left on device", "runs/gan-0001")


def hang(job: Any, stop: Callable[[], bool]) -> Iterator[Event]:
    """Hear no word of stopping."""
    yield Progress(1, 2, "steps")
    while True:
        time.sleep(1)


def death(job: Any, stop: Callable[[], bool]) -> Iterator[Event]:
    """Crash as a driver does."""
    import os
    import signal

    yield Progress(1, 2, "steps")
    os.kill(os.getpid(), signal.SIGSEGV)
