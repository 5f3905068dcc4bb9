"""Run a job in a spawned worker process, and read its events here.

The window keeps its interpreter lock; a crash or an out-of-memory kills the worker and not napari; and when the worker
ends, all its memory, the GPU's too, goes back.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from napari_cellsynth.events import Event, Failed, Finished, Stopped
from napari_cellsynth.jobs.job import Job


class ProcessRun:
    """A job that runs in a worker process; iterate it for the events.

    Parameters
    ----------
    job : Job
        What to do. The worker is started at once.
    """

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_worker,
            args=(job.model_dump_json(), sender, self._stop),
            name=f"cellsynth {job.kind}",
            daemon=True,
        )
        self._process.start()
        sender.close()  # so that the end of the worker is the end of the pipe

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._process.pid

    def __iter__(self) -> Iterator[Event]:
        """Yield the job's events; where the worker dies without a last word, a `Failed` is said for it."""
        ended = False
        while not ended:
            try:
                event = self._receiver.recv()
            except (EOFError, OSError):
                break
            ended = isinstance(event, Finished | Stopped | Failed)
            yield event
        self._process.join()
        self._receiver.close()
        if not ended:
            yield _epitaph(self._process.exitcode)

    def stop(self) -> None:
        """Ask the job to stop after its current step; it ends with `Stopped` and can be resumed."""
        self._stop.set()

    def kill(self) -> None:
        """End the worker at once; what it had saved stays."""
        self._process.kill()


def run_in_process(job: Job) -> ProcessRun:
    """Start ``job`` in a worker process of its own."""
    return ProcessRun(job)


def be_patient() -> None:
    """Let threads that wait for each other sleep instead of spin; call it before torch is loaded.

    On a machine whose cores are shared with a window (or anything else) spinning halves a training's speed.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _worker(job: str, sender: Connection, stop: Any) -> None:
    be_patient()
    from napari_cellsynth.jobs.run import run

    # Ctrl+C in the terminal goes to the whole group: the parent decides what it means, through the stop flag.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(10)  # the window comes first on a machine with few cores
    with contextlib.suppress(BrokenPipeError):  # the window is gone: nobody is left to tell
        for event in run(Job.model_validate_json(job), stop.is_set):
            sender.send(event)
    sender.close()
    # All is on disk and told. Python's own way out takes torch apart first, most of a second that nobody gains from.
    os._exit(0)


def _epitaph(exitcode: int | None) -> Failed:
    if exitcode == -signal.SIGKILL:
        return Failed(
            "The worker process was killed.",
            "If you did not do this, the machine may have run out of memory: choose a smaller batch or patch size.",
        )
    return Failed(
        f"The worker process ended without a word (exit code {exitcode}).",
        "Resume the run, or start it again.",
    )
