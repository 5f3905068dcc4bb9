"""A job seen from the window: its thread, its events at a bearable rate, its state and the time it has left."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from qtpy.QtCore import QObject, QThread, QTimer, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import (
    Event,
    Failed,
    Finished,
    Last,
    Metric,
    Preview,
    Progress,
    Saved,
    Stopped,
)
from napari_cellsynth.jobs.job import Job

DRAIN_MS = 100
"""Events reach the docks ten times a second: faster than anyone reads, slow enough for curves to be redrawn."""

HANG_SECONDS = 60.0
"""So long may a job take to stop; a step takes a second, reading a large image some more."""

HUNG = Failed("The job did not stop by itself and was ended.", "What it had saved stays; a training can be resumed.")


class Run(Protocol):
    """What a job's thread iterates; `napari_cellsynth.jobs.process.ProcessRun` is one."""

    def __iter__(self) -> Iterator[Event]: ...

    def stop(self) -> None:
        """Ask the work to stop after its current step."""

    def kill(self) -> None:
        """End the work at once."""


StartRun = Callable[..., Run]
"""Called with a job, and with the GPU that it alone may use where there are several."""


def start_process(job: Job, gpu: str | None = None) -> Run:
    """Start `job` in a worker process of its own (the default of the window)."""
    from napari_cellsynth.jobs.process import run_in_process

    return run_in_process(job, gpu)


