"""The row that draws artificial patches of a class, without a GAN."""

from __future__ import annotations

from typing import get_args

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QWidget

from napari_cellsynth.jobs.job import DrawParameters, Job
from napari_cellsynth.widgets.dock import allow, button
from napari_cellsynth.widgets.session import Session

DRAWINGS = get_args(DrawParameters.model_fields["drawing"].annotation)
TIP = "Draw these artificial patches into the project; they are reviewed and trained on like those of a GAN."


class DrawRow(QWidget):
    """Chooses a drawing, the class it stands for and how many patches, and submits the job.

    Parameters
    ----------
    session : Session
        Whose project gets the patches.
    size : QComboBox
        Whose current data is the side of a patch.
    """

    def __init__(self, session: Session, size: QComboBox) -> None:
        super().__init__()
        self._session, self._size = session, size
        self.drawing = _box("drawing", "circle, rings: particles filled with Perlin noise; the others: colonies.")
        self.drawing.addItems(list(DRAWINGS))
        self.of_class = _box("draw_class", "The class that the patches stand for.")
        self.count = QSpinBox()
        self.count.setObjectName("draw_count")
        self.count.setRange(1, 100_000)
        self.count.setValue(500)
        self.count.setSingleStep(100)
        self.count.setToolTip("How many patches.")
        self.draw = button("draw", "Draw", TIP)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.drawing, self.of_class, self.count, self.draw):
            row.addWidget(widget)
        self.draw.clicked.connect(self._on_draw)

    def refresh(self) -> None:
        """Read the project's classes again."""
        project = self._session.project
        names = [] if project is None else [record.name for record in project.classes()]
        if [self.of_class.itemText(row) for row in range(self.of_class.count())] != names:
            chosen = self.of_class.currentText()
            self.of_class.clear()
            self.of_class.addItems(names)
            self.of_class.setCurrentText(chosen)
        labelled = project is not None and len(project.training_objects()) > 0
        allow(self.draw, "" if labelled else "Label some crops first: they say how bright patches are.", TIP)

    def _on_draw(self) -> None:
        with self._session.reporting():
            parameters = DrawParameters(
                class_name=self.of_class.currentText(),
                drawing=self.drawing.currentText(),
                n=self.count.value(),
                size=int(self._size.currentData()),
            )
            project = self._session.need_project()
            self._session.submit(Job.of(project.path, parameters), f"Draw · {parameters.class_name}")


def _box(name: str, tooltip: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setToolTip(tooltip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(5)
    return box
