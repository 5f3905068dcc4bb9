"""The working copy of a frame's objects on the canvas: chosen by clicks, cut by a line, painted with napari's tools.

Every change goes into the layer's own history, so that napari's Ctrl+Z takes back a merge as it takes back a stroke.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from napari_cellsynth.errors import UserError
from napari_cellsynth.widgets.outline import plain_colors
from napari_cellsynth.widgets.session import Session

CORRECTION, CHOSEN = "correction", "chosen"
OUTLINE, FILL, CUT = [0.25, 0.9, 1.0, 1.0], [0.25, 0.9, 1.0, 1.0], [1.0, 0.25, 0.8, 1.0]
_CHOSEN, _LINE = 1, 2


class HandLayer(QObject):
    """The layer that a person corrects; one a frame.

    Parameters
    ----------
    session : Session
        The viewer's session.
    mask : ndarray of int, shape (Y, X)
        The frame's objects as they are.
    parent : QObject
        The object that owns this one.
    now : ndarray of int32, shape (Y, X), optional
        The objects as they were corrected before; as they are by default.

    Attributes
    ----------
    chosen : list of int
        Numbers of the chosen objects, in the order of the clicks.
    cutting : bool
        Whether the next drag is a line that cuts.
    """

    changed = Signal()
    """The objects or the choice are others now."""
    failed = Signal(object)
    """A `UserError`: what was drawn did nothing."""

    def __init__(
        self,
        session: Session,
        mask: NDArray[np.integer[Any]],
        parent: QObject,
        now: NDArray[np.integer[Any]] | None = None,
    ) -> None:
        super().__init__(parent)
        from napari.layers import Labels

        self._session = session
        self._start = np.array(mask, np.int32)
        self.chosen: list[int] = []
        self.cutting = False
        now = self._start.copy() if now is None else now
        self.layer = Labels(now, name=CORRECTION, opacity=1.0, colormap=plain_colors(OUTLINE))
        session.outlines.draw(self.layer)
        self._marks = Labels(np.zeros(mask.shape, np.uint8), name=CHOSEN, opacity=0.4, colormap=plain_colors(FILL, CUT))
        self.layer.mouse_drag_callbacks.append(self._on_drag)
        self.layer.events.paint.connect(self._on_painted)
        self.layer.events.set_data.connect(self._on_painted)  # napari's undo
        for key, act in (("Delete", self.delete), ("Backspace", self.delete), ("Shift-M", self.merge)):
            self.layer.bind_key(key, lambda _layer, act=act: self._reported(act), overwrite=True)

    # ------------------------------------------------------------------ on the canvas
    @property
    def shown(self) -> bool:
        """Whether the layer is on the canvas (the person may have taken it off)."""
        viewer = self._session.viewer
        return viewer is not None and self.layer in viewer.layers

    def show(self) -> None:
        """Put the layer onto the canvas, in front, and select it."""
        layers = self._session.layers
        for kind, layer in ((CHOSEN, self._marks), (CORRECTION, self.layer)):
            if layer not in self._session.viewer.layers:
                layers.put(kind, layer, locked=kind == CHOSEN)
        self._session.viewer.layers.selection.active = self.layer

    def hide(self) -> None:
        """Take the layer off the canvas; what was done in it stays."""
        viewer = self._session.viewer
        if viewer is None:
            return
        for layer in (self.layer, self._marks):
            if layer in viewer.layers:
                viewer.layers.remove(layer)
        if viewer.layers.selection.active is None:  # the keys are bound to the layer of the objects
            viewer.layers.selection.active = self._session.layers.objects_layer

    # ------------------------------------------------------------------ what it holds
    @property
    def labels(self) -> NDArray[np.int32]:
        """The objects as they are in the layer."""
        return np.asarray(self.layer.data)

    def is_changed(self) -> bool:
        """Whether they differ from the frame's."""
        return not np.array_equal(self.layer.data, self._start)

    def settle(self) -> None:
        """Take the objects as they are for the frame's: they have just been written."""
        self._start = self.labels.copy()
        self.changed.emit()

    # ------------------------------------------------------------------ what a person does
    def choose(self, number: int, *, more: bool = False) -> None:
        """Choose an object alone, or add it to the chosen ones (a chosen one leaves); 0 chooses none."""
        if not more:
            self.chosen = [number] if number else []
        elif number in self.chosen:
            self.chosen.remove(number)
        elif number:
            self.chosen.append(number)
        self._mark()
        self.changed.emit()

    def merge(self) -> None:
        """Make the chosen objects one."""
        if len(self.chosen) < 2:
            raise UserError("Choose two objects or more to merge.", "Click one, Shift-click the others.")
        first, *others = self.chosen
        self._set(np.isin(self.labels, others), first)
        self.choose(first)

    def part(self, count: int) -> None:
        """Part each chosen object into a number of parts."""
        self._need_chosen("split")
        from napari_cellsynth.imaging.by_hand import part_into

        parted = [(part_into(self.labels == number, count), number) for number in self.chosen]
        self._part(parted)

    def cut(self, points: NDArray[Any]) -> None:
        """Part the objects that a line (N, 2) cuts through; only chosen ones where some are chosen."""
        labels = self.labels
        if self.chosen:
            labels = np.where(np.isin(labels, self.chosen), labels, 0)
        from napari_cellsynth.imaging.by_hand import part_along

        parted = [(parts, number) for number, parts in part_along(labels, points).items()]
        if not parted:
            raise UserError("The line parts no object.", "Draw it across an object, from outside to outside.")
        self._part(parted)

    def delete(self) -> None:
        """Delete the chosen objects."""
        self._need_chosen("delete")
        self._set(np.isin(self.labels, self.chosen), 0)
        self.choose(0)

    def draw_new(self) -> None:
        """Take napari's brush with a number that no object has; it does not paint over the others."""
        self.arm_cut(False)
        self.layer.selected_label = int(self.labels.max(initial=0)) + 1
        self.layer.preserve_labels = True
        self.layer.mode = "paint"

    def arm_cut(self, on: bool) -> None:
        """Make the next drag a line that cuts, or not."""
        self.cutting = on
        if on:
            self.layer.mode = "pan_zoom"
        # The camera must not follow the line.
        self.layer.mouse_pan = not on and str(self.layer.mode) == "pan_zoom"
        self.changed.emit()

    # ------------------------------------------------------------------ inside
    def _need_chosen(self, verb: str) -> None:
        there = set(np.unique(self.labels).tolist())
        self.chosen = [number for number in self.chosen if number in there]
        if not self.chosen:
            raise UserError(f"Choose the objects to {verb}.", "Click one; Shift-click adds more.")

    def _part(self, parted: list[tuple[NDArray[np.int32], int]]) -> None:
        with self.layer.block_history():
            for parts, _number in parted:
                # The largest part keeps the number.
                free = int(self.labels.max()) - 1
                self._set(parts > 1, (parts[parts > 1] + free).tolist())
        self.choose(0)

    def _set(self, where: NDArray[np.bool_], value: int | list[int]) -> None:
        self.layer.data_setitem(np.nonzero(where), value)

    def _mark(self) -> None:
        marks = np.isin(self.labels, self.chosen).astype(np.uint8) if self.chosen else np.zeros_like(self._marks.data)
        self._marks.data = marks

    def _on_painted(self, _event: Any = None) -> None:
        if isalive(self):
            self.changed.emit()

    def _reported(self, act: Any) -> None:
        try:
            act()
        except UserError as error:
            self.failed.emit(error)

    def _on_drag(self, layer: Any, event: Any) -> Iterator[None]:
        if not isalive(self) or event.button != 1 or str(layer.mode) != "pan_zoom":
            return
        points, dragged = [self._place(event)], False
        yield
        while event.type == "mouse_move":
            dragged = True
            if self.cutting:
                points.append(self._place(event))
                self._draw_line(np.array(points[-2:]))
            yield
        if self.cutting:
            self.arm_cut(False)
            self._mark()
            self._reported(lambda: self.cut(np.array(points)))
        elif not dragged:
            y, x = np.rint(points[0]).astype(int)
            inside = 0 <= y < self.labels.shape[0] and 0 <= x < self.labels.shape[1]
            self.choose(int(self.labels[y, x]) if inside else 0, more="Shift" in event.modifiers)

    def _place(self, event: Any) -> NDArray[np.float64]:
        return np.asarray(self.layer.world_to_data(event.position)[-2:], np.float64)

    def _draw_line(self, points: NDArray[np.float64]) -> None:
        """Show a piece of the line, some pixels wide so that it is seen from afar."""
        from skimage.draw import line

        (y0, x0), (y1, x1) = np.rint(points).astype(int)
        rows, columns = line(y0, x0, y1, x1)
        reach = np.array([(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
        rows, columns = (rows[:, None] + reach[:, 0]).ravel(), (columns[:, None] + reach[:, 1]).ravel()
        height, width = self._marks.data.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        self._marks.data_setitem((rows[inside], columns[inside]), _LINE)
