"""Work spread over a Dask cluster: workers started here, those of a scheduler that is already there, or SLURM's."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Progress, Stop, never
from napari_cellsynth.jobs.scheduler_file import scheduler_address, security_of
from napari_cellsynth.jobs.slurm import on_slurm

if TYPE_CHECKING:
    from distributed import Client, Future

Tell = Callable[[str], None]
"""Takes a line about how a piece of work goes."""

WAIT_SECONDS = 30.0
"""A scheduler is given so long to answer, and its first worker so long to come; SLURM's as long as its queue takes."""
_ASK_SECONDS = 0.2
_LOOK_SECONDS = 0.5
_ENDING_SECONDS = 60.0
"""After a stop, pieces that are at work end at their next step; longer than this nobody waits for them."""


@contextlib.contextmanager
def opened(workers: int, scheduler: str | None, stop: Stop = never) -> Iterator[Client]:
    """Connect to a cluster, wait for its first worker, and leave it at the end as it was.

    Parameters
    ----------
    workers : int
        Without a scheduler so many workers are started here, as processes of their own.
    scheduler : str, optional
        The address of a scheduler (``tcp://host:8786``, or ``tls://`` with the certificates of Dask's configuration),
        or a TOML file with a ``[slurm]`` table (`slurm.SlurmSettings`) or the address in a ``[scheduler]`` table, and
        where they are wanted the certificates in a ``[tls]`` table (`scheduler_file.Certificates`).
    stop : callable
        Ends the wait, which in a queue may take hours; look at it before anything is submitted.

    Raises
    ------
    UserError
        When nothing answers there, no worker comes, or a worker has another version.
    """
    with contextlib.ExitStack() as stack:
        security, queued = None, False
        if scheduler is None:
            address = stack.enter_context(_started_here(workers))
        elif scheduler.endswith(".toml"):
            security, known = security_of(Path(scheduler)), scheduler_address(Path(scheduler))
            queued = known is None
            address = known or stack.enter_context(on_slurm(Path(scheduler)))
        else:
            address = scheduler
        client = stack.enter_context(_client(address, security))
        asked = time.monotonic()
        while not stop() and not client.nthreads() and (queued or time.monotonic() - asked < WAIT_SECONDS):
            time.sleep(_ASK_SECONDS)
        if not stop():
            _check_versions(client, scheduler or address)
        yield client


@contextlib.contextmanager
def _client(address: str, security: Any = None) -> Iterator[Client]:
    from distributed import Client
    from distributed.comm import get_address_host_port

    try:
        get_address_host_port(address, strict=True)  # a client that cannot begin waits for a minute before it ends
        client = Client(address, timeout=WAIT_SECONDS, set_as_default=False, security=security)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"No scheduler answers at {address}: {str(error).splitlines()[0]}.",
            "Start one with `dask scheduler` and give the address that it prints, such as tcp://host:8786.",
        ) from error
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def _started_here(workers: int) -> Iterator[str]:
    """Start a scheduler that listens on this machine alone, and workers that are fresh interpreters."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50) as scheduler:
        # Dask's own worker processes would run the user's main script again.
        command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler.scheduler_address]
        command += ["--nthreads", "1", "--memory-limit", "0", "--death-timeout", "30"]
        command += ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        started = [
            subprocess.Popen(
                [*command, "--name", str(number)],
                env=os.environ | _share_of_the_machine(number, workers),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            for number in range(workers)
        ]
        try:
            yield str(scheduler.scheduler_address)
        finally:
            for process in started:
                process.terminate()
            for process in started:
                try:
                    process.wait(WAIT_SECONDS)
                except subprocess.TimeoutExpired:  # nobody waits for ever for a hanging driver
                    process.kill()


def _share_of_the_machine(number: int, workers: int) -> dict[str, str]:
    """Return a worker's environment: its part of the cores, one GPU where there are some, and this program."""
    import torch

    told = {
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // workers)),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
    }
    if gpus := torch.cuda.device_count():
        told["CUDA_VISIBLE_DEVICES"] = str(number % gpus)
    return told


def _check_versions(client: Client, where: str) -> None:
    told = client.run(_version)
    if not told:
        raise UserError(f"The scheduler at {where} has no workers.", "Start some: `dask worker ADDRESS --nthreads 1`.")
    for worker, version in told.items():
        if version != _version():
            raise UserError(
                f"The worker {worker} has {version}, this is {_version()}.",
                "Install the same napari-cellsynth and Python everywhere.",
            )


def _version() -> str:
    try:
        from importlib.metadata import version

        return f"napari-cellsynth {version('napari-cellsynth')} on Python {sys.version_info[0]}.{sys.version_info[1]}"
    except ImportError:
        return "no napari-cellsynth"


