"""The part of the Evaluate dock that shows classes over time, with a line at the frame that the canvas shows."""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QColor, QDesktopServices
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.over_time import FRAMES, GROUP_FRAMES, class_table
from napari_cellsynth.jobs.job import Job, OverTimeParameters
from napari_cellsynth.jobs.object_classes import classes_of, followed, transition_words, transitions
from napari_cellsynth.jobs.over_time import matrix
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.dock import allow, button, delayed, label
from napari_cellsynth.widgets.figure_table import FigureTable
from napari_cellsynth.widgets.plot import Plot
from napari_cellsynth.widgets.session import Session

SETTLE_MS = 300
"""What comes in bursts (labels, a click after the other) is counted once it has settled."""

WRITE_TIP = "Write these counts of all videos and groups as CSV files and one page, and open the page."
PLOT_TIP = (
    "Fraction of the objects by class: corrected for the classifier's errors, with 95 % bands (dotted: not corrected). "
    "Click a frame to see it."
)
_ALPHA = 40


class _Shown(NamedTuple):
    """What the plot shows: rows by frame, words, and the transitions as a matrix (None: nothing to follow)."""

    table: pd.DataFrame
    colours: dict[str, str]
    words: str
    moves: pd.DataFrame | None


class OverTimePanel(QWidget):
    """Shows the classes of one video or group over its frames, and what objects that can be followed turn into.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.choice = QComboBox()
        self.choice.setObjectName("over_time_of")
        self.choice.setToolTip("The video or group that is shown; it follows the image on the canvas.")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.plot = Plot("over_time", PLOT_TIP, self._prepare)
        self.plot.setFixedHeight(190)
        self.plot.themed.connect(self._paint_now)
        self.now: Any = None
        """The line at the frame that the canvas shows, once there is a plot."""
        self.legend = label("", name="over_time_legend", wrap=True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.words = label("", "quiet", name="over_time_words", wrap=True)
        self.moves = FigureTable("transitions", ["from → to"], "How often a followed object went from class to class.")
        self.write = button("write_over_time", "Write tables", WRITE_TIP)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.choice, self.plot, self.legend, self.words, self.moves, self.write):
            layout.addWidget(widget)
        self.shown: _Shown | None = None
        self._ask = delayed(self, SETTLE_MS, self._on_ask)
        self._background = Background(self)
        self._background.done.connect(self._on_counted)
        self._background.failed.connect(self._on_nothing)
        self.destroyed.connect(self._background.shut_down)
        self.choice.activated.connect(lambda _row: self._ask.start())
        self.write.clicked.connect(self._on_write)
        session.frame_changed.connect(self._on_frame)
        session.job_event.connect(self._on_job_event)
        self.refresh()

    def _prepare(self, canvas: Any) -> None:
        canvas.setMouseEnabled(False, False)
        canvas.setLabel("bottom", "frame")
        canvas.setYRange(0, 1)
        canvas.scene().sigMouseClicked.connect(self._on_click)

    def _paint_now(self) -> None:
        if self.now is not None:
            self.now.setPen(self.plot.colors.text)

    # ------------------------------------------------------------------ what is shown
    def refresh(self) -> None:
        """Read the videos and groups, and count again."""
        project = self._session.project
        images = None if project is None else project.images()
        before = self.choice.currentText()
        self.choice.clear()
        if images is not None:
            for image_id, row in images[images["frames"] > 1].iterrows():
                self.choice.addItem(str(row["name"]), ("video", str(row["name"]), int(image_id)))
            sizes = images[images["frames"] > 1].groupby("group").size()
            for group in sizes.index[sizes > 1]:  # a group of one video is that video
                self.choice.addItem(f"all of {group}", ("group", str(group), 0))
        self.choice.setCurrentIndex(max(0, self.choice.findText(before)))
        if not before:
            self._choose_shown()
        why_not = "No project is open." if project is None else ""
        if images is not None and not self.choice.count():
            why_not = "No image has several frames."
        self.setEnabled(not why_not)
        if why_not:
            self._on_nothing(UserError(why_not))
        else:
            self._ask.start()

    def _choose_shown(self) -> None:
        """Choose the video on the canvas."""
        for row in range(self.choice.count()):
            kind, _, image_id = self.choice.itemData(row)
            if kind == "video" and image_id == self._session.current_image_id:
                self.choice.setCurrentIndex(row)

    def _on_ask(self) -> None:
        project, chosen = self._session.project, self.choice.currentData()
        if project is None or chosen is None:
            return
        path = project.path

        def work() -> _Shown:
            with Project.open(path, read_only=True) as opened:
                return _counted(opened, *chosen)

        self._background.run(work)

    def _on_counted(self, shown: _Shown, _seconds: float) -> None:
        self.shown = shown
        self._draw()
        self.plot.show()
        self.words.setText(shown.words)
        self.moves.setVisible(shown.moves is not None)
        if shown.moves is not None:
            self.moves.setColumnCount(1 + len(shown.moves.columns))
            self.moves.setHorizontalHeaderLabels(["from → to", *map(str, shown.moves.columns)])
            self.moves.fill([[str(name), *map(str, row)] for name, *row in shown.moves.itertuples()])
        allow(self.write, "", WRITE_TIP)

    def _on_nothing(self, problem: UserError) -> None:
        self.shown = None
        self.plot.hide()
        self.legend.setText("")
        self.moves.hide()
        self.words.setText(" ".join(part for part in (problem.message, problem.hint) if part))
        allow(self.write, problem.message, WRITE_TIP)

    def _draw(self) -> None:
        from pyqtgraph import FillBetweenItem, mkPen

        assert self.shown is not None
        self.plot.clear()
        canvas = self.plot.canvas
        words = []
        for name, rows in self.shown.table.groupby("class", sort=False):
            colour = QColor(self.shown.colours[str(name)])
            faint = QColor(colour)
            faint.setAlpha(_ALPHA)
            x, raw = rows["frame"].to_numpy(float), rows["fraction"].to_numpy(float)
            corrected = rows["corrected_fraction"].to_numpy(float)
            has_bands = bool(np.isfinite(corrected).any())
            if has_bands:
                ends = (rows[end].to_numpy(float) for end in ("fraction_low", "fraction_high"))
                low, high = (canvas.plot(x, end, pen=faint) for end in ends)
                canvas.addItem(FillBetweenItem(low, high, brush=faint))
                canvas.plot(x, raw, pen=mkPen(colour, width=1, style=Qt.PenStyle.DotLine))
            line = corrected if has_bands else raw
            canvas.plot(x, line, pen=mkPen(colour, width=2), symbol="o", symbolSize=4, symbolBrush=colour)
            words.append(f'<span style="color:{colour.name()}">●</span>&nbsp;{escape(str(name))}')
        frames = self.shown.table["frame"]
        canvas.setXRange(float(frames.min()), float(max(frames.max(), frames.min() + 1)))
        self.now = canvas.addLine(x=self._session.current_frame)
        self._paint_now()
        self.legend.setText(" &nbsp; ".join(words))

    # ------------------------------------------------------------------ the canvas
    def _on_frame(self, image_id: int, frame: int) -> None:
        if self.now is not None:
            self.now.setValue(frame)
        chosen = self.choice.currentData()
        if chosen is not None and chosen[0] == "video" and chosen[2] != image_id:
            self._choose_shown()
            self._ask.start()

    def _on_click(self, event: Any) -> None:
        box = self.plot.canvas.plotItem.vb
        if box.sceneBoundingRect().contains(event.scenePos()):
            self.show_frame(round(box.mapSceneToView(event.scenePos()).x()))

    def show_frame(self, frame: int) -> None:
        """Bring a frame of the shown video onto the canvas; of a group's, the frame of the image that is there."""
        chosen = self.choice.currentData()
        if chosen is None or self.shown is None:
            return
        kind, name, image_id = chosen
        with self._session.reporting():
            if kind == "group":
                images = self._session.need_project().images()
                members = images.index[images["group"] == name].tolist()
                shown = self._session.current_image_id
                image_id = shown if shown in members else int(members[0])
            self._session.layers.show_frame(image_id, frame)

    # ------------------------------------------------------------------ what is done
    def _on_write(self) -> None:
        with self._session.reporting():
            job = Job.of(self._session.need_project().path, OverTimeParameters())
            self._session.submit(job, "Classes over time")

    def _on_job_event(self, handle: Any, event: Any) -> None:
        if handle.job.kind == "over-time" and (report := (getattr(event, "result", None) or {}).get("report")):
            QDesktopServices.openUrl(QUrl.fromLocalFile(report))


def _counted(project: Project, kind: str, name: str, image_id: int) -> _Shown:
    """Count the classes of a video or group by frame; off the GUI thread."""
    found = classes_of(project)
    chosen = found.objects[found.objects[kind] == name]
    if not ((chosen["label"] >= 0) | (chosen["predicted"] >= 0)).any():
        raise UserError(f"No object of {name} is labelled or predicted yet.", "Run the classifier on all frames.")
    by = FRAMES if kind == "video" else GROUP_FRAMES
    table = class_table(chosen, found.names, found.confusion, by)
    words = [] if found.run is None else [f"Labels, and {found.run} where there are none."]
    moves = None
    if kind == "video":
        pairs = pd.concat(list(followed(project, image_id)))
        words.append(transition_words(found, pairs))
        moves = matrix(transitions(found, pairs)) if len(pairs) else None
    return _Shown(table, found.colours, " ".join([*words, *found.notices]), moves)
