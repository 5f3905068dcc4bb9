"""The append-only journal of labels and reviews: durable before it returns, undo and redo across restarts.

An action's rows in the journal hold old and new of every object that it touched; the newest row of an object is its
label. The stacks of undo are in `actions`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import pandas as pd

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.actions import Actions, Change, ClassEdit, Direction, Step
from napari_cellsynth.project.base import SOURCES, UNLABELLED, as_json, table
from napari_cellsynth.project.schema import FIRST_PATCH_ID, FIRST_SET_ID
from napari_cellsynth.project.values import telling_damage

LabelSource = Literal["hand", "bulk", "accepted prediction", "import", "decision"]
_LABEL_SOURCES = ("hand", "bulk", "accepted prediction", "import", "decision")
_UNDOABLE = ("hand", "bulk", "accepted prediction", "review", "decision")
Label = int | Collection[int]


class Labels(Actions):
    """Labelling, and the figures that come out of the journal."""

    @telling_damage
    def label(
        self,
        object_ids: Sequence[int],
        class_id: Label,
        *,
        source: LabelSource = "hand",
        user: str | None = None,
    ) -> None:
        """Give objects a label; it is on the disk when this returns.

        Parameters
        ----------
        object_ids : sequence of int
            Active objects; one call is one step of undo.
        class_id : int or collection of int
            A class's id, or `UNLABELLED`, `UNSURE` or `BAD_SEGMENTATION`; in a multi-label project several classes' ids
            too (none of them: unlabelled).
        source : {"hand", "bulk", "accepted prediction", "import", "decision"}
            Where the label comes from; an import is no step of undo, a decision settles a disagreement.
        user : str, optional
            Who labels; `user` by default.

        Raises
        ------
        UserError
            When there is no such class, there are several in a project of one class an object, or an object is unknown,
            synthetic, or was replaced by segmenting again.
        """
        self.label_each({int(number): class_id for number in object_ids}, source=source, user=user)

    @telling_damage
    def label_each(self, labels: Mapping[int, Label], *, source: LabelSource = "bulk", user: str | None = None) -> None:
        """Give each object a label of its own, all of them in one step of undo.

        Parameters
        ----------
        labels : mapping
            Object id to what `label` takes.
        source, user
            As of `label`.

        Raises
        ------
        UserError
            As of `label`; then no object has a new label.
        """
        if source not in _LABEL_SOURCES:
            raise ValueError(f"source is one of {_LABEL_SOURCES}, not {source!r}")
        if not labels:
            return
        self._user = user or self.user
        with self._db.transaction():
            old = self._current_labels(list(labels))
            known: dict[int | tuple[int, ...], int] = {}
            changes = []
            for number, wanted in labels.items():
                kind = tuple(wanted) if isinstance(wanted, Collection) else int(wanted)
                if kind not in known:
                    known[kind] = self._label_of(wanted)
                changes.append(Change(int(number), old[int(number)], known[kind]))
            self._act("label", source, changes)

    def toggle_class(self, object_id: int, class_id: int, *, user: str | None = None) -> int:
        """Give an object of a multi-label project a class by hand, or take it away; return its label after that.

        One call is one step of undo, on the disk when this returns. The class takes the place of *unsure* and *bad
        segmentation*; an object whose last class goes is unlabelled.

        Raises
        ------
        UserError
            As of `label`.
        """
        with self._db.transaction():
            old = self._current_labels([object_id])[object_id]
            wanted = set(self.classes_of(old)) ^ {self._checked_class(class_id)}
            self.label([object_id], wanted, user=user)
            return self._label_of(wanted)

    def labels_of(self, object_ids: Sequence[int]) -> list[int]:
        """Return the labels of objects, as ``label`` in `objects`, in their order.

        Raises
        ------
        UserError
            When an object is unknown or was replaced by segmenting again.
        """
        known = self._current_labels(object_ids)
        return [known[int(number)] for number in object_ids]

    def _current_labels(self, wanted: Sequence[int]) -> dict[int, int]:
        rows = self._db.read(
            "SELECT id, class_id, active FROM objects WHERE id IN (SELECT value FROM json_each(?))",
            (as_json(wanted),),
        )
        old = {row[0]: row[1] for row in rows if row[2]}
        for number in wanted:
            if number not in old:
                raise unknown_object(number)
        return old

    @telling_damage
    def history(self, object_id: int) -> pd.DataFrame:
        """Return an object's (or a patch's) journal, oldest first.

        Columns: time (seconds since 1970), old, new (labels: class ids, or numbers that `classes_of` takes apart),
        source, user, action (its number) and note.
        """
        rows = self._db.read(
            "SELECT j.id, a.time, j.old, j.new, a.source, a.user, j.action, j.note "
            "FROM journal j JOIN actions a ON a.id = j.action WHERE j.target = ? ORDER BY j.id",
            (int(object_id),),
        )
        return table(rows, ["time", "old", "new", "source", "user", "action", "note"], "entry")

    @telling_damage
    def label_counts(self) -> dict[int, int]:
        """Return how many active objects have each class; unlabelled (0) and reserved ids count like classes."""
        rows = self._db.read("SELECT class_id, count(*) FROM objects WHERE active = 1 GROUP BY class_id")
        return self.count_classes({int(label): int(count) for label, count in rows})

    @telling_damage
    def labelled_last(self, n: int) -> list[int]:
        """Return the ``n`` objects that were labelled last and still have a class, the newest first."""
        rows = self._db.read(
            "SELECT o.id FROM objects o JOIN journal j ON j.target = o.id WHERE o.active = 1 AND o.class_id > 0 "
            "GROUP BY o.id ORDER BY max(j.id) DESC LIMIT ?",
            (int(n),),
        )
        return [int(row[0]) for row in rows]

    def newest_objects(self, n: int, lowest: int, highest: int) -> list[int]:
        """Return the ``n`` objects found last whose label is a number in this range, the newest first."""
        rows = self._db.read(
            "SELECT id FROM objects WHERE active = 1 AND class_id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?",
            (int(lowest), int(highest), int(n)),
        )
        return [int(row[0]) for row in rows]

    @telling_damage
    def labelled_by(self) -> dict[int, str]:
        """Return who gave each object its newest label."""
        rows = self._db.read(
            "SELECT j.target, a.user FROM journal j JOIN actions a ON a.id = j.action "
            "WHERE j.id IN (SELECT max(id) FROM journal GROUP BY target)"
        )
        return {int(target): str(user) for target, user in rows if target < FIRST_PATCH_ID}

    @telling_damage
    def labels_per_minute(self, window_s: float = 300) -> float:
        """Return the pace of labelling over the last `window_s` seconds; a bulk label counts as one."""
        now = time.time()
        [(count, first)] = self._db.read(
            "SELECT count(*), min(time) FROM actions WHERE time >= ? AND kind IN ('label', 'answer') "
            "AND source NOT IN ('import', 'carried over')",
            (now - window_s,),
        )
        # Measured from the first label in the window, at least ten seconds, so that the figure is right from the start.
        return 60 * count / max(10.0, now - first) if count else 0.0

    def _act(self, kind: str, source: str, changes: Sequence[Change]) -> None:
        """Append an action with its changes and make them current; to be called inside a transaction."""
        self._apply(self._begin(kind, source, undoable=source in _UNDOABLE), source, changes)

    def _repeat(self, action: int, number: int, direction: Direction) -> Step:
        [(kind,)] = self._db.read("SELECT kind FROM actions WHERE id = ?", (action,))
        back = direction == "undo"
        if kind == "answer":
            rows = self._db.read("SELECT object_id FROM answers WHERE action = ? ORDER BY id", (action,))
            targets = [int(row[0]) for row in rows]
            self._labels_changed(targets)
            return Step(kind, targets, [])
        edits = [ClassEdit(e.class_id, e.new, e.old) if back else e for e in self._edits(action)]
        changes = self._changes(action)
        if back:
            changes = [Change(c.target, c.new, c.old, c.note, c.old_note) for c in changes]
        # A class comes back before the labels that name it, and goes after they have gone.
        if any(edit.new.get("gone") == 0 for edit in edits):
            edits = self._possible_edits(edits)
            self._edit_classes(number, edits)
            changed = self._apply(number, direction, self._still_so(changes) if edits else [])
        else:
            changed = self._apply(number, direction, self._still_so(changes))
            edits = self._possible_edits(edits)
            self._edit_classes(number, edits)
        return Step(kind, [change.target for change in changed], [edit.class_id for edit in edits])

    def _possible_edits(self, edits: list[ClassEdit]) -> list[ClassEdit]:
        """Return the edits of an action that can still be made; overridden where classes are edited."""
        return edits

    def _apply(self, action: int, source: str, changes: Sequence[Change]) -> list[Change]:
        self._db.write_many(
            "INSERT INTO journal (action, target, old, new, old_note, note) VALUES (?, ?, ?, ?, ?, ?)",
            ((action, *change) for change in changes),
        )
        objects = [change for change in changes if change.target < FIRST_PATCH_ID]
        if objects:
            code = SOURCES.index(source)
            self._db.write_many(
                "UPDATE objects SET class_id = ?, source = ?, orphan = 0 WHERE id = ?",
                ((c.new, code if c.new != UNLABELLED else 0, c.target) for c in objects),
            )
            self._labels_changed(change.target for change in objects)
        patches = [change for change in changes if change.target >= FIRST_PATCH_ID]
        if patches:
            self._db.write_many(
                "UPDATE patches SET review = ?, reason = ? WHERE id = ?", ((c.new, c.note, c.target) for c in patches)
            )
            self._changed("synthetic_changed")
        return list(changes)

    def _changes(self, action: int) -> list[Change]:
        rows = self._db.read(
            "SELECT target, old, new, old_note, note FROM journal WHERE action = ? ORDER BY id", (action,)
        )
        return [Change(*row) for row in rows]

    def _still_so(self, changes: Iterable[Change]) -> list[Change]:
        """Return the changes that can still be made: where nobody has changed the label or review since.

        What was segmented anew is changed in the object that has its label now.
        """
        possible, heirs = [], self._heirs()
        for change in changes:
            target, current = self._living(change.target)
            wanted = change._replace(target=target)
            if heirs and target < FIRST_PATCH_ID:
                wanted = wanted._replace(old=self._present(change.old, heirs), new=self._present(change.new, heirs))
            vain = wanted.old == wanted.new and change.old != change.new  # both classes are one by now
            if current == (wanted.old, wanted.old_note) and not vain:
                possible.append(wanted)
        return possible

    def _present(self, label: int, heirs: Mapping[int, int]) -> int:
        """Return a label with the classes that stand now for those of it that are gone."""
        if label < FIRST_SET_ID:
            return heirs.get(label, label)
        classes = self.classes_of(label)
        now = {heirs.get(each, each) for each in classes} - {UNLABELLED}
        return label if now == set(classes) else self._label_of(now)

    def _living(self, target: int) -> tuple[int, tuple[int, str] | None]:
        """Return the active heir of an object (or a patch itself) with what it has now; None where there is no heir."""
        if target >= FIRST_PATCH_ID:
            [(code, reason)] = self._db.read("SELECT review, reason FROM patches WHERE id = ?", (target,))
            return target, (code, reason)
        while True:
            [(label, active, successor)] = self._db.read(
                "SELECT class_id, active, successor FROM objects WHERE id = ?", (target,)
            )
            if active:
                return target, (label, "")
            if successor is None:
                return target, None
            target = successor


def unknown_object(number: int) -> UserError:
    """Return what to say about an id that is no active object's."""
    if number >= FIRST_PATCH_ID:
        return UserError(f"{number} is a synthetic patch, not an object.", "Labels are given to real objects only.")
    return UserError(
        f"There is no active object {number}: the frame may have been segmented again.", "Choose the object anew."
    )
