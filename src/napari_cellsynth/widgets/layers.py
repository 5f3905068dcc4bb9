"""What the canvas shows of the project: one image's pixels, and the objects of the current frame.

The ``objects`` layer holds the instance labels of the current frame only (Y, X): it follows the time slider, which
keeps it quick whatever the number of frames, and its ``features`` table says what each label is.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from qtpy.QtCore import QTimer

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import UNLABELLED
from napari_cellsynth.project.classes import SEPARATOR
from napari_cellsynth.widgets.canvas_frames import CanvasFrames
from napari_cellsynth.widgets.canvas_keys import bind_canvas

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

IMAGE, OBJECTS = "image", "objects"

OUTLINE = [1.0, 0.95, 0.35, 1.0]
"""One bright colour for all outlines: on grey images random ones are often too dark to be seen."""

RETELL_MS = 200
"""Labels come in bursts; what the canvas says of the objects is made once after a burst."""


class ProjectLayers:
    """The session's layers in the viewer.

    Attributes
    ----------
    image_id : int or None
        The project image on the canvas.
    frame : int
        The frame on the canvas.
    frame_is_segmented : bool
        Whether that frame has been segmented (it may still hold no object).
    """

    def __init__(self, session: Session, viewer: Any) -> None:
        self._session = session
        # Weak: the session must not keep a closed viewer alive.
        self._viewer = weakref.ref(viewer)
        self._pixels = CanvasFrames(session)
        # Not in the layers' metadata: those go with the copies that the person makes, which are not ours.
        self._kinds: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self.image_id: int | None = None
        self.frame = 0
        self.frame_is_segmented = False
        self.veiled = False
        self._frame_objects: pd.DataFrame | None = None
        # The point also moves within a step of a coarser layer, and the steps where a layer that comes or goes ends.
        viewer.dims.events.point.connect(self._on_slider)
        viewer.dims.events.current_step.connect(self._on_slider)
        session.objects_changed.connect(self._on_objects)
        # The table behind the tooltips follows a moment after the labels; a key must not wait for it.
        self._retelling = QTimer(session)
        self._retelling.setSingleShot(True)
        self._retelling.setInterval(RETELL_MS)
        self._retelling.timeout.connect(self._retell)
        for name in ("labels", "classes", "predictions", "suggestions"):
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
            As `Project.objects`, with the newest prediction: ``predicted_id`` (0: none) and ``predicted`` (all classes
            that were given, a tuple), ``confidence``, ``entropy`` and ``margin`` (NaN: none), and whether it is
            ``unsure``. While a live model suggests classes, those stand in the place of the predictions.
        """
        if self._frame_objects is None:
            project = self._session.need_project()
            objects = project.objects(image_id=self.image_id, frame=self.frame)
            predictions = project.predictions(image_id=self.image_id, frame=self.frame).reindex(objects.index)
            self._frame_objects = objects.assign(
                predicted_id=predictions["class_id"].fillna(0).astype(int),
                predicted=[each if isinstance(each, tuple) else () for each in predictions["classes"]],
                **{name: predictions[name].astype(float) for name in ("confidence", "entropy", "margin")},
                unsure=predictions["unsure"].eq(True),
            )
            if suggested := self._session.suggested:
                told = [suggested.get(number, (0, np.nan)) for number in objects.index.tolist()]
                self._frame_objects = self._frame_objects.assign(
                    predicted_id=[class_id for class_id, _ in told],
                    predicted=[(class_id,) if class_id else () for class_id, _ in told],
                    confidence=[confidence for _, confidence in told],
                    entropy=np.nan,
                    margin=np.nan,
                    unsure=False,
                )
            if self._session.labels_hidden:
                self._frame_objects = without_labels(self._frame_objects)
        return self._frame_objects

    def object_at(self, label: int) -> int | None:
        """Return the id of the current frame's object with this value in the ``objects`` layer."""
        objects = self.frame_objects()
        found = objects.index[objects["mask_label"] == label]
        return int(found[0]) if len(found) else None

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
        self._add_image(name, source)
        viewer.dims.set_point(viewer.dims.ndim - 3, 0)
        self.image_id, self.frame = image_id, 0
        self.refresh()
        viewer.reset_view()
        self._session.frame_changed.emit(image_id, self.frame)

    def add(self, kind: str, adder: str, data: Any, **options: Any) -> Any:
        """Add a layer of the project to the canvas and return it (a list of them where channels are apart).

        Parameters
        ----------
        kind : str
            What `ours` finds it by.
        adder : str
            The viewer's method: ``"add_image"`` or ``"add_labels"``; the latter's layer cannot be painted in.
        data, options
            What that method takes.
        """
        made = getattr(self._viewer(), adder)(data, **options)
        for layer in made if isinstance(made, list) else [made]:
            self._kinds[layer] = kind
        if adder == "add_labels":
            made.events.editable.connect(_lock)
            made.editable = False
        return made

    def put(self, kind: str, layer: Any, *, locked: bool = True) -> None:
        """Put a Labels layer made elsewhere onto the canvas as the project's; unlocked it can be painted in."""
        viewer: Any = self._viewer()
        active = viewer.layers.selection.active
        self._kinds[layer] = kind
        viewer.add_layer(layer)
        if locked:
            layer.events.editable.connect(_lock)
            layer.editable = False
        viewer.layers.selection.active = active

    def veil(self, on: bool) -> None:
        """Hide the outlines while a copy of the objects is being corrected in their place, or bring them back."""
        self.veiled = on
        if (layer := self.objects_layer) is not None:
            layer.visible = not on
        self._session.frame_objects_changed.emit()

    def owns(self, layer: Any) -> bool:
        """Whether a layer is the project's own; a copy that the person made of one is not."""
        return layer in self._kinds

    def _add_image(self, name: str, source: Any) -> None:
        pixels, channels = self._pixels.of(source), source.shape[1]
        if channels == 1:
            self.add(IMAGE, "add_image", pixels[:, 0], name=name)
        elif channels == 3 and source.dtype == np.uint8:
            self.add(IMAGE, "add_image", np.moveaxis(pixels, 1, -1), name=name, rgb=True)
        else:
            names = [f"{name} · channel {c + 1}" for c in range(channels)]
            self.add(IMAGE, "add_image", pixels, channel_axis=1, name=names)

    def refresh(self) -> None:
        """Read the current frame's objects again."""
        viewer, project = self._viewer(), self._session.project
        if viewer is None or project is None or self.image_id is None:
            return
        self._frame_objects = None
        mask = None
        # Where it cannot be read the outlines of the frame before must not stay.
        with self._session.reporting():
            mask = project.mask(self.image_id, self.frame)
        self.frame_is_segmented = mask is not None
        layer = self.objects_layer
        if mask is None:
            # Nothing segmented in this frame; an empty layer keeps the person's contour and opacity for the next one.
            if layer is not None:
                layer.data = np.zeros_like(np.asarray(layer.data))
                layer.features = pd.DataFrame()
        elif layer is None:
            from napari.utils.colormaps import CyclicLabelColormap

            outline = CyclicLabelColormap(colors=[[0, 0, 0, 0], OUTLINE], background_value=0)
            layer = self.add(OBJECTS, "add_labels", mask, name=OBJECTS, opacity=0.9, colormap=outline)
            layer.contour = 2
            bind_canvas(layer, self._session)
        else:
            layer.data = mask
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
        camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
        camera.center = (*camera.center[:-2], *point[1:])
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
        self._frame_objects = None
        self._session.frame_objects_changed.emit()

    def disconnect(self) -> None:
        """Let go of the viewer."""
        viewer = self._viewer()
        if viewer is not None:
            viewer.dims.events.point.disconnect(self._on_slider)
            viewer.dims.events.current_step.disconnect(self._on_slider)
        self.image_id = None

    # ------------------------------------------------------------------ inside
    def ours(self, kind: str) -> Any:
        """Return our layer of a kind, or None."""
        return next((layer for layer in self._own() if self._kinds[layer] == kind), None)

    def _own(self) -> list[Any]:
        viewer = self._viewer()
        return [] if viewer is None else [layer for layer in viewer.layers if layer in self._kinds]

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

    def retell_soon(self) -> None:
        """Make what the canvas says of the objects anew in a moment."""
        self._frame_objects = None
        self._retelling.start()

    def _retell(self) -> None:
        layer = self.objects_layer
        if layer is None or self.image_id is None or self._session.project is None:
            return
        with self._session.reporting():
            if self.frame_is_segmented:
                layer.features = self._features()
            self._session.frame_objects_changed.emit()

    def _features(self) -> pd.DataFrame:
        """Return what the status bar says of an object under the pointer."""
        objects = self.frame_objects()
        names = {record.id: record.name for record in self._session.need_project().classes()}
        return pd.DataFrame(
            {
                "index": objects["mask_label"].to_numpy(),
                "object": objects.index.to_numpy(),
                "class": [self.label_words(label) for label in objects["label"].tolist()],
                "predicted": [" + ".join(names.get(c, "") for c in has) for has in objects["predicted"].tolist()],
                **{name: objects[name].round(2).to_numpy() for name in ("confidence", "entropy", "margin")},
                "unsure": objects["unsure"].to_numpy(),
                "area": objects["area"].to_numpy(),
            }
        )

    def label_words(self, label: int) -> str:
        """Return the names of a label's classes, or what a person called the object else; empty where it has none."""
        return "" if label == UNLABELLED else self._session.need_project().label_words(label).replace(SEPARATOR, " + ")

    def _on_slider(self) -> None:
        viewer, images = self._viewer(), self.image_layers
        if viewer is None or self.image_id is None or not images:
            return
        # The frame that napari draws of the image: other layers may have other steps, or reach further.
        drawn = round(float(images[0].world_to_data(viewer.dims.point)[0]))
        frame = min(max(drawn, 0), images[0].data.shape[0] - 1)
        if frame != self.frame:
            self.frame = frame
            self._on_objects()
            self._session.frame_changed.emit(self.image_id, frame)


def _lock(event: Any) -> None:
    """Keep a layer from being painted in: napari makes it editable again whenever its data are set."""
    if event.source.editable:
        event.source.editable = False


def without_labels(objects: pd.DataFrame) -> pd.DataFrame:
    """Return a frame's objects as if nobody had labelled them and nothing were suggested."""
    none = pd.Series([()] * len(objects), index=objects.index, dtype=object)
    nothing = dict.fromkeys(("confidence", "entropy", "margin"), np.nan)
    return objects.assign(class_id=0, label=0, predicted_id=0, predicted=none, unsure=False, **nothing)
