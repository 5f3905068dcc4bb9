"""A dock that reads the project again only while it is on the screen; behind another tab it costs nothing."""

from __future__ import annotations

from typing import Any

from napari_cellsynth.widgets.dock import Dock, delayed

AFTER_LABELS_MS = 400
"""Labels come in bursts, a key each; what counts them reads the project once after a burst."""


class SeenDock(Dock):
    """Subclasses `follow` what they show and read the project in `refresh`.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose session this dock joins.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._stale = False
        self._after_labels = delayed(self, AFTER_LABELS_MS, self.refresh_if_seen)

    def follow(self, *names: str) -> None:
        """Read the project again when one of these changes (``"runs"``: the session's `runs_changed`), or labels do.

        Labels come by the second while a person waits for the next crop: they are read after a burst of them.
        """
        for name in names:
            getattr(self.session, f"{name}_changed").connect(self.refresh_if_seen)
        self.session.labels_changed.connect(self.refresh_after_labels)

    def refresh(self) -> None:
        """Read the project again."""

    def refresh_if_seen(self) -> None:
        """Read the project again, now or as soon as the dock is seen."""
        if self.is_seen():
            self.refresh()
        else:
            self._stale = True

    def refresh_after_labels(self) -> None:
        """Read the project again once no label has come for a moment."""
        self._after_labels.start()

    def came_forward(self) -> None:
        """Make up for what happened while the dock was not seen."""
        if self._stale:
            self._stale = False
            self.refresh()
