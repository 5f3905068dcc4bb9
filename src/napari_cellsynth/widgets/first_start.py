"""Try it with the sample: a simulated project with labels and small trained models, made by a process of its own."""

from __future__ import annotations

import os
import sys
from multiprocessing.spawn import get_executable
from pathlib import Path

from qtpy.QtCore import QObject, QProcess, QStandardPaths, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.widgets.session import Session

TRY_TIP = (
    "Make a small project of simulated colonies, with labels, trained models, patches and predictions, and open it: "
    "about a minute. It goes into the folder “CellSynth sample” among your documents."
)
STEPS = ("simulate", "segment", "label", "hold out", "train a GAN", "train on real crops +", "predict", "draw")
"""How the demo's lines begin, in order; the bar goes by them."""

_START = "import sys; sys.path[:] = {path!r}; sys.argv = ['napari-cellsynth', *{words!r}]; {rest}"
_MAIN = "from napari_cellsynth.cli import main; main()"
QUIT_MS = 3000


def sample_folder() -> Path:
    """Return where the sample goes: among the person's documents, else at home."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    place = Path(documents) if documents and Path(documents).is_dir() else Path.home()
    return place / "CellSynth sample"


class Sample(QObject):
    """Makes the sample, or opens the one that was made before; one for all docks of a session.

    Use `sample_of`; do not make it yourself.
    """

    changed = Signal()
    """It has begun, come further, or ended."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._process: QProcess | None = None
        self._said = ""
        self.step = ""
        self.done_steps = 0
        session.workers.append(self)

    @property
    def busy(self) -> bool:
        """Whether it is being made."""
        return self._process is not None

    def start(self) -> None:
        """Open the sample where there is a whole one, else make it."""
        folder = sample_folder()
        if (folder / "result.json").is_file() and (folder / "demo.cellsynth").is_dir():
            self._session.open(folder / "demo.cellsynth")
            return
        if self.busy:
            return
        words = ["demo", "--preset", "smoke", "--out", str(folder)]
        process = QProcess(self)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.readyRead.connect(self._on_words)
        process.finished.connect(lambda *_: self._on_finished())
        process.errorOccurred.connect(lambda *_: self._on_finished())
        self._process, self._said, self.step, self.done_steps = process, "", "starting", 0
        process.start(os.fsdecode(get_executable()), ["-c", _START.format(path=sys.path, words=words, rest=_MAIN)])
        self.changed.emit()

    def stop(self) -> None:
        """End the making; what there is of the sample is replaced the next time."""
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)
            process.kill()
            process.waitForFinished(QUIT_MS)
            process.deleteLater()
            self.changed.emit()

    def shut_down(self) -> None:
        """End with the session."""
        self.blockSignals(True)
        self.stop()

    def _on_words(self) -> None:
        if self._process is None:
            return
        self._said += bytes(self._process.readAll()).decode(errors="replace")
        lines = [line[1:].strip() for line in self._said.splitlines() if line.startswith("·")]
        if lines and lines[-1] != self.step:
            self.step = lines[-1]
            places = [place for place, begins in enumerate(STEPS) if self.step.startswith(begins)]
            self.done_steps = max([self.done_steps, *places])
            self.changed.emit()

    def _on_finished(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self._said += bytes(process.readAll()).decode(errors="replace")
        process.deleteLater()
        self.changed.emit()
        folder = sample_folder()
        if (folder / "result.json").is_file():
            self._session.open(folder / "demo.cellsynth")
        else:
            last = next((line for line in reversed(self._said.splitlines()) if "error" in line.lower()), "")
            words = last.removeprefix("error:").strip(" .") or "it ended too early"
            self._session.report(UserError(f"The sample could not be made: {words}.", "Try: napari-cellsynth demo"))


def sample_of(session: Session) -> Sample:
    """Return the session's one sample."""
    found = session.findChild(Sample)
    return found if found is not None else Sample(session)


class SampleRow(QWidget):
    """The button while no project is open, and how far the sample is while it is being made.

    Parameters
    ----------
    session : Session
        The viewer's session, which opens the sample.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._sample = session, sample_of(session)
        self.button = QPushButton("Try it with the sample")
        self.button.setObjectName("try_sample")
        self.button.setToolTip(TRY_TIP)
        self.words = QLabel()
        self.words.setObjectName("sample_step")
        self.bar = QProgressBar()
        self.bar.setObjectName("sample_progress")
        self.bar.setToolTip("How far the sample is.")
        self.bar.setMaximumHeight(14)
        self.bar.setTextVisible(False)
        self.bar.setRange(0, len(STEPS))
        self.stop = QPushButton("Stop")
        self.stop.setObjectName("stop_sample")
        self.stop.setToolTip("Do not make the sample.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        row.addWidget(self.words, 1)
        row.addWidget(self.bar, 1)
        row.addWidget(self.stop)
        self.button.clicked.connect(self._sample.start)
        self.stop.clicked.connect(self._sample.stop)
        self._sample.changed.connect(self.refresh)
        session.project_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what there is to say."""
        busy = self._sample.busy
        self.button.setVisible(not busy)
        for widget in (self.words, self.bar, self.stop):
            widget.setVisible(busy)
        self.words.setText(f"Sample: {self._sample.step}" if busy else "")
        self.bar.setValue(self._sample.done_steps)
        self.setVisible(busy or self._session.project is None)
