"""Labelling many crops at once in the gallery: select, then one key; Enter accepts what is suggested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QItemSelection, QItemSelectionModel, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QMenu, QToolButton, QWidget

from napari_cellsynth.project import BAD_SEGMENTATION, UNLABELLED, UNSURE
from napari_cellsynth.widgets.dock import allow, button
from napari_cellsynth.widgets.gallery_model import REAL
from napari_cellsynth.widgets.gallery_table import BY_FIGURE
from napari_cellsynth.widgets.keys import KeySheet, is_held, overrides, verb_of
from napari_cellsynth.widgets.offers import Offers
from napari_cellsynth.widgets.patch_list import choice_box, refill
from napari_cellsynth.widgets.suggestion_table import Suggested, SuggestedClasses, as_table

if TYPE_CHECKING:
    from napari_cellsynth.widgets.gallery import GalleryDock

EVERY = "every"
"""In place of a class: all objects, labelled or not."""

OTHERS = (
    ("unlabelled", UNLABELLED),
    ("unsure", UNSURE),
    ("bad segmentation", BAD_SEGMENTATION),
    ("every object", EVERY),
)
"""What real crops can be chosen by, besides their class."""

SHEET = (
    ("1 … 9", "give all selected crops the class with that key"),
    ("0 · X", "unsure · bad segmentation"),
    ("Enter", "accept what is suggested for the selected crops, or for the page in view"),
    ("Delete", "take the labels away"),
    ("Shift, Ctrl, box", "select many"),
    ("Ctrl+A · Ctrl+I", "select all · the others"),
    ("A · R", "accept · reject synthetic patches"),
    ("Ctrl+Z · Ctrl+Shift+Z", "undo · redo, a whole bulk at once"),
    ("?", "show or hide these keys"),
)
VERBS = {"unsure": UNSURE, "bad_segmentation": BAD_SEGMENTATION, "unlabel": UNLABELLED}
HIDDEN = "Labels are hidden: answer in the Label dock, or choose its mode “Label”."
LABEL_TIP = "Give all selected crops a class: 1 to 9, 0 unsure, X bad segmentation, Delete none. One undo."
ACCEPT_TIP = "Accept what is suggested for the selected crops, or else for the unlabelled ones in view (Enter)."
INVERT_TIP = "Select the crops that are not selected, and no others (Ctrl+I)."
SUGGESTED_TIP = "Show only real crops for which this class is suggested: while you label, or by the newest classifier."


class GalleryLabelling(QObject):
    """The controls and keys; `filters` and `buttons` are laid out by the dock.

    Parameters
    ----------
    dock : GalleryDock
        Its model, list and session are worked on.
    """

    def __init__(self, dock: GalleryDock) -> None:
        super().__init__(dock)
        self._dock, self._session = dock, dock.session
        self.offers = Offers(dock.session, self)
        self.suggested_box = choice_box("suggested", SUGGESTED_TIP, ("any suggestion",))
        self.label_as = QToolButton()
        self.label_as.setObjectName("label_as")
        self.label_as.setText("Label as ▾")
        self.label_as.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.label_as.setMenu(QMenu(self.label_as))
        self.accept = button("accept_suggested", "Accept suggested  ⏎", ACCEPT_TIP)
        self.invert = button("invert", "Invert", INVERT_TIP)
        self.keys = button("keys", "? keys", "Show the keys.")
        self.sheet = KeySheet(dock.scroll)
        self.sheet.tell_rows(SHEET, columns=2)
        self._kept: list[Any] = []
        dock.patches.installEventFilter(self)
        self.suggested_box.activated.connect(lambda _index: dock.refresh())
        self.accept.clicked.connect(self.accept_suggested)
        self.invert.clicked.connect(self.select_others)
        self.keys.clicked.connect(self.sheet.toggle)
        self.offers.on_change(self._on_suggestions)
        dock.model.modelAboutToBeReset.connect(self._keep_selection)
        dock.model.modelReset.connect(self._restore_selection)

    @property
    def filters(self) -> tuple[QWidget, ...]:
        """What chooses among the crops."""
        return (self.suggested_box,)

    @property
    def buttons(self) -> tuple[QWidget, ...]:
        """What labels them."""
        return self.label_as, self.accept, self.invert, self.keys

    # ------------------------------------------------------------------ what the dock asks
    def only(self, chosen: Sequence[int] | None) -> Sequence[int] | None:
        """Return the only real crops to show: those ``chosen`` elsewhere, or by the filter here; None for no limit."""
        if self._session.labels_hidden:
            return list(self._session.need_project().objects().index)
        if chosen is not None or self._dock.show_box.currentText() != REAL:
            return chosen
        wanted = self.suggested_box.currentData()
        if wanted is not None:
            if not self._session.need_project().multi_label:
                return as_table(self.offers.suggested).with_class(wanted)
            return [number for number in list(self.offers.suggested) if wanted in self.offers.classes(number)]
        return None

    def class_id(self) -> int | None:
        """Return the class whose patches are shown; None for all, and where labels are hidden that would tell them."""
        box, real = self._dock.class_box, self._dock.show_box.currentText() == REAL
        if box.currentData() == EVERY or (real and self._session.labels_hidden):
            return None
        chosen: int | None = box.currentData()
        return chosen

    def certainty(self) -> Suggested:
        """Return the suggestions where the crops are ordered by how sure they are; else nothing, to save the time."""
        if (
            self._session.labels_hidden
            or BY_FIGURE.get(self._dock.order_box.currentText(), ("", True))[0] != "confidence"
        ):
            return {}
        return self.offers.suggested

    def follow(self) -> None:
        """Take over the classes and suggestions; to be called whenever the dock reads the project."""
        project = self._session.project
        real = self._dock.show_box.currentText() == REAL and project is not None
        hidden = self._session.labels_hidden
        self._dock.class_box.setEnabled(not (real and hidden))
        for widget in (*self.filters, *self.buttons):
            widget.setVisible(real)
        dock = self._dock
        for widget in (dock.run_box, dock.review_box, *dock.verdicts.buttons):
            widget.setVisible(not real)
        if project is None or not real:
            self._dock.model.set_suggested({})
            return
        records = project.classes()
        offered: Suggested = {} if hidden else self.offers.suggested
        if (concealed := self._session.concealed) is not None and concealed in offered:
            offered = {number: told for number, told in offered.items() if number != concealed}
        refill(self.suggested_box, [("any suggestion", None), *((f"suggested: {r.name}", r.id) for r in records)])
        self.suggested_box.setVisible(bool(offered))
        self._dock.model.set_suggested(SuggestedClasses(offered))
        menu = self.label_as.menu()
        menu.clear()
        for record in records:
            menu.addAction(f"{record.name.replace('&', '&&')}\t{record.key}", lambda c=record.id: self.give(c))
        menu.addSeparator()
        for text, key, label in (("unsure", "0", UNSURE), ("bad segmentation", "X", BAD_SEGMENTATION)):
            menu.addAction(f"{text}\t{key}", lambda c=label: self.give(c))
        menu.addAction("no label\tDel", lambda: self.give(UNLABELLED))
        self.follow_selection()

    def follow_selection(self) -> None:
        """Allow what can be done with what is selected."""
        selected, hidden = bool(self._rows()), HIDDEN if self._session.labels_hidden else ""
        why_not = hidden or ("" if selected else "Select real crops first: click, Shift, Ctrl or a box.")
        self.label_as.setEnabled(not why_not)
        self.label_as.setToolTip(why_not or LABEL_TIP)
        nothing = "" if self._dock.model.suggested else "Nothing is suggested for these crops."
        allow(self.accept, hidden or nothing, ACCEPT_TIP)

    # ------------------------------------------------------------------ what the person does
    def give(self, label: int) -> None:
        """Give all selected crops a label in one step; in a multi-label project a class goes where all have it."""
        rows = self._rows()
        if self._session.labels_hidden:
            self._session.report(HIDDEN)
            return
        if not rows:
            self._session.report("No real crop is selected: show real ones, then click, Shift, Ctrl or Ctrl+A.")
            return
        with self._session.reporting():
            project = self._session.need_project()
            ids = [self._dock.model.key(row).id for row in rows]
            source: Any = "bulk" if len(ids) > 1 else "hand"
            if label > UNLABELLED and project.multi_label:
                has = [set(project.classes_of(each)) for each in project.labels_of(ids)]
                every = all(label in each for each in has)
                sets = [each - {label} if every else each | {label} for each in has]
                project.label_each(dict(zip(ids, sets, strict=True)), source=source)
            else:
                project.label(ids, label, source=source)
                self._dock.model.set_labels(rows, [label] * len(rows))
            self._go_on(rows)

    def accept_suggested(self) -> None:
        """Give the selected crops (else the unlabelled ones in view) the classes that are shown as suggested."""
        model = self._dock.model
        rows = self._rows() or [row for row in self._in_view() if model.label_of(row) == UNLABELLED]
        with self._session.reporting():
            project = self._session.need_project()
            there = {record.id for record in project.classes()}
            taken = [row for row in rows if model.suggested.get(model.key(row).id) in there]
            if not taken:
                self._session.report("No class is suggested for these crops.")
                return
            several = project.multi_label
            wanted: dict[int, Any] = {}
            for row in taken:
                number = model.key(row).id
                # What the person saw counts, not what a newer model says by now.
                wanted[number] = set(self.offers.classes(number)) & there if several else model.suggested[number]
            project.label_each(wanted, source="accepted prediction")
            model.set_labels(taken, [model.suggested[model.key(row).id] for row in taken])
            self._session.inform(f"Accepted for {len(taken):,} crops. Ctrl+Z takes them all back.")

    def select_others(self) -> None:
        """Select what is not selected, and nothing else."""
        model, chosen = self._dock.model, set(self._dock.patches.selected_rows())
        self._select([row for row in range(model.rowCount()) if row not in chosen])

    def travel(self, back: bool) -> None:
        """Undo, or redo, one step of anything."""
        with self._session.reporting():
            project = self._session.need_project()
            if (project.undo_step() if back else project.redo_step()) is None:
                self._session.report(f"There is nothing to {'undo' if back else 'redo'}.", "undo")

    # ------------------------------------------------------------------ keys
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the keys that label, while the patches have the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and (overrides(event) or _inverts(event)):
            event.accept()
            return True
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        if _inverts(event):
            self.select_others()
            return True
        verb = verb_of(event)
        if not is_held(event, verb) and self._do(verb):
            return True
        return is_held(event, verb)

    def _do(self, verb: str) -> bool:
        if verb == "keys":
            self.sheet.toggle()
            return True
        if verb in ("undo", "redo"):
            self.travel(back=verb == "undo")
        elif verb == "accept":
            self.accept_suggested()
        elif verb in VERBS:
            self.give(VERBS[verb])
        elif verb.startswith("class "):
            self._give_key(verb[-1])
        else:
            return False
        self.sheet.hide()
        return True

    def _give_key(self, key: str) -> None:
        project = self._session.project
        record = next((each for each in project.classes() if each.key == key), None) if project is not None else None
        if record is None:
            self._session.report(f"No class has the key {key}. Add one in the Label dock.")
        else:
            self.give(record.id)

    # ------------------------------------------------------------------ rows
    def _rows(self) -> list[int]:
        model = self._dock.model
        return [row for row in self._dock.patches.selected_rows() if model.key(row).kind == REAL]

    def _in_view(self) -> list[int]:
        model = self._dock.model
        return [row for row in self._dock.patches.rows_in_view() if model.key(row).kind == REAL]

    def _go_on(self, rows: Sequence[int]) -> None:
        """After a single crop go to the next one, so that a row can be labelled key by key."""
        if len(rows) == 1 and rows[0] + 1 < self._dock.model.rowCount():
            self._dock.patches.setCurrentIndex(self._dock.model.index(rows[0] + 1))

    def _select(self, rows: Sequence[int]) -> None:
        model, chosen = self._dock.model, QItemSelection()
        start = before = -2
        for row in [*rows, -2]:  # one range for each run of neighbours: one index each would be slow
            if row != before + 1:
                if start >= 0:
                    chosen.select(model.index(start), model.index(before))
                start = row
            before = row
        self._dock.patches.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _keep_selection(self) -> None:
        model, patches = self._dock.model, self._dock.patches
        current = patches.currentIndex()
        self._kept = [model.key(row) for row in patches.selected_rows()]
        self._place = patches.verticalScrollBar().value()
        self._current = model.key(current.row()) if current.isValid() and current.row() < model.rowCount() else None

    def _restore_selection(self) -> None:
        """Select again what was selected: reading the table after labels must not take the next selection away."""
        model, patches = self._dock.model, self._dock.patches
        rows = sorted(row for key in self._kept if (row := model.row_of(key)) is not None)
        if not rows:
            return
        if self._current is not None and (row := model.row_of(self._current)) is not None:
            patches.selectionModel().setCurrentIndex(model.index(row), QItemSelectionModel.SelectionFlag.NoUpdate)
        self._select(rows)
        patches.verticalScrollBar().setValue(self._place)

    def _on_suggestions(self) -> None:
        # What is in view stays as it is while a person looks at it; only the first suggestions are shown at once.
        if not self._dock.model.suggested and self._dock.show_box.currentText() == REAL:
            self._dock.refresh_if_seen()


def _inverts(event: QEvent) -> bool:
    control = Qt.KeyboardModifier.ControlModifier
    return isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_I and event.modifiers() == control
