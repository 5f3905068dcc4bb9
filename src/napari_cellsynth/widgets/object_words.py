"""What napari's status bar says of the object under the pointer: the features of the ``objects`` layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from napari_cellsynth.widgets.layers import ProjectLayers
    from napari_cellsynth.widgets.session import Session

REST_MS = 200
"""While a person steps through frames nobody reads them, and they take an eighth of a step's time."""


class ObjectWords(QObject):
    """Puts the words into the layer.

    Parameters
    ----------
    session : Session
        The viewer's session, which owns it.
    layers : ProjectLayers
        Which layer, and of which frame.
    """

    def __init__(self, session: Session, layers: ProjectLayers) -> None:
        super().__init__(session)
        self._session, self._layers = session, layers
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(REST_MS)
        self._resting.timeout.connect(self.tell)

    def tell(self) -> None:
        """Tell of the objects of the frame on the canvas."""
        self._resting.stop()
        layers, layer = self._layers, self._layers.objects_layer
        if layer is None or self._session.project is None or not layers.frame_is_segmented:
            return
        with self._session.reporting():
            layer.features = layers.objects.features(layers.image_id, layers.frame)

    def tell_soon(self) -> None:
        """Tell of them once the person rests."""
        self._resting.start()
