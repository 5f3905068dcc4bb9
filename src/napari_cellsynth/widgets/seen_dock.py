"""A dock that reads the project again only while it is on the screen; behind another tab it costs nothing."""

from __future__ import annotations

from typing import Any

from qtpy.QtGui import QShowEvent

from napari_cellsynth.widgets.dock import Dock


class SeenDock(Dock):
    """Subclasses connect the session's signals to `refresh_if_seen` and read the project in `refresh`.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose session this dock joins.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._stale = False

    def refresh(self) -> None:
        """Read the project again."""

    def refresh_if_seen(self) -> None:
        """Read the project again, now or as soon as the dock is seen."""
        if self.isVisible():
            self.refresh()
        else:
            self._stale = True

    def showEvent(self, event: QShowEvent) -> None:
        """Make up for what happened while the dock was hidden."""
        super().showEvent(event)
        if self._stale:
            self._stale = False
            self.refresh()
