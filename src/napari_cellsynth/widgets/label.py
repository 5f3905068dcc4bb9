"""The dock in which objects get their class: one crop after the other, one key each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pandas as pd
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent

from napari_cellsynth.project import BAD_SEGMENTATION, UNLABELLED, UNSURE
from napari_cellsynth.project.classes import ClassRecord
from napari_cellsynth.widgets.class_list import ClassList
from napari_cellsynth.widgets.crop_stage import CropStage
from napari_cellsynth.widgets.dock import Dock, button, delayed
from napari_cellsynth.widgets.keys import KeySheet, is_held, overrides, verb_of
from napari_cellsynth.widgets.label_help_row import LabelHelpRow
from napari_cellsynth.widgets.label_queue import Entry, LabelQueue, Suggested
from napari_cellsynth.widgets.label_tally import LabelTally
from napari_cellsynth.widgets.live_row import LiveRow
from napari_cellsynth.widgets.object_facts import ObjectFacts
from napari_cellsynth.widgets.session import NO_PROJECT

Source = Literal["hand", "accepted prediction"]
Offer = tuple[tuple[int, ...], float]
"""The class ids that are suggested for an object, and the confidence in [0, 1]."""

AHEAD = 8
"""Objects whose frames are read ahead: some seconds of quick labelling."""

FOLLOW_MS = 600
"""The canvas follows once the person rests: moving it means reading and uploading a frame."""


class LabelDock(Dock):
    """Shows crops one after the other and writes their labels.

    Attributes
    ----------
    queue : LabelQueue or None
        The objects in the chosen order; None without a project.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.queue: LabelQueue | None = None
        self._classes: list[ClassRecord] = []
        self._several = False
        self._begun = 0  # the object that had no label when its first class was toggled: it was not being revised
        self._predicted: dict[int, tuple[int, float]] = {}
        self._all_predicted: dict[int, tuple[int, ...]] = {}
        self._offered: tuple[int, Offer | None] | None = None
        self._given: dict[int, int] = {}  # the label being written: no need to read it back
        self.stage = CropStage(self.session)
        self.stage.setMinimumHeight(200)
        self.facts = ObjectFacts()
        self.classes = ClassList()
        self.help = LabelHelpRow(self.session)
        self.order = self.help.order
        self.live = LiveRow(self.session)
        self.tally = LabelTally(self.session)
        self.undo = button("undo", "Undo", "Take the last label back (Ctrl+Z), also one of an earlier day.")
        self.redo = button("redo", "Redo", "Give the label again that was taken back (Ctrl+Shift+Z).")
        self.keys = button("keys", "? keys", "Show the keys.")
        self._lay_out()
        self.sheet = KeySheet(self.scroll)
        self._following = delayed(self, FOLLOW_MS, self._bring_canvas)
        self._connect()
        self._read_project()

    def _lay_out(self) -> None:
        self.body.addWidget(self.stage, 1)
        self.body.addWidget(self.facts)
        self.body.addWidget(self.classes)
        self.body.addWidget(self.help)
        self.body.addWidget(self.live)
        self.body.addWidget(self.tally)
        self.add_row(self.undo, self.redo, self.keys)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFocusProxy(self.stage)
        for widget in (self.undo, self.redo, self.keys):
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _connect(self) -> None:
        session = self.session
        session.project_changed.connect(self._read_project)
        session.objects_changed.connect(self._read_objects)
        session.classes_changed.connect(self._read_classes)
        session.predictions_changed.connect(self._read_predictions)
        session.suggestions_changed.connect(self._on_suggestions)
        session.labels_changed.connect(self._on_labels)
        session.current_object_changed.connect(self._on_object_chosen)
        self.order.activated.connect(lambda _index: self._read_objects(keep=False))
        self.order.activated.connect(lambda _index: self.stage.setFocus())
        self.stage.verb.connect(self._on_verb)
        self.classes.chosen.connect(self.choose)
        self.classes.add_asked.connect(lambda name: self._edit(lambda p: p.add_class(name)))
        self.classes.rename_asked.connect(lambda c, name: self._edit(lambda p: p.rename_class(c, name)))
        self.classes.recolor_asked.connect(lambda c, color: self._edit(lambda p: p.recolor_class(c, color)))
        for each, act in self._verbs().items():
            if (made := self.findChild(type(self.undo), each)) is not None:
                made.clicked.connect(lambda _checked=False, act=act: act())

    def _verbs(self) -> dict[str, Callable[[], None]]:
        return {
            "undo": self.take_back,
            "redo": self.give_again,
            "previous": lambda: self.walk(-1),
            "next": lambda: self.walk(1),
            "outline": self.stage.view.toggle_outline,
            "accept": self.go_on,
            "unsure": lambda: self.give(UNSURE),
            "bad_segmentation": lambda: self.give(BAD_SEGMENTATION),
            "unlabel": lambda: self.give(UNLABELLED),
            "keys": self.sheet.toggle,
        }

    # ------------------------------------------------------------------ what the person does
    def choose(self, class_id: int) -> None:
        """Give the current object a class and go on; in a multi-label project give or take a class, and stay."""
        entry = self.queue.current if self.queue is not None else None
        if not self._several or class_id <= UNLABELLED or entry is None:
            self.give(class_id)
            return
        with self.session.reporting():
            self._begun = entry.object_id if entry.label == UNLABELLED else self._begun
            self.session.need_project().toggle_class(entry.object_id, class_id)

    def go_on(self) -> None:
        """Accept the suggestion; in a multi-label project that is done where there is no label yet, else only go on."""
        entry = self.queue.current if self.queue is not None else None
        bare = entry is not None and entry.label == UNLABELLED
        if entry is None or not self._several or (bare and self._offer_for(entry) is not None):
            self.accept_suggestion()
        elif bare:
            self.walk(1)
        else:
            self._leave(entry.object_id == self._begun)

    def _leave(self, was_unlabelled: bool) -> None:
        """Go on from an object that has its label on disk."""
        assert self.queue is not None
        going_on = self.queue.move_on(was_unlabelled)
        self._show_current()
        if not going_on:
            self.session.inform(f"All {len(self.queue):,} objects are labelled.")

    def give(self, label: int | tuple[int, ...], *, source: Source = "hand") -> None:
        """Write the current object's label to disk, and only then show the next object."""
        entry = self.queue.current if self.queue is not None else None
        if entry is None or self.queue is None:
            nothing = "There is no object to label. Segment some frames first."
            self.session.report(NO_PROJECT if self.session.project is None else nothing)
            return
        # After the last object the next key of a quick hand must not fall on that one again.
        if self.queue.finished:
            self.session.report(
                f"All {len(self.queue):,} objects are labelled. Go to one with the arrows to revise it."
            )
            return
        with self.session.reporting():
            self._given = {entry.object_id: label} if isinstance(label, int) else {}
            self.session.need_project().label([entry.object_id], label, source=source)
            self._leave(entry.label == UNLABELLED)

    def give_key(self, key: str) -> None:
        """Give the class that has `key`."""
        record = next((each for each in self._classes if each.key == key), None)
        if record is not None:
            self.choose(record.id)
        elif self.session.project is None:
            self.session.report(NO_PROJECT)
        else:
            self.session.report(f"No class has the key {key}. Add one with “+ class”.")

    def accept_suggestion(self) -> None:
        """Give the current object the class (or the classes) that is suggested for it."""
        entry = self.queue.current if self.queue is not None else None
        offer = self._offer_for(entry)
        if offer is not None:
            self.give(offer[0] if self._several else offer[0][0], source="accepted prediction")

    @property
    def _suggested(self) -> Suggested:
        """The live model's suggestions where it is on, else a classifier's predictions."""
        return self.session.suggested or self._predicted

    def _offer_for(self, entry: Entry | None) -> Offer | None:
        """Return what is suggested for the object in view; it stays, so that Enter gives what the person has read."""
        if entry is None:
            return None
        if self._offered is None or self._offered[0] != entry.object_id or self._offered[1] is None:
            told = self._suggested.get(entry.object_id)
            several = {} if self.session.suggested else self._all_predicted
            offer = None if told is None else (several.get(entry.object_id, (told[0],)), told[1])
            self._offered = (entry.object_id, offer if offer is not None and offer[0] else None)
        return self._offered[1]

    def walk(self, by: int) -> None:
        """Go to the next or the previous object."""
        if self.queue is not None:
            self.queue.step(by)
            self._show_current()

    def take_back(self) -> None:
        """Undo the last label and show its object."""
        self._travel(lambda project: project.undo(), "There is nothing to undo.")

    def give_again(self) -> None:
        """Redo the label undone last and show its object."""
        self._travel(lambda project: project.redo(), "There is nothing to redo.")

    def _travel(self, move: Callable[[Any], list[int]], nothing: str) -> None:
        with self.session.reporting():
            touched = move(self.session.need_project())
            if not touched:
                self.session.report(nothing)
            elif self.queue is not None and self.queue.go_to(touched[0]):
                self._show_current()
            else:
                self.session.inform("That was a review in the Gallery, not a label.")

    def _edit(self, change: Callable[[Any], Any]) -> None:
        with self.session.reporting():
            change(self.session.need_project())

    # ------------------------------------------------------------------ what the project says
    def _read_project(self) -> None:
        self._read_classes()
        self._read_predictions(show=False)
        self._read_objects(keep=False)

    def _read_classes(self) -> None:
        project = self.session.project
        self._classes = project.classes() if project is not None else []
        self._several = project is not None and project.multi_label
        self.classes.set_classes(self._classes, self._several)
        self.sheet.tell(several=self._several)
        self.classes.setEnabled(project is not None and not project.read_only)
        self._show_counts()
        self._show_facts()

    def _read_predictions(self, show: bool = True) -> None:
        project = self.session.project
        predicted = project.predictions() if project is not None else pd.DataFrame()
        self._predicted, self._all_predicted, self._offered = {}, {}, None
        if len(predicted):
            pairs = zip(predicted["class_id"].tolist(), predicted["confidence"].tolist(), strict=True)
            self._predicted = dict(zip(predicted.index.tolist(), pairs, strict=True))
            self._all_predicted = dict(zip(predicted.index.tolist(), predicted["classes"].tolist(), strict=True))
        self.help.offer(bool(self._suggested))
        if show:
            self._show_facts()

    def _on_suggestions(self) -> None:
        if not self.session.suggested:
            self._offered = None
        self.help.offer(bool(self._suggested))
        if self.queue is not None:
            self.queue.sort_ahead(self._suggested)
        self._show_facts()

    def _read_objects(self, keep: bool = True) -> None:
        project, before = self.session.project, self.queue.current if self.queue is not None else None
        self.queue = None
        self.stage.forget_masks()
        if project is not None:
            order = self.order.currentText()
            self.queue = LabelQueue(project.objects(), order, self._suggested, self.help.advised(order))
            if keep and before is not None:
                self.queue.go_to(before.object_id)
        self._show_counts()
        self._show_current()

    def _on_labels(self, object_ids: Sequence[int]) -> None:
        project = self.session.project
        if project is None or self.queue is None:
            return
        if not object_ids:
            self._read_objects()
            return
        mine = [i for i in object_ids if i in self.queue]
        self.queue.set_classes(mine, self._labels_of(mine))
        self._show_counts()
        self._show_facts()

    def _labels_of(self, object_ids: list[int]) -> list[int]:
        project = self.session.need_project()
        if object_ids == list(self._given):
            given, self._given = self._given, {}
            return list(given.values())
        if len(object_ids) == 1:
            return [int(project.history(object_ids[0])["new"].iloc[-1])]
        return project.objects()["label"].reindex(object_ids).fillna(0).astype(int).tolist()

    def _on_object_chosen(self, object_id: int) -> None:
        current = self.queue.current if self.queue is not None else None
        if self.queue is None or (current is not None and current.object_id == object_id):
            return
        if self.queue.go_to(object_id):
            self._show_current(announce=False)

    # ------------------------------------------------------------------ what the person sees
    def _show_current(self, announce: bool = True) -> None:
        entry = self.queue.current if self.queue is not None else None
        if entry is None:
            none = "No project is open.\nMake or open one in the bar above."
            empty = "No objects yet.\nSegment the colonies first."
            self.stage.show_text(none if self.queue is None else empty)
        elif self.queue is not None:
            self.stage.show_entry(entry, self.queue.ahead(AHEAD))
            # A dock behind another tab keeps its place to itself.
            if announce and self.is_seen():
                self.session.select_object(entry.object_id, move_canvas=False)
                self._following.start()
        self._show_facts()

    def _show_facts(self) -> None:
        entry = self.queue.current if self.queue is not None else None
        self.undo.setEnabled(entry is not None)
        self.redo.setEnabled(entry is not None)
        self.facts.show_entry(entry, self._classes, self._offer_for(entry))
        project = self.session.project
        has = () if entry is None or project is None else project.classes_of(entry.label) or (entry.label,)
        self.classes.set_current(has)
        colors = {record.id: record.color for record in self._classes}
        self.stage.view.set_color(colors.get(has[0]) if has else None)

    def _show_counts(self) -> None:
        counts = self.queue.counts() if self.queue is not None else {}
        project = self.session.project
        self.classes.set_counts(counts if project is None else project.count_classes(counts))
        self.tally.count_soon(self.queue)

    def _bring_canvas(self) -> None:
        entry = self.queue.current if self.queue is not None else None
        if entry is not None and self.facts.follow.isChecked() and self.is_seen():
            with self.session.reporting():
                self.session.layers.place(entry.image_id, entry.frame, entry.cy, entry.cx, entry.mask_label)

    # ------------------------------------------------------------------ keys
    def event(self, event: QEvent) -> bool:
        """Keep our keys from napari's menus while the focus is in here."""
        if overrides(event):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do what a key stands for."""
        verb = verb_of(event)
        if not verb:
            super().keyPressEvent(event)
        elif not is_held(event, verb):
            self._on_verb(verb)

    def _on_verb(self, verb: str) -> None:
        if verb != "keys":
            self.sheet.hide()
        act = self._verbs().get(verb)
        act() if act is not None else self.give_key(verb[-1])

    def came_forward(self) -> None:
        """Take the keys when the dock comes to the front, and begin to suggest."""
        self.stage.setFocus()
        self.live.begin()
