"""Short work off the GUI thread of which only the newest answer matters (a preview, a look at the machine)."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cellsynth.errors import UserError


class Background(QObject):
    """One working thread; asking again makes earlier answers void.

    Signals
    -------
    done : (result, seconds)
    failed : UserError
        Arrive in the GUI thread, for the newest work only.
    """

    done = Signal(object, float)
    failed = Signal(object)
    _answered = Signal(int, object, float)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._newest = 0
        self._pending: Future[None] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="cellsynth-background")
        self._answered.connect(self._on_answered)

    @property
    def busy(self) -> bool:
        """Whether the newest work has not been answered yet."""
        return self._pending is not None

    def run(self, work: Callable[[], Any]) -> None:
        """Do `work` soon; work asked for before that has not begun is dropped."""
        self._newest += 1
        if self._pending is not None:
            self._pending.cancel()
        self._pending = self._worker.submit(self._work, self._newest, work)

    def forget(self) -> None:
        """Make the answers that are still to come void."""
        self._newest += 1
        self._pending = None

    def shut_down(self) -> None:
        """Wait for the work at hand and end the thread."""
        self.forget()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _work(self, number: int, work: Callable[[], Any]) -> None:
        begun = time.perf_counter()
        answer: object
        try:
            answer = work()
        except UserError as error:
            answer = error
        except Exception as error:  # noqa: BLE001 - a future would swallow it; here it is told
            answer = UserError(f"{type(error).__name__}: {error}", traceback.format_exc(limit=1))
        if number == self._newest:
            self._answered.emit(number, answer, time.perf_counter() - begun)

    def _on_answered(self, number: int, answer: object, seconds: float) -> None:
        if number != self._newest:
            return
        self._pending = None
        if isinstance(answer, UserError):
            self.failed.emit(answer)
        else:
            self.done.emit(answer, seconds)
