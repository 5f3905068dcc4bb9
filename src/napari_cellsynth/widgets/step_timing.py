"""How long the chosen training takes here: timed in a worker process while nobody else needs the machine."""

from __future__ import annotations

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cellsynth.events import Failed, Finished
from napari_cellsynth.jobs.job import TimeExperimentParameters, TimeGanParameters
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.side_job import SideJob

SETTLE_MS = 1000
"""Settings that have not been touched for so long are timed."""

Timed = TimeGanParameters | TimeExperimentParameters
"""What can be timed: a step of a GAN, or the trainings of an experiment."""

_ANSWER = {TimeGanParameters: "seconds_a_step", TimeExperimentParameters: "seconds"}


class StepTiming(QObject):
    """Times the newest settings asked for, once for each; any job of the session ends a timing at once.

    It belongs to the session, and ends with it. A timing is not among the session's jobs: nobody asked for it.

    Parameters
    ----------
    session : Session
        The viewer's session.

    Signals
    -------
    changed : ()
        A timing has begun or ended.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._known: dict[str, float | str] = {}
        self._wanted: Timed | None = None
        self._worker = SideJob(session)
        self._worker.ended.connect(self._on_ended)
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._settling.timeout.connect(self._start)
        session.jobs_changed.connect(self._give_way)

    @property
    def busy(self) -> bool:
        """Whether steps are being timed now."""
        return self._worker.busy

    def want(self, parameters: Timed | None) -> None:
        """Time these settings soon if they are new; None wants nothing (the dock is not seen, or cannot train)."""
        if parameters != self._wanted:
            self._break_off()
        self._wanted = parameters
        if parameters is not None and parameters.model_dump_json() not in self._known and not self.busy:
            self._settling.start()

    def told(self, parameters: Timed) -> float | str | None:
        """Return how many seconds it takes (of a GAN a step), or why it cannot be trained, or None while not known."""
        return self._known.get(parameters.model_dump_json())

    def _start(self) -> None:
        if self._session.project is None or self._wanted is None or self._session.running is not None:
            return  # when a job ends, the dock asks again
        self._worker.start(self._wanted, "Timing a few steps")
        self.changed.emit()

    def _give_way(self) -> None:
        if self._session.running is not None:
            self._break_off()

    def _break_off(self) -> None:
        self._settling.stop()
        self._worker.leave()

    def _on_ended(self, last: object) -> None:
        assert self._wanted is not None
        if isinstance(last, Finished):
            self._known[self._wanted.model_dump_json()] = float(last.result[_ANSWER[type(self._wanted)]])
        elif isinstance(last, Failed):
            self._known[self._wanted.model_dump_json()] = last.message
        self.changed.emit()
