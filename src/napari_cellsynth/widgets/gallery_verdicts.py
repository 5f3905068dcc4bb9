"""Accepting and rejecting the selected synthetic patches of the gallery: two buttons, a menu of reasons, two keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_cellsynth.project.patches import Verdict
from napari_cellsynth.widgets.dock import allow, button
from napari_cellsynth.widgets.gallery_model import ACCEPTED, REJECTED, SYNTHETIC, GalleryModel
from napari_cellsynth.widgets.gallery_source import GallerySource
from napari_cellsynth.widgets.patch_list import PatchList, reason_menu

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

ACCEPT_TIP = "Take the selected synthetic patches into trainings first (A)."
REJECT_TIP = "Keep the selected synthetic patches out of every training (R)."


class GalleryVerdicts(QObject):
    """The controls, and what they do; `buttons` are laid out by the dock.

    Parameters
    ----------
    session : Session
        The viewer's session.
    patches : PatchList
        What is selected here is judged; it shows the other two.
    model : GalleryModel
    source : GallerySource

    Attributes
    ----------
    under_way : bool
        Whether a verdict is being written: what is shown is mended in place, and not read again.

    Signals
    -------
    judged : ()
        A verdict was given.
    """

    judged = Signal()

    def __init__(self, session: Session, patches: PatchList, model: GalleryModel, source: GallerySource) -> None:
        super().__init__(patches)
        self._session, self._patches, self._model, self._source = session, patches, model, source
        self.under_way = False
        self.accept = button("accept", "Accept  A", ACCEPT_TIP)
        self.reject = button("reject", "Reject  R", REJECT_TIP)
        self.reason = reason_menu(lambda reason: self.judge(REJECTED, reason))
        patches.verdict.connect(self.judge)
        self.accept.clicked.connect(lambda: self.judge(ACCEPTED))
        self.reject.clicked.connect(lambda: self.judge(REJECTED))

    @property
    def buttons(self) -> tuple[QWidget, ...]:
        """What gives a verdict."""
        return self.accept, self.reject, self.reason

    def allow(self, possible: bool) -> None:
        """Allow a verdict where a synthetic patch is selected."""
        why_not = "" if possible else "No synthetic patch is selected."
        allow(self.accept, why_not, ACCEPT_TIP)
        allow(self.reject, why_not, REJECT_TIP)
        self.reason.setEnabled(possible)

    def judge(self, verdict: Verdict, reason: str = "") -> None:
        """Accept or reject the selected synthetic patches, and go on to the next patch."""
        selected = self._patches.selected_rows()
        rows = [row for row in selected if self._model.key(row).kind == SYNTHETIC]
        if not rows:
            return
        ids = [self._model.key(row).id for row in rows]
        with self._session.reporting():
            # The rows are mended in place: reading tens of thousands again would be felt at every key.
            self.under_way = True
            try:
                self._session.need_project().review(ids, verdict, reason)
            finally:
                self.under_way = False
            self._model.set_reviews(rows, verdict, reason)
            self._source.set_reviews(ids, verdict, reason)
            self.judged.emit()
            if len(rows) == 1 and selected[-1] + 1 < self._model.rowCount():
                self._patches.setCurrentIndex(self._model.index(selected[-1] + 1))
