"""The page of disagreements: all crops that two people called differently, with both labels, to be settled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
from qtpy.QtCore import QItemSelectionModel, Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QDialog, QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs.agreement import Disagreement, between, comparable
from napari_cellsynth.project import BAD_SEGMENTATION, UNSURE
from napari_cellsynth.project.classes import SEPARATOR
from napari_cellsynth.widgets.disagreement_grid import DisagreementDelegate, DisagreementGrid, Said
from napari_cellsynth.widgets.dock import button, delayed, label
from napari_cellsynth.widgets.gallery_model import COLUMNS, GalleryModel
from napari_cellsynth.widgets.gallery_source import GallerySource
from napari_cellsynth.widgets.patch_list import flow_row, refill
from napari_cellsynth.widgets.project_patches import ProjectPatches
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.theme import wear_theme

NO_COLOR = "#9aa0a6"
AFTER_MS = 200
KEYS = "A or B takes that person’s label, 1 to 9 any class, 0 unsure, X bad segmentation; Ctrl+Z undoes."


class Disagreements(QDialog):
    """A window that leaves the others usable.

    Parameters
    ----------
    session : Session
        Its project is read, and keeps the decisions.
    parent : QWidget, optional
        The dock; the window goes with it.
    pair : tuple of str, optional
        The two people who are compared first.
    """

    def __init__(self, session: Session, parent: QWidget | None = None, pair: tuple[str, str] | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("disagreements")
        self.setWindowTitle("Disagreements")
        wear_theme(self, session.viewer)
        self._session = session
        self._found: dict[int, Disagreement] = {}
        self.pair = QComboBox()
        self.pair.setObjectName("page_pair")
        self.pair.setAccessibleName("Two labellers")
        self.pair.setToolTip("The two people who are compared.")
        self.settled = QCheckBox("settled ones too")
        self.settled.setObjectName("show_settled")
        self.settled.setToolTip("Show the crops of which somebody has decided already.")
        self.summary = label("", "quiet", name="disagreement_count")
        self.in_image = button("show_disagreement", "In image", "Show the selected crop in its image.")
        self.model = GalleryModel(self)
        self.model.on_failure = session.report
        self.grid = DisagreementGrid()
        self.grid.setModel(self.model)
        self.grid.setItemDelegate(DisagreementDelegate(self.grid))
        layout = QVBoxLayout(self)
        layout.addWidget(flow_row(self.pair, self.settled, self.in_image, self.summary))
        layout.addWidget(self.grid, 1)
        layout.addWidget(label(KEYS, "quiet", name="disagreement_keys", wrap=True))
        self.resize(820, 560)
        self._reading = delayed(self, AFTER_MS, self.read)
        self.pair.activated.connect(lambda _index: self.read())
        self.settled.toggled.connect(lambda _on: self.read())
        self.in_image.clicked.connect(self._show_in_image)
        self.grid.verb.connect(self._on_verb)
        self.grid.clicked_label.connect(lambda row, side: self._take_side([row], side))
        self.grid.doubleClicked.connect(lambda _index: self._show_in_image())
        for signal in (session.labels_changed, session.classes_changed, session.objects_changed):
            signal.connect(lambda *_: self._reading.start())
        session.project_changed.connect(self.close)
        self.model.open_patches(partial(ProjectPatches, session.need_project().path))
        self.read()
        if pair is not None and (row := self.pair.findData(pair)) > 0:
            self.pair.setCurrentIndex(row)
            self.read()
        self.grid.setFocus()

    def read(self) -> None:
        """Read the disagreements of the chosen pair, those that wait for a decision first."""
        project = self._session.project
        if project is None:
            return
        with self._session.reporting():
            refill(self.pair, [(f"A: {a} · B: {b}", (a, b)) for a, b in comparable(project)])
            found = between(project, *self.pair.currentData())[1] if self.pair.count() else []
            found = sorted(found, key=lambda each: each.decided)
            self._found = {each.object_id: each for each in found if self.settled.isChecked() or not each.decided}
            self.model.set_classes({r.id: r.name for r in project.classes()}, {})
            source = GallerySource()
            table = source.real(project, list(self._found), None, {}) if self._found else pd.DataFrame(columns=COLUMNS)
            order = {number: place for place, number in enumerate(self._found)}
            self._say(table["id"].tolist())
            self.model.set_table(table.sort_values("id", key=lambda ids: ids.map(order)))
            decided = sum(each.decided for each in found)
            self.summary.setText(f"{len(found):,} disagreements · {decided:,} settled" if found else "none")
        if self.model.rowCount() and not self.grid.selected_rows():
            self._go_to(0)

    def _say(self, object_ids: Sequence[int]) -> None:
        project = self._session.need_project()
        colors = {record.id: record.color for record in project.classes()}
        now = dict(zip(object_ids, project.labels_of(list(object_ids)), strict=True))

        def words(given: int) -> str:
            return project.label_words(given).replace(SEPARATOR, " + ")

        def color(given: int) -> str:
            return colors.get(next(iter(project.classes_of(given)), 0), NO_COLOR)

        delegate = self.grid.itemDelegate()
        assert isinstance(delegate, DisagreementDelegate)
        delegate.said = {
            number: Said(
                words(each.first),
                words(each.second),
                color(each.first),
                color(each.second),
                words(now[number]) if each.decided else "",
            )
            for number, each in self._found.items()
            if number in now
        }

    # ------------------------------------------------------------------ what the person does
    def _on_verb(self, verb: str) -> None:
        rows = self.grid.selected_rows()
        if verb in ("undo", "redo"):
            with self._session.reporting():
                project = self._session.need_project()
                if (project.undo_step() if verb == "undo" else project.redo_step()) is None:
                    self._session.report(f"There is nothing to {verb}.")
        elif verb in ("first", "second"):
            self._take_side(rows, verb)
        elif verb in ("unsure", "bad_segmentation"):
            self._decide(rows, dict.fromkeys(self._ids(rows), UNSURE if verb == "unsure" else BAD_SEGMENTATION))
        else:
            with self._session.reporting():
                classes = self._session.need_project().classes()
                record = next((each for each in classes if each.key == verb[-1]), None)
                if record is None:
                    raise UserError(f"No class has the key {verb[-1]}.", "Add one in the Label dock.")
                self._decide(rows, dict.fromkeys(self._ids(rows), record.id))

    def _take_side(self, rows: Sequence[int], side: str) -> None:
        """Decide for what one of the two said."""
        wanted: dict[int, Any] = {}
        for number in self._ids(rows):
            said = getattr(self._found[number], side)
            wanted[number] = self._session.need_project().classes_of(said) or said
        self._decide(rows, wanted)

    def _ids(self, rows: Sequence[int]) -> list[int]:
        return [self.model.key(row).id for row in rows]

    def _decide(self, rows: Sequence[int], wanted: dict[int, Any]) -> None:
        """Keep a decision, one step of undo, and go on to the next crop."""
        if not rows:
            self._session.report("No crop is selected.")
            return
        with self._session.reporting():
            self._session.need_project().label_each(wanted, source="decision")
            self.read()
            # Settled crops leave the page, so the next one stands where the first of them was.
            place = rows[0] if not self.settled.isChecked() else rows[-1] + 1
            self._go_to(min(place, self.model.rowCount() - 1))

    def _go_to(self, row: int) -> None:
        index = self.model.index(row)
        if row >= 0:
            self.grid.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.grid.scrollTo(index)

    def _show_in_image(self) -> None:
        if rows := self.grid.selected_rows():
            self._session.select_object(self._ids(rows)[0])

    def done(self, result: int) -> None:
        """End the reading thread with the window."""
        self.model.close()
        super().done(result)


def show_disagreements(session: Session, parent: QWidget, pair: tuple[str, str] | None = None) -> Disagreements | None:
    """Open the page beside the other windows; None, with a notification, where nobody can be compared."""
    with session.reporting():
        if not comparable(session.need_project()):
            raise UserError(
                "Nobody has labelled this project beside another person without seeing the labels.",
                "Let a second one choose “Label independently”; the project menu tells whose labels they are.",
            )
        page = Disagreements(session, parent, pair)
        page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        page.show()
        return page
    return None
