"""Run a job in a worker process, and read its events here.

The window keeps its interpreter lock; a crash or an out-of-memory kills the worker and not napari; and when the worker
ends, all its memory, the GPU's too, goes back.

The worker is a fresh interpreter with a pipe in and a pipe out. Python's own `multiprocessing` would run the user's
main script again in it, and a script that opens napari would open a second one.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.spawn import get_executable

from napari_cellsynth.events import Event, Failed, Finished, Stopped
from napari_cellsynth.jobs.job import Job
from napari_cellsynth.jobs.wire import receive, send

_START = (
    "import json, sys; told = json.loads(sys.stdin.readline()); sys.path[:] = told['path']; "
    "from napari_cellsynth.jobs.process import work; work(told['job'])"
)


class ProcessRun:
    """A job that runs in a worker process; iterate it for the events.

    Parameters
    ----------
    job : Job
        What to do. The worker is started at once.
    gpu : str, optional
        The only GPU that the worker sees, as ``CUDA_VISIBLE_DEVICES`` calls it.
    """

    def __init__(self, job: Job, gpu: str | None = None) -> None:
        self._process = subprocess.Popen(
            [get_executable(), "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=None if gpu is None else os.environ | {"CUDA_VISIBLE_DEVICES": gpu},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows would flash a console
        )
        self._tell(json.dumps({"path": sys.path, "job": job.model_dump_json()}))

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._process.pid

    def __iter__(self) -> Iterator[Event]:
        """Yield the job's events; where the worker dies without a last word, a `Failed` is said for it."""
        assert self._process.stdout is not None and self._process.stdin is not None
        ended = False
        while not ended:
            event = receive(self._process.stdout)
            if event is None:
                break
            ended = isinstance(event, Finished | Stopped | Failed)
            yield event
        exitcode = self._process.wait()
        self._process.stdout.close()
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if not ended:
            yield _epitaph(exitcode)

    def stop(self) -> None:
        """Ask the job to stop after its current step; it ends with `Stopped` and can be resumed."""
        self._tell("stop")

    def kill(self) -> None:
        """End the worker at once; what it had saved stays."""
        self._process.kill()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        # A worker that has ended meanwhile hears nothing; the iteration says how it ended.
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()


def run_in_process(job: Job, gpu: str | None = None) -> ProcessRun:
    """Start ``job`` in a worker process of its own, which sees that GPU alone."""
    return ProcessRun(job, gpu)


def be_patient() -> None:
    """Let threads that wait for each other sleep instead of spin; call it before torch is loaded.

    On a machine whose cores are shared with a window (or anything else) spinning halves a training's speed.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def work(job: str) -> None:
    """Be the worker: do the job that was told as JSON, write its events to the pipe, and leave the process."""
    be_patient()
    # Ctrl+C in the terminal goes to the whole group: the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(10)  # the window comes first on a machine with few cores
    # The pipe is for events alone: what anybody prints goes to the error stream.
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    stop = threading.Event()
    threading.Thread(target=_listen, args=(stop,), daemon=True).start()
    from napari_cellsynth.jobs.run import run

    with contextlib.suppress(BrokenPipeError):  # the window is gone: nobody is left to tell
        for event in run(Job.model_validate_json(job), stop.is_set):
            send(event, pipe)
    # All is on disk and told. Python's own way out takes torch apart first, most of a second that nobody gains from.
    os._exit(0)


def _listen(stop: threading.Event) -> None:
    """Set the flag at the parent's word, or when the parent is gone: its run then stops and can be resumed."""
    sys.stdin.readline()
    stop.set()


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
