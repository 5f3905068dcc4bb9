"""The bar on every dock: which project is open, what the machine has, and the job that runs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import psutil
from qtpy.QtCore import QProcess, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_cellsynth.events import Progress
from napari_cellsynth.widgets.button_text import literal
from napari_cellsynth.widgets.first_start import SampleRow
from napari_cellsynth.widgets.job_thread import JobHandle
from napari_cellsynth.widgets.labeller import add_labeller, adopt_labeller
from napari_cellsynth.widgets.merging import ask_merge
from napari_cellsynth.widgets.next_step import NextStepRow
from napari_cellsynth.widgets.recent import recent_projects, remember, settings, start_folder
from napari_cellsynth.widgets.relinking import add_relinking
from napari_cellsynth.widgets.safety import add_actions
from napari_cellsynth.widgets.session import Session

STOP_TIP = "Stop this job after its current step; what it has done so far stays."
STOP_WHICH_TIP = "Stop the running job alone, or the ones that wait for it, too."


class SessionBar(QWidget):
    """Project menu and device; below it, while there are jobs, the running one with its Stop."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._device_process: QProcess | None = None
        self.project_button = QToolButton()
        self.project_button.setObjectName("project")
        self.project_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.project_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.menu = QMenu(self.project_button)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.project_button.setMenu(self.menu)
        self.new_button = _small("new", "New…", "Make a project: a folder that keeps labels, patches and runs.")
        self.open_button = _small("open", "Open…", "Open a project folder (NAME.cellsynth).")
        self.last_button = _small("open_last", "", "Open the project that was open last.")
        self.last_button.clicked.connect(self.open_last)
        # Without a project nothing else can be done: this is the brightest button of every dock.
        self.new_button.setProperty("primary", True)
        self.new_button.clicked.connect(self.ask_new)
        self.open_button.clicked.connect(self.ask_open)
        self.device = QToolButton()
        self.device.setObjectName("device")
        self.device.setAutoRaise(True)
        self.device.setToolTip("What trainings will run on. Click to look again.")
        self.device.clicked.connect(self.look_at_device)
        self.job_title = QLabel()
        self.job_title.setObjectName("job_title")
        self.job_bar = QProgressBar()
        self.job_bar.setObjectName("job_progress")
        self.job_bar.setMaximumHeight(14)
        self.queue = QToolButton()
        self.queue.setObjectName("queue")
        self.queue.setAutoRaise(True)
        self.queue.setToolTip("The jobs that wait; choose one to take it out of the queue.")
        self.queue.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.queue_menu = QMenu(self.queue)
        self.queue_menu.aboutToShow.connect(self._fill_queue)
        self.queue.setMenu(self.queue_menu)
        self.stop = _small("stop", "Stop", STOP_TIP)
        self.stop.clicked.connect(self._on_stop)
        self.stop_menu = QMenu(self.stop)
        self._lay_out()
        self.device.setText(cpu_text())
        session.project_changed.connect(self._show_project)
        session.jobs_changed.connect(self._show_job)
        session.job_event.connect(self._on_job_event)
        self._show_project()
        self._show_job()
        # Only where there may be more than the CPU is it worth asking torch, which takes a second or two to start.
        if shutil.which("nvidia-smi") or sys.platform == "darwin":
            self.look_at_device()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        for widget in (self.project_button, self.new_button, self.open_button):
            top.addWidget(widget)
        top.addStretch(1)
        top.addWidget(self.device)
        self.job_row = QWidget()
        row = QHBoxLayout(self.job_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        column = QVBoxLayout()
        column.setSpacing(1)
        column.addWidget(self.job_title)
        column.addWidget(self.job_bar)
        row.addLayout(column, 1)
        row.addWidget(self.queue)
        row.addWidget(self.stop)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 9, 6, 2)  # napari's title of a dock lies over its first pixels
        outer.setSpacing(3)
        outer.addLayout(top)
        outer.addWidget(self.last_button)
        outer.addWidget(SampleRow(self._session))
        outer.addWidget(self.job_row)
        outer.addWidget(NextStepRow(self._session))

    # ------------------------------------------------------------------ the project
    def _show_project(self) -> None:
        project = self._session.project
        has = project is not None
        self.new_button.setVisible(not has)
        self.open_button.setVisible(not has)
        recent = [] if has else recent_projects()
        self.last_button.setVisible(bool(recent))
        if recent:
            self.last_button.setText(literal(f"Open {recent[0].name} where you left it"))
            self.last_button.setToolTip(str(recent[0]))
        read_only = " (read-only)" if project is not None and project.read_only else ""
        self.project_button.setText(f"{Path(project.path).name}{read_only} ▾" if project is not None else "no project:")
        self.project_button.setToolTip(str(project.path) if project is not None else "No project is open.")
        if project is not None:
            remember(Path(project.path))
            adopt_labeller(self._session, settings())

    def _fill_menu(self) -> None:
        menu, project = self.menu, self._session.project
        menu.clear()
        menu.addAction("New…", self.ask_new)
        menu.addAction("Open…", self.ask_open)
        menu.addAction("Merge sources…", partial(ask_merge, self._session, self))
        add_labeller(menu, self._session, settings(), self)
        recent = menu.addMenu("Open recent")
        for path in recent_projects():
            recent.addAction(literal(path.name), partial(self._session.open, path)).setToolTip(str(path))
        recent.setEnabled(bool(recent_projects()))
        menu.addSeparator()
        if project is not None:
            add_relinking(menu, self._session, self)
            several = menu.addAction("Several classes an object")
            several.setCheckable(True)
            several.setChecked(project.multi_label)
            several.setEnabled(not project.read_only)
            several.toggled.connect(self._on_several)
            menu.addAction("Export labels…", self.ask_export)
        add_actions(menu, self._session, self)
        if project is not None:
            menu.addAction("Close project", self._session.close_project)

    def ask_new(self) -> None:
        """Ask where the new project goes, and make it."""
        chosen, _ = QFileDialog.getSaveFileName(self, "New project", str(start_folder() / "untitled.cellsynth"))
        if chosen:
            path = Path(chosen)
            self._session.create(path if path.suffix == ".cellsynth" else path.with_name(f"{path.name}.cellsynth"))

    def open_last(self) -> None:
        """Open the project that was open last."""
        if recent := recent_projects():
            self._session.open(recent[0])
        else:
            self._show_project()

    def _on_several(self, on: bool) -> None:
        with self._session.reporting():
            self._session.need_project().set_multi_label(on)

    def ask_open(self) -> None:
        """Ask for a project folder, and open it."""
        chosen = QFileDialog.getExistingDirectory(self, "Open project", str(start_folder()))
        if chosen:
            self._session.open(chosen)

    def ask_export(self) -> None:
        """Ask for a file of any format, and write every object with its label into it."""
        from napari_cellsynth.project.exporting import FORMATS, export

        kinds = ";;".join(f"{each.name} (*{each.endings[0]})" for each in FORMATS if each.endings)
        chosen, _ = QFileDialog.getSaveFileName(self, "Export labels", "labels.csv", kinds)
        if chosen:
            with self._session.reporting():
                export(self._session.need_project(), Path(chosen) if Path(chosen).suffix else Path(f"{chosen}.csv"))

    # ------------------------------------------------------------------ the device
    def look_at_device(self) -> None:
        """Ask torch, in a process of its own, what it would compute on."""
        if self._device_process is not None:
            return
        process = QProcess(self)
        code = "from napari_cellsynth.training.device import describe_device; print(describe_device())"
        process.finished.connect(lambda *_: self._on_device(process))
        process.errorOccurred.connect(lambda *_: self._on_device(process))
        self._device_process = process
        self.device.setText(f"{cpu_text()} …")
        process.start(sys.executable, ["-c", code])

    def _on_device(self, process: QProcess) -> None:
        self._device_process = None
        lines = bytes(process.readAllStandardOutput()).decode(errors="replace").strip().splitlines()
        # Where torch cannot be asked (a bundled application), what is known without it stays.
        self.device.setText(lines[-1] if lines else cpu_text())

    # ------------------------------------------------------------------ jobs
    def _on_job_event(self, _handle: object, event: object) -> None:
        # Six docks have a bar each, and one is seen at a time.
        if isinstance(event, Progress) and self.isVisible():
            self._show_job()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up when the dock comes to the front."""
        super().showEvent(event)
        self._show_job()

    def _show_job(self, *_: object) -> None:
        handle, waiting = self._session.running, self._session.waiting
        self.job_row.setVisible(handle is not None)
        self.queue.setVisible(bool(waiting))
        self.queue.setText(f"+{len(waiting)}")
        if handle is None:
            return
        fraction = handle.fraction
        # A bar without an end says that something moves before the first figures come.
        self.job_bar.setRange(0, 0 if fraction is None else 1000)
        self.job_bar.setValue(0 if fraction is None else round(1000 * fraction))
        self.job_bar.setTextVisible(fraction is not None)
        note = handle.last_progress.note if handle.last_progress is not None else ""
        beside = len(self._session.running_jobs) - 1
        title = f"{handle.title} and {beside} more" if beside else handle.title
        parts = [title, note, handle.eta_text() or ("starting…" if fraction is None else "")]
        text = "   ".join(part for part in parts if part)
        self.job_title.setText(self.job_title.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, 250))
        self.job_title.setToolTip(text)
        # With jobs behind it Stop asks whether they are meant, too.
        self.stop.setText("Stop…" if waiting else "Stop")
        self.stop.setToolTip(STOP_WHICH_TIP if waiting else STOP_TIP)
        self.stop.setEnabled(bool(waiting) or not handle.stopping)

    def _fill_queue(self) -> None:
        self.queue_menu.clear()
        for handle in self._session.waiting:
            self.queue_menu.addAction(f"✕  {literal(handle.title)}", handle.stop)

    def _on_stop(self) -> None:
        running, waiting = self._session.running_jobs, self._session.waiting
        if not running:
            return
        if not waiting:
            self._stop(running[:1])
            return
        self.stop_menu.clear()
        alone = "is stopping already" if running[0].stopping else f"alone; the next is {waiting[0].title}"
        first = self.stop_menu.addAction(literal(f"{running[0].title} {alone}"), partial(self._stop, running[:1]))
        first.setEnabled(not running[0].stopping)
        every = [*running, *waiting]
        self.stop_menu.addAction(f"all {len(every)} jobs", partial(self._stop, every))
        self.stop_menu.popup(self.stop.mapToGlobal(self.stop.rect().bottomLeft()))

    def _stop(self, handles: Sequence[JobHandle]) -> None:
        self._session.stop_together(handles)
        self._show_job()


def _small(name: str, text: str, tooltip: str) -> QPushButton:
    made = QPushButton(text)
    made.setObjectName(name)
    made.setToolTip(tooltip)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made


def cpu_text() -> str:
    """Say what is known of the machine without asking torch: the cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU · {cores} core{'s' * (cores != 1)} · {free_memory_gb():.0f} GB free"


def free_memory_gb() -> float:
    """Return the memory in GB that is free for a new training."""
    return float(psutil.virtual_memory().available / 2**30)
