"""The way from one synthetic patch to another through the latent space, drawn by a worker and shown as a strip."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QVBoxLayout, QWidget

from napari_cellsynth.events import Failed, Preview
from napari_cellsynth.jobs.job import InterpolateParameters, Job
from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.sample_grid import SampleGrid
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.theme import wear_theme

STEPS = 9


class Between(QDialog):
    """A strip of patches from one to another.

    Parameters
    ----------
    session : Session
        Its queue draws the strip.
    first, last : int
        Ids of two patches of one run.
    parent : QWidget, optional
        The dock.
    """

    def __init__(self, session: Session, first: int, last: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("between")
        self.setWindowTitle("Between two patches")
        wear_theme(self, session.viewer)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.strip = SampleGrid()
        self.strip.setToolTip("Both ends are the chosen patches; the noise between them goes along an arc.")
        self.strip.setFixedSize(STEPS * 96, 98)
        self.words = label(f"Drawing the way from patch {first} to patch {last} …", "quiet", name="between_words")
        layout = QVBoxLayout(self)
        layout.addWidget(self.strip)
        layout.addWidget(self.words)
        self._done = f"From patch {first} to patch {last} in {STEPS} steps. Jumps speak for memorising."
        session.job_event.connect(self._on_event)
        parameters = InterpolateParameters(first=first, last=last, steps=STEPS)
        self._job = session.submit(Job.of(session.need_project().path, parameters), "Between two patches")
        self._job.ended.connect(self._on_ended)

    def _on_event(self, handle: object, event: object) -> None:
        if handle is self._job and isinstance(event, Preview):
            self.strip.set_images(event.images)
            self.words.setText(self._done)

    def _on_ended(self, last: object) -> None:
        if isinstance(last, Failed):
            self.reject()  # the session has said why
