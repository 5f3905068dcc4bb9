"""Where labels go: into the project; beside it, as answers of somebody who does not see them; or as decisions."""

from __future__ import annotations

from typing import Any

import pandas as pd
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.agreement import Agreement
from napari_cellsynth.jobs import agreement
from napari_cellsynth.project import UNLABELLED, Project
from napari_cellsynth.widgets.blind_repeats import BlindRepeats
from napari_cellsynth.widgets.disagreements import show_disagreements
from napari_cellsynth.widgets.dock import button, delayed, label
from napari_cellsynth.widgets.label_queue import AS_GIVEN, LabelQueue
from napari_cellsynth.widgets.patch_list import may_shrink, refill
from napari_cellsynth.widgets.rows import row_of
from napari_cellsynth.widgets.session import Session

LABEL, MIXED, AGAIN = "Label", "Label with repeats", "Ask me again"
BLIND, SETTLE = "Label independently", "Settle disagreements"
MODES = {
    LABEL: "Labels go into the project.",
    MIXED: "As Label, but about every 20th crop is an earlier one of yours, without its label; your label of it stays.",
    AGAIN: "Shows a twentieth of your own labels once more, without the label: how far you agree with yourself.",
    BLIND: "A second labeller: others’ labels and all suggestions are hidden; what you say stands beside them.",
    SETTLE: "Shows what two people called differently, with both answers; a key decides.",
}
PAGE_TIP = "Show all crops of which two people differ, with both labels; settle them by key or click."
AFTER_MS = 500


