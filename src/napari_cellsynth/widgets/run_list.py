"""The runs of a kind with their states: open, compare, copy parameters, resume, delete into the bin, take back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QItemSelectionModel, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QMessageBox,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_cellsynth.project.run_bin import size_words
from napari_cellsynth.project.runs import RunKind
from napari_cellsynth.widgets.button_text import literal
from napari_cellsynth.widgets.dock import allow, button
from napari_cellsynth.widgets.patch_list import flow_row
from napari_cellsynth.widgets.run_window import show_runs
from napari_cellsynth.widgets.session import Session

OPEN_TIP = "Show this run's settings, scores, curves and samples; those of several beside each other (Ctrl and click)."
DELETE_TIP = "Move the selected runs into the project's bin; their patches and predictions are hidden with them."
BIN_TIP = "Take a run back out of the project's bin, with its patches and predictions, or empty the bin."
COPY_TIP = "Put this run's recipe and settings into the form above."
RESUME_TIP = "Go on with this run where it stopped."


SELECT_ROW = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows


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
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setAccessibleName("Runs")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.copy = button("copy_parameters", "Copy parameters", COPY_TIP)
        self.resume = button("resume_run", "Resume run", RESUME_TIP)
        self.open = button("open_runs", "Open", OPEN_TIP)
        self.delete = button("delete_runs", "Delete", DELETE_TIP)
        self.bin = QToolButton()
        self.bin.setObjectName("bin")
        self.bin.setToolTip(BIN_TIP)
        self.bin.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.bin.setMenu(QMenu(self.bin))
        row = flow_row(self.open, self.copy, self.resume, self.delete, self.bin)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.table)
        layout.addWidget(row)
        self.open.clicked.connect(self.open_selected)
        self.table.doubleClicked.connect(lambda _index: self.open_selected())
        self.delete.clicked.connect(self.delete_selected)
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
        """Return the run of the selected row, or None; None too where several are selected."""
        runs = self.all_selected()
        return runs[0] if len(runs) == 1 else None

    def all_selected(self) -> list[Any]:
        """Return the selected runs, newest first."""
        return [self._runs[row] for row in sorted(index.row() for index in self.table.selectionModel().selectedRows())]

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

    def why_not_resume(self) -> str:
        """Return why there is no newest stopped run to go on with; empty where there is one."""
        if self.newest_resumable() is not None:
            return ""
        older = next((run.id for run in self._runs if resumable(run)), "")
        words = f"A newer run has finished; to go on with {older}, select it under Runs."
        return words if older else "No run was stopped."

    def refresh(self) -> None:
        """Read the runs again; the selection stays."""
        before = {run.id for run in self.all_selected()}
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
        for row, run in enumerate(self._runs):
            if run.id in before:
                index = self.table.model().index(row, 0)
                self.table.selectionModel().select(index, SELECT_ROW)
        self._fill_bin()
        self.table.blockSignals(False)
        self._on_selection()

    def _fill_bin(self) -> None:
        project = self._session.project
        deleted = [] if project is None else [each for each in project.deleted_runs() if each.startswith(self._kind)]
        self.bin.setText(f"Bin {len(deleted)} ▾")
        self.bin.setVisible(bool(deleted))
        menu = self.bin.menu()
        menu.clear()
        for run_id in deleted:
            menu.addAction(f"Take back {literal(run_id)}", partial(self.restore, run_id))
        if project is not None and deleted and not project.read_only:
            menu.addSeparator()
            menu.addAction("Empty the bin…", partial(self.empty_bin, deleted))

    def open_selected(self) -> None:
        """Show the selected runs in a window of their own."""
        with self._session.reporting():
            if ids := [run.id for run in self.all_selected()]:
                show_runs(self._session, ids, self)

    def delete_selected(self) -> None:
        """Move the selected runs into the bin."""
        with self._session.reporting():
            project = self._session.need_project()
            ids = [run.id for run in self.all_selected()]
            for run_id in ids:
                project.delete_run(run_id)
            self._session.inform(f"{', '.join(ids)}: in the bin, with patches and predictions. Bin ▾ takes it back.")

    def restore(self, run_id: str) -> None:
        """Take a run back out of the bin."""
        with self._session.reporting():
            self._session.need_project().restore_run(run_id)

    def empty_bin(self, run_ids: list[str]) -> None:
        """Delete runs of the bin for good, after a question that tells what that frees."""
        with self._session.reporting():
            project = self._session.need_project()
            size = size_words(project.bin_size(run_ids))
            runs = run_ids[0] if len(run_ids) == 1 else f"{len(run_ids)} runs"
            question = f"Delete {runs} for good, with patches and predictions? That frees {size} and cannot be undone."
            no, yes = QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes
            if QMessageBox.question(self, "Empty the bin", question, yes | no, no) == yes:
                gone = project.empty_bin(run_ids)
                self._session.inform(f"{', '.join(gone)}: deleted for good. {size} are free.")

    def _on_selection(self) -> None:
        run, runs = self.selected(), self.all_selected()
        none = ("Select one run alone." if runs else "No run is selected.") if self._runs else "There are no runs yet."
        allow(self.copy, none if run is None else "", COPY_TIP)
        other = "" if run is None or resumable(run) else f"{run.id} is {run.status}."
        allow(self.resume, none if run is None else other, RESUME_TIP)
        self.open.setText(f"Compare {len(runs)}" if len(runs) > 1 else "Open")
        allow(self.open, "" if runs else none, OPEN_TIP)
        allow(self.delete, ("" if runs else none) or self._why_not_delete(runs), DELETE_TIP)
        self.chosen.emit(run)

    def _why_not_delete(self, runs: list[Any]) -> str:
        if self._session.need_project().read_only:
            return "The project was opened read-only."
        waiting = {handle.job.parameters.get("resume") for handle in self._session.waiting}
        busy = next((run.id for run in runs if run.status == "running" or run.id in waiting), "")
        return f"{busy} is being trained or waits for it." if busy else ""
