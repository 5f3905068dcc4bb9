"""What a classifier looks at in the chosen object: asked with a click, computed in a worker, shown as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_cellsynth.events import Finished
from napari_cellsynth.jobs.job import EXPLANATIONS, ExplainParameters, Job
from napari_cellsynth.widgets.dock import allow, button, label
from napari_cellsynth.widgets.patch_list import choice_box
from napari_cellsynth.widgets.picture_window import show_pictures
from napari_cellsynth.widgets.session import Session

WORDS = {
    "grad-cam": "Where the last convolution found what speaks for the class.",
    "guided-backprop": "Which pixels speak for the class, where the network was active.",
    "deconvolution": "Which pixels the answer leads back to.",
    "occlusion": "How much surer or less sure the answer is with each square uncovered.",
    "feature-maps": "What every convolution makes of the crop, layer by layer.",
    "kernels": "The kernels of the first convolution.",
}
EXPLAIN_TIP = "Draw what the shown classifier looks at in the object that is selected on the canvas or in a dock."
_WIDTH = 330


class ExplainPanel(QWidget):
    """Asks for explanations of the current object and shows them.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._run: Any = None
        self._object: int | None = None
        self._shown: list[tuple[str, Path]] = []
        tip = "\n".join(f"{name}: {words}" for name, words in WORDS.items())
        self.method = choice_box("method", tip, ("all", *(name for name in WORDS if name in EXPLANATIONS)))
        self.explain = button("explain", "Explain", EXPLAIN_TIP)
        self.enlarge = button("enlarge", "Enlarge", "Show the pictures in a window of their own.")
        self.told = label("", "quiet", name="explained", wrap=True)
        self.picture = QLabel()
        self.picture.setObjectName("explanation")
        self.picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        row = QHBoxLayout()
        row.addWidget(self.method, 1)
        row.addWidget(self.explain)
        row.addWidget(self.enlarge)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.told)
        layout.addWidget(self.picture)
        self.explain.clicked.connect(self._on_explain)
        self.enlarge.clicked.connect(lambda: show_pictures(self, self.told.text(), self._shown))
        session.current_object_changed.connect(self._on_object)
        session.project_changed.connect(self._on_project)
        session.job_event.connect(self._on_event)
        self._show()

    def show_run(self, run: Any) -> None:
        """Explain the answers of this finished run from now on (None: there is none)."""
        self._run = run
        self._show()

    def _on_object(self, object_id: int) -> None:
        self._object = object_id
        self._show()

    def _on_project(self) -> None:
        self._run, self._object, self._shown = None, None, []
        self.picture.clear()
        self.told.clear()
        self._show()

    def _show(self) -> None:
        nothing = "" if self._run is not None else "No classifier has been trained yet."
        why_not = nothing or ("" if self._object is not None else "Select an object on the canvas or in a dock.")
        allow(self.explain, why_not, EXPLAIN_TIP)
        self.explain.setText("Explain" if self._object is None else f"Explain object {self._object}")
        self.enlarge.setVisible(bool(self._shown))
        self.told.setVisible(bool(self.told.text()))
        self.picture.setVisible(bool(self._shown))

    def _on_explain(self) -> None:
        with self._session.reporting():
            chosen = self.method.currentText()
            methods = list(EXPLANATIONS) if chosen == "all" else [chosen]
            parameters = ExplainParameters(object=int(self._object or 0), run=self._run.id, methods=methods)
            job = Job.of(self._session.need_project().path, parameters)
            self._session.submit(job, f"Explain · object {self._object}")

    def _on_event(self, handle: Any, event: Any) -> None:
        if handle.job.kind == "explain" and isinstance(event, Finished):
            result = event.result
            self._shown = [(method, Path(file)) for method, file in result["pictures"].items()]
            share = result["probabilities"][result["class"]]
            self.told.setText(f"{result['run']} · object {result['object']} · {result['class']} {share:.0%}")
            first = QPixmap(str(self._shown[0][1]))
            self.picture.setPixmap(first.scaledToWidth(_WIDTH, Qt.TransformationMode.SmoothTransformation))
            self._show()