class ModeRow(QWidget):
    """The choice of the mode and the figure that belongs to it.

    Parameters
    ----------
    session : Session
        The viewer's session.

    Signals
    -------
    changed : ()
        Other objects are to be shown, or otherwise.

    Attributes
    ----------
    row : QHBoxLayout
        Holds the choice; the dock may add to it.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._own: dict[int, int] = {}
        self._both: dict[int, tuple[int, int]] = {}
        self.box = may_shrink(QComboBox())
        self.box.setObjectName("mode")
        self.box.setAccessibleName("Mode")
        for row, (mode, tip) in enumerate(MODES.items()):
            self.box.addItem(mode)
            self.box.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
        self.pair = may_shrink(QComboBox())
        self.pair.setObjectName("pair")
        self.pair.setAccessibleName("Two labellers")
        self.pair.setToolTip("The two people who are compared.")
        self.pair.hide()
        self.page = button("page_of_disagreements", "On a page…", PAGE_TIP)
        self.told = label("", "quiet", name="agreement", wrap=True)
        self.row = QHBoxLayout()
        self.row.addWidget(self.box, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(self.row)
        layout.addLayout(row_of(self.pair, self.page, stretch=0))
        layout.addWidget(self.told)
        self.repeats = BlindRepeats(session, self)
        self._telling = delayed(self, AFTER_MS, self._tell)
        self.page.clicked.connect(lambda: show_disagreements(session, self, self.pair.currentData()))
        self.box.activated.connect(lambda _index: self._on_mode())
        self.pair.activated.connect(lambda _index: self._on_mode())
        session.project_changed.connect(self._on_project)
        session.user_changed.connect(self._on_mode)
        session.labels_changed.connect(lambda _ids: self._telling.start())
        self._on_mode(tell=False)

    @property
    def mode(self) -> str:
        """One of `MODES`."""
        return self.box.currentText()

    @property
    def blind(self) -> bool:
        """Whether labels and suggestions are hidden."""
        return self.mode in (AGAIN, BLIND)

    # ------------------------------------------------------------------ what the dock asks
    def shown(self, project: Project, objects: pd.DataFrame) -> pd.DataFrame:
        """Return the objects to show (rows of `Project.objects`), with the labels that the person may see."""
        self._own, self._both = {}, {}
        if self.mode in (LABEL, MIXED):
            return objects
        if self.mode == SETTLE:
            with self._session.reporting():
                return self._disagreements(project, objects)
            return objects.iloc[:0]
        wanted = project.to_repeat() if self.mode == AGAIN else list(objects.index)
        self._read_own(project)
        objects = objects.loc[[number for number in wanted if number in objects.index]]
        return objects.assign(label=[self._own.get(number, UNLABELLED) for number in objects.index.tolist()])

    def labels_of(self, project: Project, object_ids: list[int]) -> list[int]:
        """Return the labels of objects that the person may see."""
        if self.blind:
            self._read_own(project)
            return [self._own.get(number, UNLABELLED) for number in object_ids]
        labels = project.labels_of(object_ids)
        if self.mode == SETTLE:
            settled = project.decided()
            return [
                given if number in settled else UNLABELLED for number, given in zip(object_ids, labels, strict=True)
            ]
        return labels

    def write(self, project: Project, object_id: int, given: int | tuple[int, ...], source: Any) -> None:
        """Put a label, an answer or a decision on the disk."""
        if self.mode == AGAIN:
            project.answer([object_id], given, "repeat")
        elif self.mode == BLIND:
            project.answer([object_id], given, "independent")
        else:
            project.label([object_id], given, source="decision" if self.mode == SETTLE else source)

    def answer_again(self, project: Project, object_id: int, given: int | tuple[int, ...]) -> int:
        """Keep what somebody says of an object that is asked again in between, and return it as a label's number."""
        project.answer([object_id], given, "repeat")
        told = project.repeats()
        second = told.loc[told["object_id"] == object_id, "second"]
        return int(second.iloc[0]) if len(second) else UNLABELLED

    def again(self, queue: LabelQueue) -> int | None:
        """Return the object to ask again before the queue goes on; None: none is due. To be called once a label."""
        return self.repeats.next_of(queue) if self.mode == MIXED else None

    def order(self, chosen: str) -> str:
        """Return the order of labelling: answers to what was asked again come in the random order of the asking."""
        return AS_GIVEN if self.mode in (AGAIN, SETTLE) else chosen

    def both_answers(self, object_id: int) -> str:
        """Return what the two people said of an object, in words; empty where no disagreement is shown."""
        project = self._session.project
        if self.mode != SETTLE or project is None or object_id not in self._both:
            return ""
        pairs = zip(self.pair.currentData() or ("", ""), self._both[object_id], strict=True)
        return " · ".join(f"{name}: {project.label_words(given).replace('|', ' + ')}" for name, given in pairs)

    def all_done(self, count: int) -> str:
        """Return what to say when the last object has its label."""
        if self.mode == SETTLE:
            return f"All {count:,} disagreements are settled."
        return f"All {count:,} objects are {'answered' if self.blind else 'labelled'}."

    def nothing(self) -> str:
        """Return why there is no object."""
        if self.mode == AGAIN:
            return f"There are no labels of {self._session.need_project().user} to ask about. Label some first."
        if self.mode == SETTLE:
            return "There is no disagreement."
        return "There is no object to label. Segment some frames first."

    # ------------------------------------------------------------------ inside
    def _read_own(self, project: Project) -> None:
        if self.mode == AGAIN:
            told = project.repeats()
            self._own = dict(zip(told["object_id"].tolist(), told["second"].tolist(), strict=True))
        else:
            said = project.opinions()
            said = said[said["user"] == project.user]
            self._own = dict(zip(said["object_id"].tolist(), said["label"].tolist(), strict=True))

    def _disagreements(self, project: Project, objects: pd.DataFrame) -> pd.DataFrame:
        pairs = agreement.comparable(project)
        refill(self.pair, [(f"{a} and {b}", (a, b)) for a, b in pairs])
        if not pairs:
            raise UserError(
                "Nobody has labelled this project beside another person without seeing the labels.",
                "Let a second one choose “Label independently”; the project menu tells whose labels they are.",
            )
        _, found = agreement.between(project, *self.pair.currentData())
        self._both = {each.object_id: (each.first, each.second) for each in found}
        objects = objects.loc[[each.object_id for each in found if each.object_id in objects.index]]
        settled = {each.object_id for each in found if each.decided}
        given = zip(objects.index.tolist(), objects["label"].tolist(), strict=True)
        return objects.assign(label=[now if number in settled else UNLABELLED for number, now in given])

    def _on_project(self) -> None:
        self.box.setCurrentText(MIXED if self.repeats.wanted else LABEL)
        self._on_mode()

    def _on_mode(self, tell: bool = True) -> None:
        self.pair.setVisible(self.mode == SETTLE)
        self.page.setVisible(self.mode == SETTLE)
        self.box.setToolTip(MODES[self.mode])
        self._session.hide_labels(self.blind)
        self.told.setText("")
        self.told.setVisible(self.mode != LABEL)
        if self.mode in (LABEL, MIXED):
            self.repeats.want(self.mode == MIXED)
        self._telling.start()
        if tell:
            self.changed.emit()

    def _tell(self) -> None:
        project = self._session.project
        if project is None or self.mode == LABEL:
            return
        try:
            self.told.setText(self._words(project))
        except UserError as error:
            # Nothing to compare yet is no mistake of anybody's.
            self.told.setText("No label was asked again yet." if self.mode == MIXED else error.message)

    def _words(self, project: Project) -> str:
        if self.mode in (AGAIN, MIXED):
            return f"{project.user} and themselves: {words_of(agreement.self_agreement(project))}"
        pair = self.pair.currentData() if self.mode == SETTLE else None
        if pair is None:
            mine = [pair for pair in agreement.comparable(project) if project.user in pair]
            pair = mine[0] if mine else None
        if pair is None:
            return f"Nothing to compare yet; you are {project.user} (project menu)."
        return f"{pair[0]} and {pair[1]}: {words_of(agreement.between(project, *pair)[0])}"


def words_of(found: Agreement) -> str:
    """Return an agreement in one line."""
    words = f"{100 * found.share.estimate:.0f} % of {found.n:,} alike"
    if found.kappa.estimate == found.kappa.estimate:
        low, high = found.kappa.low, found.kappa.high
        words += f" · Cohen’s κ {found.kappa.estimate:.2f} ({low:.2f} to {high:.2f})"
    return words
