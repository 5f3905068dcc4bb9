"""A ring around the current object on the canvas, so that the crop in the Label dock is found at a glance.

It is there while the Label dock is in front, and after an object was chosen elsewhere (in the image, in the Gallery)
until another dock comes to the front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_cellsynth.widgets.canvas_keys import bind_canvas
from napari_cellsynth.widgets.own_layers import camera_of

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

RING = "current object"
AROUND = 1.04
"""The ring's diameter, in diagonals of the object's box: it goes round the object and hides nothing of it."""

SMALLEST = 26
"""Pixels of the screen: however far out the canvas is zoomed, the ring is seen."""

OUTER, INNER = [0.0, 0.0, 0.0, 1.0], [1.0, 0.2, 0.95, 1.0]
"""A bright ring within a black one, seen on dark and light images; no class of ours and no outline has this colour."""


class CurrentRing(QObject):
    """Keeps two points, drawn as rings, around the session's current object where its frame is on the canvas.

    Points, since moving two of them costs the same whatever the frame holds; and no Labels layer, which would be
    offered as a segmentation.

    Parameters
    ----------
    session : Session
        The viewer's session, which owns it.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._labelling = self._chosen = False
        self._front = ""
        self._visible = True
        """As the person left it: the layer goes and comes with the image."""
        # After the event in hand: a key shows the next crop first, and several changes at once move the ring once.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._follow)
        session.current_object_changed.connect(lambda _object_id: self._on_chosen())
        session.frame_objects_changed.connect(self._soon.start)
        camera_of(session.viewer).events.zoom.connect(self._on_zoom)

    @property
    def layer(self) -> Any:
        """The layer with the ring, or None before there was a current object."""
        return self._session.layers.ours(RING)

    def labelling(self, on: bool) -> None:
        """Show it while objects are labelled one after the other."""
        self._labelling, self._chosen = on, False
        self._soon.start()

    def in_front(self, dock: str) -> None:
        """Hide it where the person goes on to another dock, by its class's name."""
        if dock != self._front:
            self._front = dock
            self.forget_choice()

    def forget_choice(self) -> None:
        """Do not show it for an object that was chosen before."""
        self._chosen = False
        self._soon.start()

    def _on_chosen(self) -> None:
        self._chosen = True
        self._soon.start()

    def _follow(self) -> None:
        box = self._box()
        layer = self.layer
        if layer is not None:
            self._visible = layer.visible
        if box is None:
            if layer is not None and layer.shown.any():
                self._draw(layer, False)
            return
        y0, x0, y1, x1 = box
        centre = [(y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2]
        if layer is None:
            layer = self._add(centre)
        # Not by napari's limits of a point's size on the canvas, with which a clamped ring is filled up.
        smallest = SMALLEST / (camera_of(self._session.viewer).zoom * float(layer.scale[-1]))
        side = max(AROUND * float(np.hypot(y1 - y0, x1 - x0)), smallest)
        # Into the layer's arrays, and drawn once: napari's setters ask the whole viewer for its extent, three times.
        layer.data[...] = centre
        layer.size[...] = side
        self._draw(layer, True)

    def _draw(self, layer: Any, on: bool) -> None:
        """Draw the ring, or nothing: napari shows points of two dimensions whether they are `shown` or not."""
        layer.shown[...] = on
        layer.border_color[:, 3] = on
        layer.refresh(extent=False)

    def _on_zoom(self) -> None:
        if self.layer is not None and self._session.current_object_id is not None:
            self._soon.start()

    def _box(self) -> tuple[int, int, int, int] | None:
        session = self._session
        if not (self._labelling or self._chosen) or session.project is None:
            return None
        if session.current_object_id is None or session.current_image_id is None:
            return None
        objects = session.layers.frame_objects()
        if session.layers.veiled or session.current_object_id not in objects.index:
            return None
        y0, x0, y1, x1 = (int(objects.at[session.current_object_id, name]) for name in ("y0", "x0", "y1", "x1"))
        return y0, x0, y1, x1

    def _add(self, centre: list[float]) -> Any:
        viewer = self._session.viewer
        active = viewer.layers.selection.active
        layer = self._session.layers.add(
            RING,
            "add_points",
            np.array([centre, centre]),
            name=RING,
            visible=self._visible,
            face_color="transparent",
            # The thin bright ring runs in the middle of the wide black one.
            border_color=np.array([OUTER, INNER]),
            border_width=np.array([0.08, 0.04]),
            border_width_is_relative=True,
        )
        layer.editable = False
        bind_canvas(layer, self._session)
        viewer.layers.selection.active = active
        return layer
