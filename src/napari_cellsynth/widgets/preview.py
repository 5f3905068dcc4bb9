"""The live preview of a segmentation: the current frame, off the GUI thread, the newest settings win."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.source import ImageSource
from napari_cellsynth.jobs.job import SegmentParameters
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.outline import OPACITY, OUTLINE, plain_colors, repaint
from napari_cellsynth.widgets.session import Session

PREVIEW = "preview"
DEBOUNCE_MS = 150
"""Long enough that dragging a slider does not start a segmentation a pixel."""


class SegmentationPreview(QObject):
    """Segments the frame on the canvas and draws the outlines there.

    Signals
    -------
    computed : int, float
        Objects found and seconds taken.
    failed : str
    begun : ()
    """

    computed = Signal(int, float)
    failed = Signal(str)
    begun = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._parameters: SegmentParameters | None = None
        self._outlines_shown = True  # before a preview took their place
        self._worker = Background(self)
        session.workers.append(self._worker)
        self._worker.done.connect(self.draw)
        self._worker.failed.connect(self._on_failed)
        # Outlines of one frame must not lie over another, nor those that are still being computed.
        session.frame_changed.connect(self._on_frame)
        self._debounce = QTimer(self)
        self._debounce.setSingleShot(True)
        self._debounce.setInterval(DEBOUNCE_MS)
        self._debounce.timeout.connect(self._compute)

    def ask(self, parameters: SegmentParameters) -> None:
        """Preview these parameters on the current frame soon."""
        self._parameters = parameters
        self._debounce.start()

    def remove(self) -> None:
        """Take the preview off the canvas and bring the project's objects back."""
        self._debounce.stop()
        self._worker.forget()
        viewer, layer, objects = self._session.viewer, self._layer(), self._session.layers.objects_layer
        if viewer is None or layer is None:
            return
        viewer.layers.remove(layer)
        if objects is not None:
            objects.visible = self._outlines_shown

    def _on_frame(self, _image_id: int, _frame: int) -> None:
        self.remove()

    def _compute(self) -> None:
        session, parameters = self._session, self._parameters
        if session.project is None or session.current_image_id is None or parameters is None:
            return
        image_id, frame = session.current_image_id, session.current_frame
        pixels = session.frames.get(image_id, frame)
        try:
            source = session.project.source(image_id)
        except UserError as error:
            self._on_failed(error)
            return
        self.begun.emit()
        self._worker.run(partial(_segment, source, frame, pixels, parameters))

    def draw(self, labels: NDArray[np.int32], seconds: float) -> None:
        """Draw what was found in the frame on the canvas."""
        viewer, layer, objects = self._session.viewer, self._layer(), self._session.layers.objects_layer
        if viewer is None or self._session.current_image_id is None:
            return
        if layer is None:
            self._outlines_shown = objects is None or objects.visible
            active = viewer.layers.selection.active
            # As the project's objects look, whose place it takes.
            look = {"opacity": OPACITY, "colormap": plain_colors(OUTLINE)}
            layer = self._session.layers.add(PREVIEW, "add_labels", labels, name=PREVIEW, **look)
            self._session.outlines.draw(layer)
            # Adding a layer selects it; the person had another one in hand.
            viewer.layers.selection.active = active
        else:
            repaint(layer, labels)
        if objects is not None:
            objects.visible = False
        self.computed.emit(int(labels.max(initial=0)), seconds)

    def _on_failed(self, error: UserError) -> None:
        self.remove()
        self.failed.emit(str(error))

    def _layer(self) -> Any:
        return self._session.layers.ours(PREVIEW)


def _segment(
    source: ImageSource, frame: int, pixels: NDArray[Any] | None, parameters: SegmentParameters
) -> NDArray[np.int32]:
    from napari_cellsynth.jobs.segmenting import segment_frame

    return segment_frame(source.frame(frame) if pixels is None else pixels, parameters, name=f"Frame {frame + 1}")
