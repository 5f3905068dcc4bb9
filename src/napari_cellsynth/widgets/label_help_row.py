"""The order of labelling, and the look for likely mistakes, copies across groups and objects worth labelling."""

from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_cellsynth.events import Looks
from napari_cellsynth.jobs.job import Job, LabelHelpParameters
from napari_cellsynth.project.label_help import LabelHelp, read_label_help
from napari_cellsynth.widgets.dock import allow, button, label, set_property
from napari_cellsynth.widgets.label_queue import DIVERSE, MISLABELLED, NEXT, SIMILAR
from napari_cellsynth.widgets.order_box import OrderBox
from napari_cellsynth.widgets.session import Session

CHECK_TIP = (
    "Look for labels that are probably wrong, for near-copies in different groups, and for the objects that are worth "
    "labelling next; then choose the order “Likely mislabelled” or “Label these next”."
)


class LabelHelpRow(QWidget):
    """Offers the orders, starts the look, and tells what the last one found.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.found = LabelHelp()
        self._predicted = False
        self.order = OrderBox()
        session.remembering.keep("order", self.order)
        self.check = button("check_labels", "Check labels", CHECK_TIP)
        self.told = label("", "quiet", name="label_help", wrap=True)
        row = QHBoxLayout()
        row.addWidget(label("Order"))
        row.addWidget(self.order, 1)
        row.addWidget(self.check)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.told)
        self.order.told.connect(self._tell)
        self.check.clicked.connect(self._on_check)
        session.label_help_changed.connect(lambda: self.offer(self._predicted))

    def offer(self, predicted: bool) -> None:
        """Offer the orders that can be had: with predictions or without, and with what was found last."""
        self._predicted = predicted
        project = self._session.project
        self.found = LabelHelp() if project is None else read_label_help(project.path)
        allow(self.check, "No project is open." if project is None else "", CHECK_TIP)
        set_property(self.told, "role", "problem" if any(pair["leak"] for pair in self.found.duplicates) else "quiet")
        self._tell()
        self.order.offer(predicted, self.found, self._session.looks is not None)

    def _tell(self) -> None:
        self.told.setText("\n".join(filter(None, [self.order.why_not(), words(self.found)])))
        self.told.setVisible(bool(self.told.text()))

    def advised(self, order: str, like: int = 0) -> list[int]:
        """Return the objects that an order by advice begins with; for the similar ones with the object ``like``."""
        looks = self._session.looks
        if order == DIVERSE:
            return [] if looks is None else looks.different.tolist()
        if order == SIMILAR:
            return [] if looks is None else most_similar(looks, like)
        doubted = [int(each["object"]) for each in self.found.mislabelled]
        return {NEXT: self.found.next, MISLABELLED: doubted}.get(order, [])

    def _on_check(self) -> None:
        with self._session.reporting():
            job = Job.of(self._session.need_project().path, LabelHelpParameters())
            self._session.submit(job, "Check labels")


def most_similar(looks: Looks, object_id: int) -> list[int]:
    """Return all objects that were looked at, the one given first and then the most similar; none where it was not."""
    place = np.flatnonzero(looks.object_ids == object_id)
    if not len(place):
        return []
    apart = ((looks.x - looks.x[place[0]]) ** 2).sum(axis=1)
    return [int(number) for number in looks.object_ids[np.argsort(apart, kind="stable")]]


def words(found: LabelHelp) -> str:
    """Return what a look found in one line; empty before the first one."""
    if not (found.next or found.mislabelled or found.duplicates):
        return " ".join(found.notices)
    parts = [f"{len(found.mislabelled)} likely mislabelled", f"{len(found.next)} to label next"]
    if found.duplicates:
        leaks = sum(pair["leak"] for pair in found.duplicates)
        pairs = f"{len(found.duplicates)} near-copies in different groups"
        parts.append(pairs + (f", {leaks} of them across the split: a leak" if leaks else ""))
    return " · ".join([*parts, *found.notices])
