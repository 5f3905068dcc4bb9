"""The dock in which objects get their class: one crop after the other, one key each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import BAD_SEGMENTATION, UNLABELLED, UNSURE
from napari_cellsynth.widgets.class_list import ClassList
from napari_cellsynth.widgets.click_row import ClickRow
from napari_cellsynth.widgets.crop_stage import CropStage
from napari_cellsynth.widgets.dock import button, delayed
from napari_cellsynth.widgets.keys import KeySheet, is_held, overrides, verb_of
from napari_cellsynth.widgets.label_acts import LabelActs
from napari_cellsynth.widgets.label_help_row import LabelHelpRow
from napari_cellsynth.widgets.label_modes import ModeRow
from napari_cellsynth.widgets.label_queue import SIMILAR, LabelQueue
from napari_cellsynth.widgets.label_tally import LabelTally
from napari_cellsynth.widgets.live_row import LiveRow
from napari_cellsynth.widgets.object_facts import ObjectFacts
from napari_cellsynth.widgets.offers import Offers

AHEAD = 8
"""Objects whose frames are read ahead: some seconds of quick labelling."""

FOLLOW_MS = 600
"""The canvas follows once the person rests: moving it means reading and uploading a frame."""


class LabelDock(LabelActs):
    """Shows crops one after the other and writes their labels."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.offers = Offers(self.session, self)
        self.modes = ModeRow(self.session)
        self._like = 0  # whom the others are to be similar to
        self.stage = CropStage(self.session)
        self.stage.setMinimumHeight(200)
        self.facts = ObjectFacts()
        self.classes = ClassList()
        self.help = LabelHelpRow(self.session)
        self.order = self.help.order
        self.live = LiveRow(self.session)
        self.click = ClickRow(self.session)
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
        self.body.addWidget(self.modes)
        for widget in (self.undo, self.redo, self.keys):
            self.modes.row.addWidget(widget)
        self.body.addWidget(self.help)
        self.add_row(self.live.switch, self.click, stretch=1)
        self.body.addWidget(self.live)
        self.body.addWidget(self.tally)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFocusProxy(self.stage)
        for widget in (self.undo, self.redo, self.keys):
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _connect(self) -> None:
        session = self.session
        session.project_changed.connect(self._read_project)
        session.images_changed.connect(self._read_images)
        session.objects_changed.connect(self._read_objects)
        session.classes_changed.connect(self._read_classes)
        session.predictions_changed.connect(self._read_predictions)
        session.suggestions_changed.connect(self._on_suggestions)
        session.labels_changed.connect(self._on_labels)
        session.current_object_changed.connect(self._on_object_chosen)
        session.walk_asked.connect(self._on_walk_asked)
        self.order.activated.connect(lambda _index: self._read_objects(keep=False))
        self.order.activated.connect(lambda _index: self.stage.setFocus())
        self.modes.changed.connect(lambda: self._read_objects(keep=False))
        self.modes.changed.connect(self.stage.setFocus)
        session.looks_changed.connect(lambda: self.help.offer(bool(self.offers.suggested)))
        self.stage.verb.connect(self._on_verb)
        self.classes.chosen.connect(self.choose)
        self.classes.add_asked.connect(lambda name: self._edit(lambda p: p.add_class(name)))
        self.classes.rename_asked.connect(lambda c, name: self._edit(lambda p: p.rename_class(c, name)))
        self.classes.recolor_asked.connect(lambda c, color: self._edit(lambda p: p.recolor_class(c, color)))
        self.classes.key_asked.connect(lambda c, key: self._edit(lambda p: p.set_class_key(c, key)))
        self.classes.merge_asked.connect(lambda c, into: self._edit(lambda p: p.merge_class(c, into)))
        self.classes.delete_asked.connect(lambda c: self._edit(lambda p: p.delete_class(c)))
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

    def _edit(self, change: Callable[[Any], Any]) -> None:
        with self.session.reporting():
            change(self.session.need_project())

    # ------------------------------------------------------------------ what the project says
    def _read_project(self) -> None:
        self._read_images()
        self._read_classes()
        self._read_predictions(show=False)
        self._read_objects(keep=False)

    def _read_images(self) -> None:
        project = self.session.project
        self._images = {} if project is None else project.images()["name"].to_dict()

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
        self._offered = None
        with self.session.reporting():
            self.help.offer(bool(self.offers.suggested))
        if show:
            self._show_facts()

    def _on_suggestions(self) -> None:
        if not self.session.suggested:
            self._offered = None
        self.help.offer(bool(self.offers.suggested))
        if self.queue is not None:
            self.queue.sort_ahead(self.offers.suggested)
        self._show_facts()

    def _read_objects(self, keep: bool = True) -> None:
        project, before = self.session.project, self.queue.current if self.queue is not None else None
        self.queue = None
        self.stage.forget_masks()
        if project is not None:
            order = self.order.currentText()
            if order != SIMILAR or not keep:
                self._like = self.session.current_object_id or 0
            objects = self.modes.shown(project, project.objects())
            advised = self.help.advised(order, self._like)
            self.queue = LabelQueue(objects, self.modes.order(order), self.offers.suggested, advised)
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
        try:
            self.queue.set_classes(mine, self._labels_of(mine))
        except UserError:  # a frame is being segmented again by somebody else
            self._read_objects()
            return
        self._show_counts()
        self._show_facts()

    def _labels_of(self, object_ids: list[int]) -> list[int]:
        project = self.session.need_project()
        if object_ids == list(self._given):
            given, self._given = self._given, {}
            return list(given.values())
        return self.modes.labels_of(project, object_ids)

    def _on_object_chosen(self, object_id: int) -> None:
        current = self.queue.current if self.queue is not None else None
        if self.queue is None or (current is not None and current.object_id == object_id):
            return
        if self.queue.go_to(object_id):
            self._show_current(announce=False)

    def _on_walk_asked(self, by: int) -> None:
        """Walk by a key on the canvas, also where another dock is in front."""
        self.walk(by)
        entry = self.queue.current if self.queue is not None else None
        if entry is not None and not self.is_seen():
            self.session.select_object(entry.object_id)

    # ------------------------------------------------------------------ what the person sees
    def _show_current(self, announce: bool = True) -> None:
        entry = self.queue.current if self.queue is not None else None
        self.session.conceal(entry.object_id if entry is not None and entry.repeated else None)
        if entry is None:
            none = "No project is open.\nMake or open one in the bar above."
            self.stage.show_text(none if self.queue is None else self.modes.nothing().replace(". ", ".\n"))
        elif self.queue is not None:
            self.stage.show_entry(entry, self.queue.ahead(AHEAD))
            if announce:
                self._announce(entry.object_id)
        self._show_facts()

    def _announce(self, object_id: int) -> None:
        """Make the object in view the current one; a dock behind another tab keeps its place to itself."""
        if self.is_seen():
            self.session.select_object(object_id, move_canvas=False)
            self._following.start()

    def _show_facts(self) -> None:
        entry = self.queue.current if self.queue is not None else None
        self.undo.setEnabled(entry is not None)
        self.redo.setEnabled(entry is not None)
        image = "" if entry is None or len(self._images) < 2 else self._images.get(entry.image_id, "")
        self.facts.show_entry(entry, self._classes, self._offer_for(entry), image)
        self.facts.tell_both("" if entry is None else self.modes.both_answers(entry.object_id))
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
        self.session.ring.labelling(True)
        self.live.begin()
        entry = self.queue.current if self.queue is not None else None
        if entry is not None and self.session.current_object_id is None:
            self._announce(entry.object_id)

    def went_back(self) -> None:
        """Leave the canvas to the other docks."""
        self.session.ring.labelling(False)
