"""Any Labels layer of the viewer as a frame's or a whole series' objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy, QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.by_hand import Correction, take_masks
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.dock import allow, button, label
from napari_cellsynth.widgets.rows import row_of
from napari_cellsynth.widgets.session import Session

FRAME_TIP = "Make this layer's objects the objects of the frame on the canvas; labels are carried over by overlap."
SERIES_TIP = "Make this layer's objects the objects of every frame of the image on the canvas."


class TakeLayer(QWidget):
    """Chooses a Labels layer that is not the project's own, and takes its objects over off the GUI thread.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    taken = Signal(object)
    """The `Correction` of the last frame, with the sums of all."""
    failed = Signal(object)
    _passed = Signal(int, int)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._stopping = False
        self._why_not = ""
        self.choice = QComboBox()
        self.choice.setObjectName("from_layer")
        self.choice.setToolTip("A Labels layer of another plugin, or one that you have painted yourself.")
        self.choice.setAccessibleName("Labels layer")
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.frame = button("take_frame", "Take for this frame", FRAME_TIP)
        self.series = button("take_series", "for all frames", SERIES_TIP)
        self.progress = label("", "quiet", name="take_progress")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row_of(label("Labels layer"), self.choice, stretch=1))
        layout.addLayout(row_of(self.frame, self.series, self.progress))
        self._background = Background(self)
        session.workers.append(self)
        self._background.done.connect(self._on_done)
        self._background.failed.connect(self._on_failed)
        self._passed.connect(lambda done, total: self.progress.setText(f"frame {done} of {total}"))
        self.frame.clicked.connect(lambda: self.take(whole=False))
        self.series.clicked.connect(lambda: self.take(whole=True))
        for event in ("inserted", "removed", "changed"):
            getattr(session.viewer.layers.events, event).connect(self._read_layers)
        self.destroyed.connect(self._background.shut_down)
        self._read_layers()

    def shut_down(self) -> None:
        """Stop after the frame in hand and end the thread."""
        self._stopping = True
        self._background.shut_down()

    def set_why_not(self, why_not: str) -> None:
        """Switch the buttons off with a reason, or on."""
        self._why_not = why_not
        self._show_buttons()

    def take(self, *, whole: bool) -> None:
        """Take the chosen layer's objects for the frame on the canvas, or for the whole series."""
        session, layer = self._session, self.choice.currentData()
        image_id = session.current_image_id
        if layer is None or image_id is None:
            return
        try:
            masks = _pixels_of(layer)
            frame = None if whole else session.current_frame
            _check_place(layer, session.layers.image_layers[0])
        except UserError as error:
            self.failed.emit(error)
            return
        path, total = (
            Path(session.need_project().path),
            1 if not whole else session.layers.image_layers[0].data.shape[0],
        )
        self.progress.setText("…")
        self._background.run(lambda: self._work(path, image_id, masks, frame, layer.name, total))
        self._show_buttons()

    # ------------------------------------------------------------------ inside
    def _work(
        self, path: Path, image_id: int, masks: Any, frame: int | None, name: str, total: int
    ) -> Correction | None:
        """Take the frames over, in the working thread; the window notices what has changed."""
        last: Correction | None = None
        with Project.open(path) as project:
            for done, correction in enumerate(take_masks(project, image_id, masks, frame=frame, name=name), start=1):
                last = correction if last is None else _sum(last, correction)
                self._passed.emit(done, total)
                if self._stopping:
                    break
        return last

    def _on_done(self, done: Correction | None, _seconds: float) -> None:
        self.progress.setText("")
        self._session.others.look()
        if done is not None:
            self.taken.emit(done)
        self._show_buttons()

    def _on_failed(self, error: UserError) -> None:
        self.progress.setText("")
        self._session.others.look()
        self.failed.emit(error)
        self._show_buttons()

    def _read_layers(self, _event: Any = None) -> None:
        from napari.layers import Labels

        viewer, before = self._session.viewer, self.choice.currentData()
        self.choice.clear()
        for layer in viewer.layers if viewer is not None else ():
            if isinstance(layer, Labels) and not self._session.layers.owns(layer):
                self.choice.addItem(layer.name, layer)
                if layer is before:
                    self.choice.setCurrentIndex(self.choice.count() - 1)
        self._show_buttons()

    def _show_buttons(self) -> None:
        # Layers of other plugins are rare: the row is there when there is one.
        self.setVisible(self.choice.count() > 0)
        why_not = self._why_not or ("A layer is being taken over." if self._background.busy else "")
        allow(self.frame, why_not, FRAME_TIP)
        allow(self.series, why_not, SERIES_TIP)


def _pixels_of(layer: Any) -> Any:
    """Return a layer's numbers at full resolution; axes of length 1 before the frame's are left out."""
    data = layer.data[0] if layer.multiscale else layer.data
    shape = tuple(int(length) for length in data.shape)
    if len(shape) > 3 and any(length != 1 for length in shape[1:-2]):
        raise UserError(f"{layer.name} has {len(shape)} axes.", "A label image has time, Y and X.")
    while len(data.shape) > 3:
        data = data[:, 0]
    # A person may paint on while it is written; what lies in memory is copied.
    return data.copy() if isinstance(data, np.ndarray) else data


def _check_place(layer: Any, image: Any) -> None:
    """Refuse a layer that is turned or moved against the image: pixel by pixel it would give other objects."""
    corner = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))[-2:]
    expected = np.asarray(image.data_to_world(np.zeros(image.ndim)))[-2:]
    matrix = (
        np.asarray(layer.affine.linear_matrix)[-2:, -2:]
        @ np.asarray(layer._transforms["data2physical"].linear_matrix)[-2:, -2:]
    )
    if not np.allclose(corner, expected, atol=0.5) or not np.allclose(matrix, np.diag(np.diag(matrix))):
        raise UserError(f"{layer.name} is moved or turned against the image.", "Put it back onto the image's pixels.")


def _sum(one: Correction, other: Correction) -> Correction:
    return Correction(
        image_id=other.image_id,
        frame=other.frame,
        objects=one.objects + other.objects,
        new=one.new + other.new,
        gone=one.gone + other.gone,
        carried=one.carried + other.carried,
        orphans=one.orphans + other.orphans,
        learnt_from_by=sorted({*one.learnt_from_by, *other.learnt_from_by}),
        in_pieces=one.in_pieces + other.in_pieces,
    )
