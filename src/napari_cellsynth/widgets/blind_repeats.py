"""When the person is asked again in between, and about which object; switched off until somebody wants it."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.opinions import REPEATED
from napari_cellsynth.widgets import recent
from napari_cellsynth.widgets.dock import delayed
from napari_cellsynth.widgets.label_queue import LabelQueue
from napari_cellsynth.widgets.session import Session

EVERY = round(1 / REPEATED)
"""Labels between two repeats, on average: who can foresee one looks harder."""

NAME = "blind_repeats"
REST_MS = 700
_AT_ONCE = 20


class BlindRepeats(QObject):
    """Counts labels and draws objects to ask again.

    Parameters
    ----------
    session : Session
        The viewer's session.
    parent : QWidget
        The widget that owns it.

    Attributes
    ----------
    due_in : int
        Labels until the next repeat.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._drawn: list[int] = []
        self._random = np.random.default_rng()
        self.due_in = self._gap()
        # The whole journal is read for it, which must not delay a key.
        self._drawing = delayed(parent, REST_MS, self.draw)
        session.project_changed.connect(self.forget)
        session.user_changed.connect(self.forget)
        session.labels_changed.connect(lambda _ids: self._draw_soon())

    @property
    def wanted(self) -> bool:
        """Whether the person has switched it on, on this machine."""
        return str(recent.settings().value(NAME, "")) == "on"

    def want(self, on: bool) -> None:
        """Switch it on or off, for this sitting and the next."""
        recent.settings().setValue(NAME, "on" if on else "")
        self._draw_soon()

    def forget(self) -> None:
        """Draw anew: another project, or another person."""
        self._drawn = []
        self.due_in = self._gap()
        self._draw_soon()

    def draw(self) -> None:
        """Draw the next objects, where there are none left."""
        self._drawing.stop()
        project = self._session.project
        if project is None or self._drawn or not self.wanted:
            return
        try:
            self._drawn = project.to_mix_in(_AT_ONCE, after=EVERY)
        except UserError:
            self._drawn = []  # a label would say what is wrong

    def next_of(self, queue: LabelQueue) -> int | None:
        """Count a label, and return the object to ask again now; None: none is due, or there is none."""
        self.due_in -= 1
        if self.due_in > 0:
            return None
        if not self._drawn and self.due_in < -EVERY:
            self.draw()  # somebody labels without a rest
        while self._drawn:
            number = self._drawn.pop()
            current = queue.current
            if number in queue and queue.class_of(number) and (current is None or number != current.object_id):
                self.due_in = self._gap()
                return number
        return None

    def _draw_soon(self) -> None:
        if not self._drawn and self.wanted:
            self._drawing.start()

    def _gap(self) -> int:
        return int(self._random.integers(EVERY // 2, EVERY + EVERY // 2 + 1))
