"""The line that says which corrections by hand were not taken over yet, and the button that goes to one."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_cellsynth.widgets.dock import button, label
from napari_cellsynth.widgets.drafting import Place
from napari_cellsynth.widgets.rows import row_of
from napari_cellsynth.widgets.session import Session

_MOST_NAMED = 6


class WaitingRow(QWidget):
    """Shows the corrections of this window and the drafts of earlier ones; hidden where there is none.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    wanted = Signal()
    """The frame on the canvas has a correction that somebody wants to see."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.places: list[Place] = []
        self.text = label("", "problem", name="pending", wrap=True)
        self.go = button("show_waiting", "Show", "Go to the next frame whose correction was not taken over yet.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row_of(self.text, self.go, stretch=0))
        self.go.clicked.connect(self.show_next)
        self.hide()

    def offer(self) -> bool:
        """Tell of drafts when a project has been opened; whether there is any."""
        with self._session.reporting():
            if count := len(self._session.drafting.offered()):
                frames = "1 frame" if count == 1 else f"{count} frames"
                self._session.inform(f"Not taken over yet: corrections of {frames} (Segment, correct by hand).")
            return bool(count)
        return False

    def show_places(self, changed: Iterable[Place]) -> None:
        """Show which frames wait: these, changed in this window, and those with a draft of an earlier one."""
        with self._session.reporting():
            self.places = sorted({*changed, *self._session.drafting.offered()})
            self.text.setText(self._words())
        self.setVisible(bool(self.places))

    def show_next(self) -> None:
        """Bring the next one onto the canvas."""
        session = self._session
        here = (session.current_image_id or 0, session.current_frame)
        after = [place for place in self.places if place >= here] or self.places
        if after:
            image_id, frame = after[0]
            with session.reporting():
                if image_id != session.current_image_id:
                    session.show_image(image_id)
                session.layers.show_frame(image_id, frame)
                self.wanted.emit()

    def _words(self) -> str:
        if not self.places or self._session.project is None:
            return ""
        names = self._session.project.images()["name"]
        several = len({image_id for image_id, _ in self.places} | {self._session.current_image_id}) > 1
        named = [(f"{names[image_id]} " if several else "") + str(t + 1) for image_id, t in self.places[:_MOST_NAMED]]
        more = len(self.places) - len(named)
        return f"Not taken over yet: frame {', '.join(named)}{f' and {more} more' if more else ''}."
