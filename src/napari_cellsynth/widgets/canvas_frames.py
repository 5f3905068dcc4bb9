"""The pixels of a series for napari: a frame that cannot be read is black, and its reason is said once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    from napari_cellsynth.imaging.source import ImageSource
    from napari_cellsynth.widgets.session import Session


class CanvasFrames(QObject):
    """Makes the lazy arrays that napari draws.

    napari reads a frame in the midst of its own events, where an exception would leave the canvas and the docks on
    different frames.

    Parameters
    ----------
    session : Session
        The session that tells the person.
    """

    unreadable = Signal(str)  # a signal, since napari may slice in a thread of its own

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._told: set[str] = set()
        self.unreadable.connect(self._on_unreadable)

    def of(self, image_id: int, source: ImageSource) -> Any:
        """Return a dask array (T, C, Y, X) of the series; what was said of an earlier one may be said again.

        Raises
        ------
        UserError
            When its frames are larger than napari can draw whole.
        """
        if source.large:
            raise UserError(
                f"{source.name} is too large for the canvas; its objects can be labelled and predicted all the same.",
                "To look at all of it, drag the OME-Zarr itself into napari.",
            )
        self._told.clear()
        return source.lazy(self.unreadable.emit, partial(self._session.frames.get, image_id))

    def _on_unreadable(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._session.report(sentence)
