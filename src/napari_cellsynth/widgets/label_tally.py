"""How far the labelling has come and how fast it goes, in one line."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel

from napari_cellsynth.project import UNLABELLED
from napari_cellsynth.widgets.dock import delayed
from napari_cellsynth.widgets.label_queue import LabelQueue
from napari_cellsynth.widgets.session import Session


class LabelTally(QLabel):
    """Counts a moment after a burst of labels; a key must not wait for it.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("tally")
        self.setProperty("role", "quiet")
        self.setWordWrap(True)
        self._session = session
        self._queue: LabelQueue | None = None
        self._counting = delayed(self, 250, self._count)

    def count_soon(self, queue: LabelQueue | None) -> None:
        """Count the objects of this queue in a moment."""
        self._queue = queue
        self._counting.start()

    def _count(self) -> None:
        project, queue = self._session.project, self._queue
        self.setText("")
        if project is None or queue is None:
            return
        with self._session.reporting():
            labelled = len(queue) - queue.counts().get(UNLABELLED, 0)
            rate = project.labels_per_minute()
            self.setText(f"of {len(queue):,}: {labelled:,} labelled · {rate:.0f} a minute")
