"""The changes that other windows and the command line make to the open project."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

LOOK_MS = 1000
"""Two people beside each other see what the other labels; a look costs a fraction of a millisecond."""


class OthersWatch(QObject):
    """Asks the project once a second whether somebody else has written to it, and lets it emit its signals.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        session.project_changed.connect(self._on_project)

    def look(self) -> None:
        """Tell what others have changed; what the running job writes is told when it ends."""
        session = self._session
        if session.project is None:
            return
        # A file that cannot be read for a moment is looked at again in the next; a label would say what is wrong.
        with suppress(UserError):
            session.project.catch_up(leave=session.written_by_job())

    def _on_project(self) -> None:
        self._timer.stop()
        if self._session.project is not None:
            self.look()
            self._timer.start()
