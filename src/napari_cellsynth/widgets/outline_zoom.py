"""Keeps the outlines of objects whole at every zoom: far out they are drawn as wide as the screen can show."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

from napari_cellsynth.widgets.outline import outline_quickly, stroke_of
from napari_cellsynth.widgets.own_layers import camera_of

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

THICKNESS = 2
"""Pixels of the image, near enough; the person may change it in napari's controls of the layer."""

REST_MS = 60
"""The wheel zooms in many small steps; outlines are drawn anew once it rests."""


class OutlineZoom(QObject):
    """Draws the outlines of Labels layers and follows the camera's zoom.

    Parameters
    ----------
    session : Session
        The viewer's session, which owns it.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._layers: weakref.WeakSet[Any] = weakref.WeakSet()
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(REST_MS)
        self._resting.timeout.connect(self.follow)
        camera_of(session.viewer).events.zoom.connect(self._on_zoom)

    def draw(self, layer: Any) -> None:
        """Draw a Labels layer of one colour by its outlines from now on."""
        outline_quickly(layer)
        layer.metadata["zoom"] = self._zoom(layer)
        layer.contour = THICKNESS
        self._layers.add(layer)

    def follow(self) -> None:
        """Draw the outlines again that the zoom has made another width."""
        if self._session.viewer is None:
            return
        for layer in self._layers:
            before = stroke_of(layer)
            layer.metadata["zoom"] = self._zoom(layer)
            # A hidden layer is drawn when it is shown.
            if stroke_of(layer) != before and layer.visible:
                layer.refresh(extent=False)

    def _on_zoom(self) -> None:
        self._resting.start()

    def _zoom(self, layer: Any) -> float:
        """Return how many pixels of the screen a pixel of the layer is wide."""
        return float(camera_of(self._session.viewer).zoom * abs(layer.scale[-1]))
