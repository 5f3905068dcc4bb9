"""The row that looks for likely mistakes, copies across groups and objects worth labelling, and says what it found."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_cellsynth.jobs.job import Job, LabelHelpParameters
from napari_cellsynth.project.label_help import LabelHelp, read_label_help
from napari_cellsynth.widgets.dock import allow, button, label, set_property
from napari_cellsynth.widgets.label_queue import MISLABELLED, NEXT
from napari_cellsynth.widgets.session import Session

CHECK_TIP = (
    "Look for labels that are probably wrong, for near-copies in different groups, and for the objects that are worth "
    "labelling next; then choose the order “Likely mislabelled” or “Label these next”."
)


class LabelHelpRow(QWidget):
    """Starts the look and tells what the last one found.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.found = LabelHelp()
        self.check = button("check_labels", "Check labels", CHECK_TIP)
        self.told = label("", "quiet", name="label_help", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.check)
        row.addWidget(self.told, 1)
        self.check.clicked.connect(self._on_check)

    def refresh(self) -> None:
        """Read what was found last."""
        project = self._session.project
        self.found = LabelHelp() if project is None else read_label_help(project.path)
        allow(self.check, "No project is open." if project is None else "", CHECK_TIP)
        self.told.setText(words(self.found))
        set_property(self.told, "role", "problem" if any(pair["leak"] for pair in self.found.duplicates) else "quiet")

    def advised(self, order: str) -> list[int]:
        """Return the objects that an order by advice begins with."""
        doubted = [int(each["object"]) for each in self.found.mislabelled]
        return {NEXT: self.found.next, MISLABELLED: doubted}.get(order, [])

    def _on_check(self) -> None:
        with self._session.reporting():
            job = Job.of(self._session.need_project().path, LabelHelpParameters())
            self._session.submit(job, "Check labels")


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
