"""What the canvas shows of the project: one image's pixels, and the objects of the current frame.

The ``objects`` layer holds the instance labels of the current frame only (Y, X): it follows the time slider, which
keeps it quick whatever the number of frames, and its ``features`` table says what each label is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from qtpy.QtCore import QTimer

from napari_cellsynth.errors import UserError
from napari_cellsynth.widgets.camera_place import look_at
from napari_cellsynth.widgets.canvas_frames import CanvasFrames
from napari_cellsynth.widgets.canvas_keys import bind_canvas
from napari_cellsynth.widgets.frame_objects import FrameObjects
from napari_cellsynth.widgets.frames_ahead import FramesAhead
from napari_cellsynth.widgets.object_words import ObjectWords
from napari_cellsynth.widgets.outline import OPACITY, OUTLINE, plain_colors, repaint, stroke_of
from napari_cellsynth.widgets.own_layers import OwnLayers

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

IMAGE, OBJECTS = "image", "objects"

RETELL_MS = 200
"""Labels come in bursts; what the canvas says of the objects is made once after a burst."""


class ProjectLayers(OwnLayers):
    """The session's layers in the viewer.

    Attributes
    ----------
    image_id : int or None
        The project image on the canvas.
    frame : int
        The frame on the canvas.
    objects : FrameObjects
        The objects of that frame, and words about them.
    frame_is_segmented : bool
        Whether that frame has been segmented (it may still hold no object).
    """

    def __init__(self, session: Session, viewer: Any) -> None:
        self._session = session
        super().__init__(viewer)
        self._pixels = CanvasFrames(session)
        self.image_id: int | None = None
        self.frame = 0
        self.frame_is_segmented = False
        self.veiled = False
        self.ahead = FramesAhead(session)
        self.objects = FrameObjects(session, self.ahead)
        self.words = ObjectWords(session, self)
        # The point also moves within a step of a coarser layer, and the steps where a layer that comes or goes ends.
        viewer.dims.events.point.connect(self._on_slider)
        viewer.dims.events.current_step.connect(self._on_slider)
        session.objects_changed.connect(self._on_objects)
        # The table behind the tooltips follows a moment after the labels; a key must not wait for it.
        self._retelling = QTimer(session)
        self._retelling.setSingleShot(True)
        self._retelling.setInterval(RETELL_MS)
        self._retelling.timeout.connect(self._retell)
        session.labels_changed.connect(self._on_labels)
        for name in ("classes", "predictions", "suggestions"):
            getattr(session, f"{name}_changed").connect(self.retell_soon)

    # ------------------------------------------------------------------ for the docks
    @property
    def objects_layer(self) -> Any:
        """The Labels layer of the current frame's objects, or None."""
        return self.ours(OBJECTS)

    @property
    def image_layers(self) -> list[Any]:
        """The Image layers of the shown image (several where its channels are apart)."""
        return [layer for layer in self._own() if self._kinds[layer] == IMAGE]

    def frame_objects(self) -> pd.DataFrame:
        """Return the objects of the current frame.

        Returns
        -------
        DataFrame
            As `Project.objects`, without the source and with the newest prediction: ``predicted_id`` (0: none) and
            ``predicted`` (all classes that were given, a tuple), ``confidence``, ``entropy`` and ``margin`` (NaN:
            none), and whether it is ``unsure``. While a live model suggests classes, those stand in their place.
        """
        return self.objects.table(self.image_id, self.frame)

    def object_at(self, label: int) -> int | None:
        """Return the id of the current frame's object with this value in the ``objects`` layer."""
        self.frame_objects()
        return self.objects.with_mask(label)

    def object_at_position(self, position: Any) -> int | None:
        """Return the id of the object at a place in world coordinates (also where the outlines are hidden), or None."""
        layer = self.objects_layer
        if layer is None:
            return None
        y, x = (round(float(value)) for value in layer.world_to_data(position)[-2:])
        inside = 0 <= y < layer.data.shape[0] and 0 <= x < layer.data.shape[1]
        value = int(layer.data[y, x]) if inside else 0
        return self.object_at(value) if value else None

    def object_under_pointer(self) -> int | None:
        """Return the id of the object under the pointer, or None."""
        viewer = self._viewer()
        return None if viewer is None else self.object_at_position(viewer.cursor.position)

    # ------------------------------------------------------------------ showing
    def show(self, image_id: int) -> None:
        """Put the image and its objects on the canvas.

        Raises
        ------
        UserError
            Where the image's file is gone or broken.
        """
        viewer = self._viewer()
        # The person may have taken the image off the canvas by hand and want it back.
        if viewer is None or (image_id == self.image_id and self.image_layers):
            return
        project = self._session.need_project()
        source = project.source(image_id)
        name = str(project.images().loc[image_id, "name"])
        self._remove()
        # Until the image is in, `image_id` stays None: napari moves the slider while it inserts a layer, and following
        # it then would insert the objects inside of that insertion.
        self._add_image(image_id, name, source)
        viewer.dims.set_point(viewer.dims.ndim - 3, 0)
        self.image_id, self.frame = image_id, 0
        self.refresh()
        viewer.reset_view()
        self._session.frame_changed.emit(image_id, self.frame)

    def outline_only(self, labels: Sequence[int] | None) -> None:
        """Outline only the objects with these numbers in the mask; None: all of them."""
        layer = self.objects_layer
        if layer is None or (labels is None and layer.metadata.get("outlined") is None):
            return
        if labels is None:
            layer.metadata.pop("outlined")
        else:
            # The last place stands for numbers beyond the table.
            table = np.zeros(int(np.max(layer.data, initial=0)) + 2, bool)
            table[np.asarray(labels, np.int64)] = True
            layer.metadata["outlined"] = table
        layer.refresh()

    def veil(self, on: bool) -> None:
        """Hide the outlines while a copy of the objects is being corrected in their place, or bring them back."""
        self.veiled = on
        if (layer := self.objects_layer) is not None:
            layer.visible = not on
        self._session.frame_objects_changed.emit()

    def _add_image(self, image_id: int, name: str, source: Any) -> None:
        pixels, channels = self._pixels.of(image_id, source), source.shape[1]
        if channels == 1:
            self.add(IMAGE, "add_image", pixels[:, 0], name=name)
        elif channels == 3 and source.dtype == np.uint8:
            self.add(IMAGE, "add_image", np.moveaxis(pixels, 1, -1), name=name, rgb=True)
        else:
            names = [f"{name} · channel {c + 1}" for c in range(channels)]
            self.add(IMAGE, "add_image", pixels, channel_axis=1, name=names)

    def refresh(self, *, stepping: bool = False) -> None:
        """Read the current frame's objects again; while ``stepping`` through frames their words wait for a rest."""
        viewer, project = self._viewer(), self._session.project
        if viewer is None or project is None or self.image_id is None:
            return
        self.objects.forget()
        mask = None
        # Where it cannot be read the outlines of the frame before must not stay.
        read = self.ahead.read(self.image_id, self.frame)
        with self._session.reporting():
            mask = project.mask(self.image_id, self.frame) if read is None else read.mask
        self.frame_is_segmented = mask is not None
        layer = self.objects_layer
        if layer is not None:
            layer.metadata["outline"] = ((0, 1), None) if read is None or mask is None else (read.stroke, read.outline)
        if mask is None:
            # Nothing segmented in this frame; an empty layer keeps the person's contour and opacity for the next one.
            if layer is not None:
                layer.data = np.zeros_like(np.asarray(layer.data))
                layer.features = pd.DataFrame()
        elif layer is None:
            look = {"opacity": OPACITY, "colormap": plain_colors(OUTLINE)}
            layer = self.add(OBJECTS, "add_labels", mask, name=OBJECTS, **look)
            self._session.outlines.draw(layer)
            bind_canvas(layer, self._session)
        else:
            layer.metadata.pop("outlined", None)  # the numbers are other objects' now; the overlay says which again
            repaint(layer, mask)
        if stepping:
            self.words.tell_soon()
            self._session.frame_objects_changed.emit()
        else:
            self._retell()

    def centre_on(self, object_id: int) -> None:
        """Bring an object's image, frame and place into view."""
        viewer = self._viewer()
        objects = self._session.need_project().objects()
        if viewer is None:
            return
        if object_id not in objects.index:
            raise UserError(f"Object {object_id} is not there any more.", "Its frame was segmented again.")
        row = objects.loc[object_id]
        self.place(int(row["image_id"]), int(row["frame"]), float(row["cy"]), float(row["cx"]), int(row["mask_label"]))

    def place(self, image_id: int, frame: int, cy: float, cx: float, label: int = 0) -> None:
        """Bring a place (image, frame, centre in pixels) into view and select the label there."""
        viewer = self._viewer()
        if viewer is None:
            return
        self.show(image_id)
        point = self.image_layers[0].data_to_world((frame, cy, cx))
        viewer.dims.set_point(viewer.dims.ndim - 3, point[0])
        look_at(viewer, self.image_layers[0], point[1:])
        if label and self.objects_layer is not None:
            self.objects_layer.selected_label = label

    def show_frame(self, image_id: int, frame: int) -> None:
        """Bring a frame onto the canvas, the nearest one there is; the camera stays."""
        viewer = self._viewer()
        self.show(image_id)
        if viewer is not None and self.image_layers:
            layer = self.image_layers[0]
            inside = min(max(frame, 0), layer.data.shape[0] - 1)
            viewer.dims.set_point(viewer.dims.ndim - 3, layer.data_to_world((inside, 0, 0))[0])

    def clear(self) -> None:
        """Take the project's layers off the canvas."""
        self._remove()
        self.image_id, self.frame = None, 0
        self.frame_is_segmented = False
        self.objects.forget()
        self._session.frame_objects_changed.emit()

    def disconnect(self) -> None:
        """Let go of the viewer."""
        viewer = self._viewer()
        if viewer is not None:
            viewer.dims.events.point.disconnect(self._on_slider)
            viewer.dims.events.current_step.disconnect(self._on_slider)
        self.image_id = None

    # ------------------------------------------------------------------ inside
    def _remove(self) -> None:
        # While the image leaves, the slider jumps about: nobody wants the masks of those frames.
        self.image_id = None
        viewer = self._viewer()
        if viewer is not None:
            for layer in self._own():
                viewer.layers.remove(layer)

    def _on_objects(self) -> None:
        with self._session.reporting():
            self.refresh()

    def _on_labels(self, object_ids: list[int]) -> None:
        """Recolour at once what was labelled here; the words of the pointer and the counts follow after a burst."""
        touched = self.objects.relabel(object_ids) if self._session.project is not None else None
        if touched is None:
            self.retell_soon()
        elif touched:
            self._session.objects_relabelled.emit(touched)
            self._retelling.start()

    def retell_soon(self) -> None:
        """Make what the canvas says of the objects anew in a moment."""
        self.objects.forget()
        self._retelling.start()

    def _retell(self) -> None:
        if self.objects_layer is None or self.image_id is None or self._session.project is None:
            return
        with self._session.reporting():
            self.words.tell()
            self._session.frame_objects_changed.emit()

    def _on_slider(self) -> None:
        viewer, images = self._viewer(), self.image_layers
        if viewer is None or self.image_id is None or not images:
            return
        # The frame that napari draws of the image: other layers may have other steps, or reach further.
        drawn = round(float(images[0].world_to_data(viewer.dims.point)[0]))
        frame = min(max(drawn, 0), images[0].data.shape[0] - 1)
        if frame != self.frame:
            forward, self.frame = frame > self.frame, frame
            with self._session.reporting():
                self.refresh(stepping=True)
            layer = self.objects_layer
            beside = [frame + 1, frame - 1] if forward else [frame - 1, frame + 1]
            within = [each for each in beside if 0 <= each < images[0].data.shape[0]]
            self.ahead.want(self.image_id, frame, within, (0, 1) if layer is None else stroke_of(layer))
            self._session.frame_changed.emit(self.image_id, frame)
