"""The runs of a kind with their states; a run's parameters can be copied into the form, and a stopped one resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_cellsynth.project.runs import RunKind
from napari_cellsynth.widgets.dock import allow, button
from napari_cellsynth.widgets.session import Session

COPY_TIP = "Put this run's recipe and settings into the form above."
RESUME_TIP = "Go on with this run where it stopped."


def resumable(run: Any) -> bool:
    """Return whether a run can be gone on with (the record of one whose process was killed says "stopped")."""
    return run.status in ("stopped", "failed")


class RunList(QWidget):
    """A table of runs, newest first.

    Parameters
    ----------
    session : Session
        The viewer's session.
    kind : str
        ``"gan"`` or ``"classifier"``.
    columns : dict of str to callable
        Heading and what it shows of a run, besides its id and status.
    """

    copied = Signal(object)
    """The run whose parameters are wanted."""
    resumed = Signal(object)
    """The run that is to go on."""
    chosen = Signal(object)
    """The run of the selected row, or None."""

    def __init__(self, session: Session, kind: RunKind, columns: dict[str, Callable[[Any], str]]) -> None:
        super().__init__()
        self._session, self._kind, self._columns = session, kind, columns
        self._runs: list[Any] = []
        self.table = QTableWidget(0, 2 + len(columns))
        self.table.setObjectName("runs")
        self.table.setToolTip("The trainings of this project, newest first.")
        self.table.setHorizontalHeaderLabels(["run", *columns, "status"])
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.copy = button("copy_parameters", "Copy parameters", COPY_TIP)
        self.resume = button("resume_run", "Resume run", RESUME_TIP)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.copy)
        row.addWidget(self.resume)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.table)
        layout.addLayout(row)
        self.copy.clicked.connect(lambda: self.copied.emit(self.selected()))
        self.resume.clicked.connect(lambda: self.resumed.emit(self.selected()))
        self.table.itemSelectionChanged.connect(self._on_selection)
        for signal in (session.project_changed, session.runs_changed, session.jobs_changed):
            signal.connect(self.refresh)
        self.refresh()

    def runs(self) -> list[Any]:
        """Return the runs shown."""
        return list(self._runs)

    def selected(self) -> Any:
        """Return the run of the selected row, or None."""
        rows = self.table.selectionModel().selectedRows()
        return self._runs[rows[0].row()] if rows else None

    def select(self, run_id: str) -> None:
        """Select a run's row."""
        for row, run in enumerate(self._runs):
            if run.id == run_id:
                self.table.selectRow(row)

    def newest_resumable(self) -> Any:
        """Return the newest run that can be gone on with, or None; only if no newer one has finished."""
        for run in self._runs:
            if resumable(run):
                return run
            if run.status == "finished":
                return None
        return None

    def refresh(self) -> None:
        """Read the runs again; the selection stays."""
        before = self.selected()
        project = self._session.project
        self._runs = [] if project is None else list(project.runs(self._kind))
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._runs))
        for row, run in enumerate(self._runs):
            for column, text in enumerate([run.id, *(show(run) for show in self._columns.values()), run.status]):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{run.id} · {run.recipe} · seed {run.seed} · {run.created}")
                item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
                self.table.setItem(row, column, item)
        self.table.setFixedHeight(28 + 22 * max(1, min(5, len(self._runs))))
        self.table.clearSelection()
        if before is not None:
            self.select(before.id)
        self.table.blockSignals(False)
        self._on_selection()

    def _on_selection(self) -> None:
        run = self.selected()
        none = "No run is selected." if self._runs else "There are no runs yet."
        allow(self.copy, none if run is None else "", COPY_TIP)
        other = "" if run is None or resumable(run) else f"{run.id} is {run.status}."
        allow(self.resume, none if run is None else other, RESUME_TIP)
        self.chosen.emit(run)