class _Ended(NamedTuple):
    """How a piece ended: with a result, or failed; whatever its result is, it cannot be taken for a failure."""

    result: Any
    failed: Failed | None = None


class Spread:
    """Pieces of work on a cluster, which one flag stops; one whose worker is lost is done again by another.

    Parameters
    ----------
    client : Client
        The cluster, from `opened`.
    """

    def __init__(self, client: Client) -> None:
        from distributed import Event

        self._client = client
        self._name = f"cellsynth-{uuid.uuid4().hex[:12]}"
        self._flag = Event(self._name, client=client)
        self._told: queue.Queue[tuple[str, str | None]] = queue.Queue()
        self._waiting: dict[str, Future] = {}
        client.subscribe_topic(self._name, lambda event: self._told.put(event[1]))

    def submit(self, name: str, work: Callable[..., Any], *arguments: Any) -> Future:
        """Queue ``work(*arguments, stop, tell)``; arguments may be futures of other pieces and of scattered data."""
        future = self._client.submit(
            _do, work, self._name, name, *arguments, key=f"{self._name}-{name}", pure=False, retries=0
        )
        self._waiting[name] = future
        future.add_done_callback(lambda _future: self._told.put((name, None)))
        return future

    def results(self, stop: Stop) -> Iterator[tuple[str, Any, str]]:
        """Yield the name, the result and a line, of pieces as they end (no line) and as they go on (None as result).

        After a stop the pieces end at their next step with whatever they return then.

        Raises
        ------
        UserError
            When a piece failed, the workers of one died again and again, or the cluster is gone.
        """
        stopped = 0.0
        while self._waiting:
            if not stopped and stop():
                stopped = time.monotonic()
                self._flag.set()
            if stopped and time.monotonic() - stopped > _ENDING_SECONDS:
                break
            try:
                name, line = self._told.get(timeout=_ASK_SECONDS)
            except queue.Empty:
                if self._client.status != "running":
                    raise UserError("The cluster does not answer any more.", RESUME) from None
                continue
            if line is not None:
                yield name, None, line
            elif name in self._waiting:
                yield name, _result(name, self._waiting.pop(name)), ""

    def close(self) -> None:
        """Leave nothing at work."""
        with contextlib.suppress(Exception):  # a cluster that is gone has nothing at work
            self._flag.set()
            self._client.cancel(list(self._waiting.values()))
            self._client.unsubscribe_topic(self._name)


RESUME = "What is done is kept: resume the run, on the same cluster or without one."


def _result(name: str, future: Future) -> Any:
    from distributed import KilledWorker

    try:
        ended: _Ended = future.result(timeout=WAIT_SECONDS)
    except KilledWorker as error:
        raise UserError(f"Every worker that did {name} died; its memory may not have sufficed.", RESUME) from error
    except Exception as error:  # what Dask raises for a lost scheduler differs from version to version
        raise UserError(f"The cluster lost {name} ({type(error).__name__}).", RESUME) from error
    if ended.failed is not None:
        told = ended.failed
        raise RuntimeError(told.traceback) if told.traceback else UserError(told.message, told.hint)
    return ended.result


def worth_telling(progress: Progress) -> bool:
    """Whether a piece has come a twentieth further: each step over the wire would be too much for a scheduler."""
    return bool(progress.total) and 20 * progress.done // progress.total > 20 * (progress.done - 1) // progress.total


def _do(work: Callable[..., Any], flag: str, name: str, *arguments: Any) -> _Ended:
    """Be a worker: do a piece, look now and then whether it is to stop, and tell how it goes and how it failed."""
    from distributed import Event, get_client, get_worker

    worker, client = get_worker(), get_client()
    asked, ended = threading.Event(), threading.Event()
    event = Event(flag, client=client)

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            with contextlib.suppress(Exception):  # a scheduler that is gone takes the worker with it
                if event.is_set():
                    asked.set()
                    return

    if event.is_set():
        asked.set()
    threading.Thread(target=look, daemon=True).start()
    try:
        given = [_result_in(argument) for argument in arguments]
        return _Ended(work(*given, asked.is_set, lambda line: worker.log_event(flag, (name, line))))
    except UserError as error:
        return _Ended(None, Failed(error.message, error.hint))
    except Exception as error:  # noqa: BLE001 - the border of a piece of work: its end is told, whatever it was
        return _Ended(None, Failed(str(error), "", traceback.format_exc()))
    finally:
        ended.set()


def _result_in(argument: Any) -> Any:
    """Return an argument with the results of pieces in their place, also in a dict."""
    if isinstance(argument, dict):
        return {key: _result_in(value) for key, value in argument.items()}
    return argument.result if isinstance(argument, _Ended) else argument