class JobThread(QThread):
    """Iterates a job's events and keeps them in `inbox` for the GUI thread; the numbers are made in the worker process.

    Parameters
    ----------
    job : Job
        What to run.
    start : callable
        Makes the run out of the job; called in this thread, since starting a process takes a while.
    """

    def __init__(self, job: Job, start: StartRun, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.inbox: deque[Event] = deque()
        self.gpu: str | None = None
        self._job = job
        self._start = start
        self._run: Run | None = None
        self._stop_asked = False

    def run(self) -> None:
        """Iterate the events until the last one; an accident becomes `Failed` like every other end."""
        try:
            self._run = self._start(self._job) if self.gpu is None else self._start(self._job, self.gpu)
            # A stop that came while the process was starting.
            if self._stop_asked:
                self._run.stop()
            for event in self._run:
                self.inbox.append(event)
        except UserError as error:
            self.inbox.append(Failed(error.message, error.hint))
        except Exception as error:  # noqa: BLE001 - an exception that leaves QThread.run aborts the whole of napari
            self.inbox.append(Failed(f"The job broke off: {error}", traceback=traceback.format_exc()))

    def request_stop(self) -> None:
        """Ask the worker to stop at its next step; from any thread."""
        self._stop_asked = True
        if self._run is not None:
            self._run.stop()

    def kill_worker(self) -> None:
        """End the worker process at once (the thread then ends by itself)."""
        if self._run is not None:
            self._run.kill()


class JobHandle(QObject):
    """One submitted job: waiting, running, then finished, stopped or failed.

    Attributes
    ----------
    job : Job
    title : str
        For people: ``"GAN · Spread"``.
    gpu : str or None
        The GPU that it alone uses, as ``CUDA_VISIBLE_DEVICES`` calls it; None where there is no choice.
    state : str
        ``"waiting"``, ``"running"``, ``"finished"``, ``"stopped"`` or ``"failed"``.
    startup : float or None
        Seconds from its start to its first event: a process starts, and loads what it needs.
    last_progress : Progress or None
    last_event : Finished, Stopped, Failed or None
        How it ended.
    """

    progress = Signal(object)
    metric = Signal(object)
    preview = Signal(object)
    saved = Signal(object)
    ended = Signal(object)
    happened = Signal(object)  # every event, the last one too

    def __init__(self, job: Job, title: str, start: StartRun, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job = job
        self.title = title
        self.gpu: str | None = None
        self.state = "waiting"
        self.stopping = False
        self._hung = False
        self.startup: float | None = None
        self.last_progress: Progress | None = None
        self.last_event: Last | None = None
        self._started_at = 0.0
        self._first: tuple[float, int] | None = None
        self._thread = JobThread(job, start, self)
        self._thread.finished.connect(self._on_thread_finished)
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self._drain)
        self._hanging = QTimer(self)
        self._hanging.setSingleShot(True)
        self._hanging.timeout.connect(self._end_hanging)

    # ------------------------------------------------------------------ what the session and the docks call
    def start(self, gpu: str | None = None) -> None:
        """Begin (the session calls this when its turn has come), on one of several GPUs."""
        self.state = "running"
        self.gpu = self._thread.gpu = gpu
        self._started_at = time.monotonic()
        self._thread.start()
        self._timer.start()

    def stop(self) -> None:
        """Take a waiting job out of the queue, or ask a running one to stop; what it has done so far stays."""
        if self.state == "waiting":
            self._end(Stopped())
        elif self.state == "running":
            if not self.stopping:
                self._hanging.start(round(1000 * HANG_SECONDS))
            self.stopping = True
            self._thread.request_stop()

    def _end_hanging(self) -> None:
        """End a worker that was asked to stop and does not (a hanging driver, a dead share): the next job waits."""
        if self.state == "running":
            self._hung = True
            self._thread.kill_worker()

    def wait(self, seconds: float) -> bool:
        """Block until a running job's thread has ended, at most `seconds`; True when it has."""
        return bool(self._thread.wait(int(seconds * 1000)))

    def end(self, seconds: float) -> None:
        """Wait for the end of a job that was stopped; after so many seconds its worker is killed."""
        if not self.wait(seconds):
            self.kill()
            self.wait(seconds)

    def kill(self) -> None:
        """End the worker process without waiting for its next step; the last resort of closing the window."""
        self._thread.kill_worker()

    @property
    def done(self) -> bool:
        """Whether the job has ended, in whatever way."""
        return self.state in ("finished", "stopped", "failed")

    @property
    def fraction(self) -> float | None:
        """Done part in [0, 1], or None while nothing is known."""
        if self.last_progress is None or self.last_progress.total <= 0:
            return None
        return min(1.0, self.last_progress.done / self.last_progress.total)

    def eta_text(self) -> str:
        """Say how long it still takes, for people; empty while that cannot be told."""
        if self.state == "waiting":
            return "waiting"
        if self.stopping and not self.done:
            return "stopping…"
        seconds = self._seconds_left()
        return "" if seconds is None else f"{duration_text(seconds)} left"

    # ------------------------------------------------------------------ events
    def _seconds_left(self) -> float | None:
        if self.state != "running" or self.last_progress is None or self._first is None:
            return None
        at, done_then = self._first
        done, elapsed = self.last_progress.done - done_then, time.monotonic() - at
        if done <= 0 or elapsed < 1.0:
            return None
        return elapsed / done * max(0, self.last_progress.total - self.last_progress.done)

    def _drain(self) -> None:
        """Hand on what has come: every figure averaged into one point, of progress and samples only the newest."""
        events: list[Event] = []
        while self._thread.inbox:
            events.append(self._thread.inbox.popleft())
        for event in thinned(events):
            if isinstance(event, (Finished, Stopped, Failed)):
                self.last_event = event
                continue
            self._emit(event)

    def _emit(self, event: Event) -> None:
        if self.startup is None:
            self.startup = time.monotonic() - self._started_at
        if isinstance(event, Progress):
            # A resumed run starts at its old step, and a new unit (a new part of the job) starts again at its own.
            if self.last_progress is None or self.last_progress.unit != event.unit:
                self._first = (time.monotonic(), event.done)
            self.last_progress = event
            self.progress.emit(event)
        elif isinstance(event, Metric):
            self.metric.emit(event)
        elif isinstance(event, Preview):
            self.preview.emit(event)
        elif isinstance(event, Saved):
            self.saved.emit(event)
        self.happened.emit(event)

    def _on_thread_finished(self) -> None:
        self._timer.stop()
        self._hanging.stop()
        self._drain()
        last = self.last_event or Failed("The worker process ended without a word.", "Start the job again.")
        self._end(HUNG if self._hung and isinstance(last, Failed) else last)

    def _end(self, last: Last) -> None:
        if self.done:
            return
        self.last_event = last
        self.state = {Finished: "finished", Stopped: "stopped", Failed: "failed"}[type(last)]
        self.happened.emit(last)
        self.ended.emit(last)


def thinned(events: list[Event]) -> list[Event]:
    """Return `events` with one mean `Metric` (at the newest step), the newest `Progress` and newest previews a class.

    The order of what stays is kept.
    """
    metrics: dict[str, list[float]] = {}
    newest: dict[object, Event] = {}
    kept: list[Event] = []
    for event in events:
        if isinstance(event, Metric):
            for name, value in event.values.items():
                metrics.setdefault(name, []).append(value)
            newest["metric"] = event
        elif isinstance(event, Progress):
            newest["progress"] = event
        elif isinstance(event, Preview):
            newest["preview", event.class_name] = event
    chosen = {id(event) for event in newest.values()}
    for event in events:
        if isinstance(event, Metric):
            if id(event) in chosen:
                means = {name: sum(values) / len(values) for name, values in metrics.items()}
                kept.append(Metric(event.step, means))
        elif not isinstance(event, (Progress, Preview)) or id(event) in chosen:
            kept.append(event)
    return kept


def duration_text(seconds: float) -> str:
    """Write a duration the way people say it: ``8 s``, ``3 min``, ``1 h 20 min``."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


class TaskStatus:
    """A job's entry in napari's own list of running tasks, which makes napari ask before it closes.

    That list is private to napari (0.6.5 and newer); where it is missing, closing simply does not ask.

    Parameters
    ----------
    viewer : napari viewer
        The unwrapped one.
    handle : JobHandle
        Whose `stop` is called when the person closes anyway.
    """

    def __init__(self, viewer: Any, handle: JobHandle) -> None:
        self._window = getattr(viewer, "window", None)
        self._handle = handle
        self._id: Any = None
        register = getattr(self._window, "_register_task_status", None)
        status = _status_names()
        if register is not None and status is not None:
            text = f"{handle.title} (closing stops it; a training can be resumed later)"
            self._id = register("CellSynth", status.BUSY, text, handle.stop)

    def ended(self) -> None:
        """Take the entry off the list of busy tasks."""
        status = _status_names()
        if self._id is not None and status is not None and self._window is not None:
            done = {"finished": status.COMPLETED, "stopped": status.CANCELLED, "failed": status.FAILED}
            self._window._update_task_status(self._id, done[self._handle.state], self._handle.title)


def _status_names() -> Any:
    try:
        from napari.utils.task_status import Status
    except ImportError:
        return None
    return Status
