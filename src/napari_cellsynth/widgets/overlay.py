"""Predictions over the image: class ids and confidence of the current frame as layers, corrected by a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from napari_cellsynth.project import UNSURE
from napari_cellsynth.widgets.canvas_keys import bind_canvas
from napari_cellsynth.widgets.outline import repaint
from napari_cellsynth.widgets.overlay_table import LABELS_FIRST, OverlayFilter, overlay_table, shown_class
from napari_cellsynth.widgets.session import Session

CLASSES, CONFIDENCE = "classes", "confidence"
UNSURE_COLOR = "#9a9a9a"
"""Grey, for answers below the project's confidence and objects that a person called unsure."""

PALE = 0.5
"""How opaque a prediction or suggestion is beside a label given by hand: they are told apart at a glance."""

MOST_AT_ONCE = 50
"""So many objects are recoloured one by one, each in its box; more of them with the whole frame."""


def look_up(instances: NDArray[np.integer], labels: ArrayLike, values: ArrayLike, dtype: type) -> NDArray[Any]:
    """Return an image in which each object has its value.

    Parameters
    ----------
    instances : ndarray of int, shape (Y, X)
        Instance labels, 0 where there is no object.
    labels : array_like of int, shape (N,)
        Instance labels that have a value; all other pixels become 0.
    values : array_like, shape (N,)
        Their values.
    dtype : type
        Type of the result.

    Returns
    -------
    ndarray, shape (Y, X)
        ``table[instances]``; the cost does not depend on the number of objects.
    """
    label_array = np.asarray(labels, dtype=np.int64)
    top = max(int(instances.max(initial=0)), int(label_array.max(initial=0)))
    table: NDArray[Any] = np.zeros(top + 1, dtype=dtype)
    table[label_array] = np.asarray(values, dtype=dtype)
    table[0] = 0
    return np.asarray(table[instances])


