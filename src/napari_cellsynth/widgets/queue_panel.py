"""The jobs that wait, in their order: any of them can be moved up or down, or taken out."""

from __future__ import annotations

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QAbstractItemView, QHBoxLayout, QListWidget, QVBoxLayout, QWidget

from napari_cellsynth.widgets.dock import allow, button, label
from napari_cellsynth.widgets.job_thread import JobHandle
from napari_cellsynth.widgets.session import Session

UP_TIP = "Let the selected job run earlier."
DOWN_TIP = "Let the selected job run later."
REMOVE_TIP = "Take the selected jobs out of the queue."


class QueuePanel(QWidget):
    """The session's queue; hidden where nothing waits.

    Parameters
    ----------
    session : Session
        The viewer's session; every dock's jobs are in its one queue, since one device computes one job at a time
        (several GPUs one training each).
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._waiting: list[JobHandle] = []
        self.heading = label("", "heading", name="waiting")
        self.jobs = QListWidget()
        self.jobs.setObjectName("queued_jobs")
        self.jobs.setAccessibleName("Waiting jobs")
        self.jobs.setToolTip("Jobs that wait for the running one, next first. Del takes the selected ones out.")
        self.jobs.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.up = button("move_up", "Up", UP_TIP)
        self.down = button("move_down", "Down", DOWN_TIP)
        self.remove = button("remove_job", "Remove", REMOVE_TIP)
        row = QHBoxLayout()
        row.addWidget(self.heading, 1)
        for each in (self.up, self.down, self.remove):
            row.addWidget(each)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(row)
        layout.addWidget(self.jobs)
        self.up.clicked.connect(lambda: self._move(-1))
        self.down.clicked.connect(lambda: self._move(1))
        self.remove.clicked.connect(self._remove)
        self.jobs.itemSelectionChanged.connect(self._show_buttons)
        session.jobs_changed.connect(self.refresh)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Return room for the jobs that wait, five at most."""
        rows = max(1, min(5, len(self._waiting)))
        return QSize(300, 34 + rows * max(18, self.jobs.sizeHintForRow(0)))

    def refresh(self) -> None:
        """Show the queue as it is; the selection stays."""
        chosen = self._chosen()
        self._waiting = self._session.waiting
        self.setVisible(bool(self._waiting))
        self.heading.setText(f"{len(self._waiting)} waiting")
        self.jobs.blockSignals(True)
        self.jobs.clear()
        for place, handle in enumerate(self._waiting):
            self.jobs.addItem(f"{place + 1}.  {handle.title}")
            self.jobs.item(place).setToolTip(handle.title)
            self.jobs.item(place).setSelected(handle in chosen)
        self.jobs.blockSignals(False)
        self.jobs.setFixedHeight(6 + max(1, min(5, len(self._waiting))) * max(18, self.jobs.sizeHintForRow(0)))
        self._show_buttons()

    def _chosen(self) -> list[JobHandle]:
        rows = sorted(index.row() for index in self.jobs.selectedIndexes())
        return [self._waiting[row] for row in rows if row < len(self._waiting)]

    def _show_buttons(self) -> None:
        chosen = self._chosen()
        none = "Select a job." if not chosen else "Select one job alone." if len(chosen) > 1 else ""
        place = self._waiting.index(chosen[0]) if chosen else 0
        allow(self.up, none or ("It is the next one." if place == 0 else ""), UP_TIP)
        allow(self.down, none or ("It is the last one." if place == len(self._waiting) - 1 else ""), DOWN_TIP)
        allow(self.remove, "" if chosen else "Select a job.", REMOVE_TIP)

    def _move(self, by: int) -> None:
        for handle in self._chosen():
            self._session.move_job(handle, by)

    def _remove(self) -> None:
        for handle in self._chosen():
            handle.stop()
