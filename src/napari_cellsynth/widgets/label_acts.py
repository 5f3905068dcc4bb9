"""What a person does in the Label dock: give a label, accept, walk, undo; each is on the disk before the next crop."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Literal

from napari_cellsynth.project import UNLABELLED
from napari_cellsynth.project.actions import Step
from napari_cellsynth.project.classes import ClassRecord
from napari_cellsynth.widgets.dock import Dock
from napari_cellsynth.widgets.label_modes import ModeRow
from napari_cellsynth.widgets.label_queue import Entry, LabelQueue
from napari_cellsynth.widgets.offers import Offers
from napari_cellsynth.widgets.session import NO_PROJECT

Source = Literal["hand", "accepted prediction"]
Offer = tuple[tuple[int, ...], float]
"""The class ids that are suggested for an object, and the confidence in [0, 1]."""


class LabelActs(Dock):
    """The acts; `LabelDock` lays out what they work on.

    Attributes
    ----------
    queue : LabelQueue or None
        The objects in the chosen order; None without a project.
    offers : Offers
        What is suggested.
    modes : ModeRow
        Where labels go: into the project, or beside them as answers.
    """

    offers: Offers
    modes: ModeRow

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.queue: LabelQueue | None = None
        self._classes: list[ClassRecord] = []
        self._several = False
        self._begun = 0  # the object that had no label when its first class was toggled: it was not being revised
        self._last_repeated = 0  # the object that was asked again last
        self._offered: tuple[int, Offer | None] | None = None
        self._given: dict[int, int] = {}  # the label being written: no need to read it back

    @abstractmethod
    def _show_current(self) -> None:
        """Show the queue's current object."""

    @property
    def _entry(self) -> Entry | None:
        return self.queue.current if self.queue is not None else None

    def choose(self, class_id: int) -> None:
        """Give the current object a class and go on; in a multi-label project give or take a class, and stay."""
        entry = self._entry
        if not self._several or class_id <= UNLABELLED or entry is None:
            self.give(class_id)
            return
        with self.session.reporting():
            project = self.session.need_project()
            self._begun = entry.object_id if entry.label == UNLABELLED else self._begun
            wanted = set(project.classes_of(entry.label)) ^ {class_id}
            given = tuple(sorted(wanted))
            if entry.repeated and self.queue is not None:
                self.queue.ask(entry.object_id, self.modes.answer_again(project, entry.object_id, given))
                self._show_current()
            else:
                self.modes.write(project, entry.object_id, given, "hand")

    def go_on(self) -> None:
        """Accept the suggestion; in a multi-label project that is done where there is no label yet, else only go on."""
        entry = self._entry
        bare = entry is not None and entry.label == UNLABELLED
        if entry is None or not self._several or (bare and self._offer_for(entry) is not None):
            self.accept_suggestion()
        elif bare or entry.repeated:
            self.walk(1)
        else:
            self._leave(entry.object_id == self._begun)

    def _leave(self, was_unlabelled: bool) -> None:
        """Go on from an object that has its label on disk."""
        assert self.queue is not None
        going_on = self.queue.move_on(was_unlabelled)
        if going_on:
            self.queue.ask(self.modes.again(self.queue))
        self._show_current()
        if not going_on:
            self.session.inform(self.modes.all_done(len(self.queue)))

    def give(self, label: int | tuple[int, ...], *, source: Source = "hand") -> None:
        """Write the current object's label to disk, and only then show the next object."""
        entry = self._entry
        if entry is None or self.queue is None:
            self.session.report(NO_PROJECT if self.session.project is None else self.modes.nothing())
            return
        # After the last object the next key of a quick hand must not fall on that one again.
        if self.queue.finished:
            self.session.report(f"{self.modes.all_done(len(self.queue))} Go to one with the arrows to revise it.")
            return
        with self.session.reporting():
            if entry.repeated:
                self.modes.answer_again(self.session.need_project(), entry.object_id, label)
                self._last_repeated = entry.object_id
                self.queue.ask(None)
                self._show_current()
                return
            self._given = {entry.object_id: label} if isinstance(label, int) else {}
            self.modes.write(self.session.need_project(), entry.object_id, label, source)
            self._leave(entry.label == UNLABELLED)

    def give_key(self, key: str) -> None:
        """Give the class that has `key`."""
        record = next((each for each in self._classes if each.key == key), None)
        if record is not None:
            self.choose(record.id)
        elif self.session.project is None:
            self.session.report(NO_PROJECT)
        else:
            self.session.report(f"No class has the key {key}. Add one with “+ class”.", "key")

    def accept_suggestion(self) -> None:
        """Give the current object the class (or the classes) that is suggested for it."""
        offer = self._offer_for(self._entry)
        if offer is not None:
            self.give(offer[0] if self._several else offer[0][0], source="accepted prediction")

    def _offer_for(self, entry: Entry | None) -> Offer | None:
        """Return what is suggested for the object in view; it stays, so that Enter gives what the person has read."""
        if entry is None or self.modes.blind or entry.repeated:
            return None
        if self._offered is None or self._offered[0] != entry.object_id or self._offered[1] is None:
            classes = self.offers.classes(entry.object_id)
            offer = (classes, self.offers.confidence(entry.object_id)) if classes else None
            self._offered = (entry.object_id, offer)
        return self._offered[1]

    def walk(self, by: int) -> None:
        """Go to the next or the previous object."""
        if self.queue is not None:
            self.queue.step(by)
            self._show_current()

    def take_back(self) -> None:
        """Undo the last label, review or edit of a class, and show its object."""
        self._travel(lambda project: project.undo_step(), "There is nothing to undo.")

    def give_again(self) -> None:
        """Redo what was undone last and show its object."""
        self._travel(lambda project: project.redo_step(), "There is nothing to redo.")

    def _travel(self, move: Callable[[Any], Step | None], nothing: str) -> None:
        with self.session.reporting():
            step = move(self.session.need_project())
            if step is None:
                self.session.report(nothing, "undo")
            elif step.kind == "answer" and self.queue is not None and step.targets == [self._last_repeated]:
                self.queue.ask(self._last_repeated)  # blind as before
                self._show_current()
            elif step.targets and self.queue is not None and self.queue.go_to(step.targets[0]):
                self._show_current()
            elif words := words_of(step):
                self.session.inform(words)


def words_of(step: Step) -> str:
    """Return what an undo or a redo did where it cannot be seen in the crop."""
    return {
        "review": "That was a review in the Gallery, not a label.",
        "class": "That was a change of the classes.",
        "answer": "That was an answer given without seeing the label.",
    }.get(step.kind, "That was a label of an object that is not in view.")