def class_colors(colors: Sequence[str]) -> NDArray[np.float32]:
    """Return the 2 n_classes + 1 colours (RGBA) of the class layer.

    See-through for 0, then the classes by position as they are predicted, pale, and again as they are labelled, full.
    """
    rgb = [[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in colors]
    both = [[*each, alpha] for alpha in (PALE, 1.0) for each in rgb]
    return np.array([[0.0, 0.0, 0.0, 0.0], *both], dtype=np.float32)


class PredictionOverlay(QObject):
    """Keeps the layers ``classes`` and ``confidence`` equal to the newest predictions in the frame on the canvas.

    The layers hold the current frame only and follow the time slider; a hidden one costs nothing.

    Parameters
    ----------
    session : Session
        The viewer's session.
    parent : QObject, optional
        The object that owns this one.
    """

    changed = Signal()
    """The objects or the classes of the current frame are others now."""
    hovered = Signal(str)
    """Words about the object under the pointer; empty where there is none."""
    pointed = Signal(list)
    """Classes and probabilities of the object under the pointer, the most probable first; empty where there is none."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shown = {CLASSES: True, "outlines": True, CONFIDENCE: False}
        self._colored_by = LABELS_FIRST
        self.filter = OverlayFilter()
        self.table: pd.DataFrame = pd.DataFrame()
        self._words = ""
        self._places: dict[int, int] = {}
        session.frame_objects_changed.connect(self.refresh)
        session.objects_relabelled.connect(self._on_relabelled)
        session.viewer.mouse_move_callbacks.append(self._on_move)

    # ------------------------------------------------------------------ what is shown
    def show(self, what: str, on: bool) -> None:
        """Show or hide ``"classes"``, ``"outlines"`` or ``"confidence"``."""
        self._shown[what] = on
        self.refresh()

    def color_by(self, what: str) -> None:
        """Show what one of `COLORED_BY` says."""
        self._colored_by = what
        self.refresh()

    def hide_classes(self, hidden: set[int]) -> None:
        """Hide the objects of these classes (`UNSURE`: the unsure ones), and show all others."""
        self.filter.hidden = set(hidden)
        self.refresh()

    def show_confidences(self, low: float, high: float) -> None:
        """Show only objects whose prediction is as sure as that; at 0 to 1 also those that have none."""
        self.filter.low, self.filter.high = low, high
        self.refresh()

    def passing(self) -> int:
        """Return how many objects of the current frame pass the filter."""
        return 0 if self.table.empty else int(self.table["shown"].sum())

    def differing(self) -> int:
        """Return the number of objects in the current frame whose prediction differs from their label."""
        return 0 if self.table.empty else int(self.table["differs"].sum())

    def counts(self) -> dict[int, int]:
        """Return how many objects in the current frame have each class, as they are shown."""
        if self.table.empty:
            return {}
        found: dict[int, int] = {}
        for classes in self.table["classes"]:
            for class_id in classes:
                found[class_id] = found.get(class_id, 0) + 1
        return found

    def unsure(self) -> int:
        """Return the number of objects in the current frame that are shown as unsure."""
        return 0 if self.table.empty else int((self.table["class_id"] == UNSURE).sum())

    def layer(self, kind: str) -> Any:
        """Return the layer ``"classes"`` or ``"confidence"``, or None."""
        return self._session.layers.ours(kind)

    def refresh(self) -> None:
        """Read the frame's predictions again and repaint what is shown."""
        with self._session.reporting():
            self._refresh()
        self.changed.emit()

    def disconnect_viewer(self) -> None:
        """Let go of the viewer's pointer."""
        viewer = self._session.viewer
        if viewer is not None and self._on_move in viewer.mouse_move_callbacks:
            viewer.mouse_move_callbacks.remove(self._on_move)

    # ------------------------------------------------------------------ inside
    def _refresh(self) -> None:
        session, objects_layer = self._session, self._session.layers.objects_layer
        if session.project is None or session.current_image_id is None or objects_layer is None:
            self.table = pd.DataFrame()
            self._tell_pointed(None)
            return
        self.table = overlay_table(session.layers.frame_objects(), session.project, self._colored_by)
        self.table["shown"] = self.filter.passing(self.table)
        self._show_outlines(objects_layer)
        instances = np.asarray(objects_layer.data)
        classes = session.project.classes()
        self._show_classes(instances, objects_layer, classes)
        self._show_confidence(instances, objects_layer)

    def _show_outlines(self, objects_layer: Any) -> None:
        shown = self._shown["outlines"] and not self._session.layers.veiled
        if objects_layer.visible != shown:
            objects_layer.visible = shown
        self._session.layers.outline_only(
            None if self.filter.is_open else self.table.loc[self.table["shown"], "mask_label"].tolist()
        )

    def _show_classes(self, instances: NDArray[np.integer], objects_layer: Any, classes: Sequence[Any]) -> None:
        layer = self.layer(CLASSES)
        if not self._shown[CLASSES] or not classes:
            if layer is not None:
                layer.visible = False
            return
        self._places = {record.id: i + 1 for i, record in enumerate(classes)} | {UNSURE: len(classes) + 1}
        shown = self.table["class_id"].where(self.table["shown"], 0)
        values = [self._place(*each) for each in zip(shown, self.table["by_hand"], strict=True)]
        kind = np.uint8 if 2 * len(self._places) < 256 else np.uint16
        image = look_up(instances, self.table["mask_label"], values, kind)
        colors = [*(record.color for record in classes), UNSURE_COLOR]
        if layer is None:
            colormap = _class_colormap(colors)
            layer = self._add("add_labels", image, CLASSES, objects_layer, opacity=0.55, colormap=colormap)
            layer.metadata["colors"] = colors
            bind_canvas(layer, self._session)
            return
        if layer.metadata.get("colors") != colors:
            layer.colormap = _class_colormap(colors)
            layer.metadata["colors"] = colors
        repaint(layer, image)
        if not layer.visible:  # napari draws it again even where it is
            layer.visible = True

    def _on_relabelled(self, object_ids: list[int]) -> None:
        """Recolour a few objects at once, without reading or painting the rest of the frame."""
        session, layer, objects_layer = self._session, self.layer(CLASSES), self._session.layers.objects_layer
        few = len(object_ids) <= MOST_AT_ONCE and self.filter.is_open
        if layer is None or not layer.visible or self.table.empty or not few:
            return
        objects, project = session.layers.frame_objects(), session.need_project()
        for number in object_ids:
            if number not in objects.index:
                continue
            row = {name: objects.at[number, name] for name in objects.columns}
            y0, x0, y1, x1 = (int(row[name]) for name in ("y0", "x0", "y1", "x1"))
            ys, xs = np.nonzero(np.asarray(objects_layer.data)[y0:y1, x0:x1] == row["mask_label"])
            place = self._place(*shown_class(row, project, self._colored_by))
            layer.data_setitem((ys + y0, xs + x0), place)

    def _place(self, class_id: int, by_hand: bool) -> int:
        """Return the number of a class in the layer, as it is labelled or as it is predicted."""
        place = self._places.get(class_id, 0)
        return place + len(self._places) if place and by_hand else place

    def _show_confidence(self, instances: NDArray[np.integer], objects_layer: Any) -> None:
        layer = self.layer(CONFIDENCE)
        if not self._shown[CONFIDENCE]:
            if layer is not None:
                layer.visible = False
            return
        values = self.table["confidence"].where(self.table["shown"]).fillna(0.0)
        image = look_up(instances, self.table["mask_label"], values, np.float32)
        if layer is None:
            self._add(
                "add_image",
                image,
                CONFIDENCE,
                objects_layer,
                opacity=0.6,
                blending="translucent",
                contrast_limits=(0.0, 1.0),
                colormap=_confidence_colors(),
            )
            return
        repaint(layer, image)
        if not layer.visible:  # napari draws it again even where it is
            layer.visible = True

    def _add(self, adder: str, image: NDArray[Any], kind: str, below: Any, **options: Any) -> Any:
        viewer = self._session.viewer
        active = viewer.layers.selection.active
        layer = self._session.layers.add(kind, adder, image, name=kind, **options)
        # Below the outlines, which stay in front and keep the person's selection.
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(below))
        viewer.layers.selection.active = active or below
        return layer

    def _on_move(self, viewer: Any, _event: Any) -> None:
        if not isalive(self):
            # The dock was closed; napari's list of callbacks outlives it.
            viewer.mouse_move_callbacks.remove(self._on_move)
            return
        object_id = None if self.table.empty else self._session.layers.object_under_pointer()
        self._tell_pointed(object_id if object_id is not None and object_id in self.table.index else None)

    def _tell_pointed(self, object_id: int | None) -> None:
        words = "" if object_id is None else self._words_about(object_id)
        if words != self._words:
            self._words = words
            self.hovered.emit(words)
            self.pointed.emit([] if object_id is None else self._session.layers.objects.probabilities(object_id))

    def _words_about(self, object_id: int) -> str:
        row = self.table.loc[object_id]
        names = {record.id: record.name for record in self._session.need_project().classes()}
        predicted = " + ".join(names.get(each, "") for each in row["predicted"])
        words = f"object {object_id}"
        if not np.isnan(row["confidence"]):
            unsure = " (unsure)" if row["unsure"] else ""
            words += f" · predicted {predicted or 'none'} {row['confidence']:.2f}{unsure}"
        if row["label_id"] > 0:
            words += f" · labelled {self._session.layers.objects.label_words(int(row['label']))}"
        return words


def _class_colormap(colors: Sequence[str]) -> Any:
    """Return the class layer's colormap; of napari's two kinds the one whose tables need no compiling first."""
    from napari.utils.colormaps import CyclicLabelColormap

    return CyclicLabelColormap(colors=class_colors(colors), background_value=0)


def _confidence_colors() -> Any:
    """Return a map from red (guessed) over yellow to blue-green (sure), see-through at 0 where there is no object."""
    from napari.utils import Colormap

    colors = [[0, 0, 0, 0], [0.84, 0.37, 0, 1], [0.94, 0.89, 0.26, 1], [0, 0.62, 0.45, 1]]
    return Colormap(colors, name="confidence", controls=[0.0, 0.2, 0.6, 1.0])
