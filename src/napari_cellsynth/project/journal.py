"""The append-only journal of labels and reviews: durable before it returns, undo and redo across restarts.

An *action* is one call of `Labels.label` or of a review; its rows in the journal hold old and new of every object that
it touched. Undoing and redoing are actions too, so nothing is ever deleted. Each user has stacks of their own: every
action row records the tops of both after it, and links to what lies below, so finding the next step never walks the
history.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.base import SOURCES, UNLABELLED, as_json, table
from napari_cellsynth.project.database import Database
from napari_cellsynth.project.label_sets import LabelSets
from napari_cellsynth.project.schema import FIRST_PATCH_ID
from napari_cellsynth.project.values import telling_damage

LabelSource = Literal["hand", "bulk", "accepted prediction", "import"]
_UNDOABLE = ("hand", "bulk", "accepted prediction", "review")


class Change(NamedTuple):
    """One row of the journal: what a label or a review was and is now."""

    target: int
    old: int
    new: int
    old_note: str = ""
    note: str = ""


class _Stacks(NamedTuple):
    undo_top: int | None
    redo_top: int | None


class Labels(LabelSets):
    """Labelling, undo, redo and the figures that come out of the journal."""

    def __init__(self, path: Path, database: Database) -> None:
        super().__init__(path, database)
        self._user = ""

    @telling_damage
    def label(
        self,
        object_ids: Sequence[int],
        class_id: int | Collection[int],
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
        source : {"hand", "bulk", "accepted prediction", "import"}
            Where the label comes from; an import is no step of undo.
        user : str, optional
            Who labels; the login name by default.

        Raises
        ------
        UserError
            When there is no such class, there are several in a project of one class an object, or an object is unknown,
            synthetic, or was replaced by segmenting again.
        """
        if source not in SOURCES[1:5]:
            raise ValueError(f"source is one of {SOURCES[1:5]}, not {source!r}")
        wanted = list(dict.fromkeys(int(number) for number in object_ids))
        if not wanted:
            return
        self._user = user or login()
        with self._db.transaction():
            label = self._label_of(class_id)
            old = self._current_labels(wanted)
            self._act("label", source, [Change(number, old[number], label) for number in wanted])

    def toggle_class(self, object_id: int, class_id: int, *, user: str | None = None) -> int:
        """Give an object of a multi-label project a class by hand, or take it away; return its label after that.

        One call is one step of undo, on the disk when this returns. The class takes the place of *unsure* and *bad
        segmentation*; an object whose last class goes is unlabelled.

        Raises
        ------
        UserError
            As of `label`.
        """
        self._user = user or login()
        with self._db.transaction():
            old = self._current_labels([object_id])[object_id]
            label = self._label_of(set(self.classes_of(old)) ^ {self._checked_class(class_id)})
            self._act("label", "hand", [Change(object_id, old, label)])
        return label

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
    def undo(self) -> list[int]:
        """Take back this user's last label or review; works across restarts.

        Returns
        -------
        list of int
            The objects (or synthetic patches) that changed; empty when there is nothing to take back. An object that
            somebody has labelled differently since keeps that label.
        """
        return self._step("undo")

    @telling_damage
    def redo(self) -> list[int]:
        """Do again what `undo` took back; a new label ends that.

        Returns
        -------
        list of int
            The objects (or synthetic patches) that changed; empty when there is nothing to do again.
        """
        return self._step("redo")

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
            "SELECT count(*), min(time) FROM actions WHERE time >= ? AND kind = 'label' AND source != 'import' "
            "AND source != 'carried over'",
            (now - window_s,),
        )
        # Measured from the first label in the window, at least ten seconds, so that the figure is right from the start.
        return 60 * count / max(10.0, now - first) if count else 0.0

    def _act(self, kind: str, source: str, changes: Sequence[Change]) -> None:
        """Append an action with its changes and make them current; to be called inside a transaction."""
        user = self._user or login()
        stacks = self._stacks(user)
        if source in _UNDOABLE:
            number = self._append(kind, source, user, below=stacks.undo_top)
            self._db.write("UPDATE actions SET undo_top = id WHERE id = ?", (number,))
        else:
            number = self._append(kind, source, user, undo_top=stacks.undo_top, redo_top=stacks.redo_top)
        self._apply(number, source, changes)

    def _step(self, direction: Literal["undo", "redo"]) -> list[int]:
        with self._db.transaction():
            user = self._acting_user()
            while True:
                stacks = self._stacks(user)
                top = stacks.undo_top if direction == "undo" else stacks.redo_top
                if top is None:
                    return []
                changes = self._undo(top, stacks, user) if direction == "undo" else self._redo(top, user)
                if changes:
                    return [change.target for change in changes]

    def _undo(self, action: int, stacks: _Stacks, user: str) -> list[Change]:
        [(below,)] = self._db.read("SELECT below FROM actions WHERE id = ?", (action,))
        number = self._append("undo", "undo", user, target=action, undo_top=below, redo_below=stacks.redo_top)
        self._db.write("UPDATE actions SET redo_top = id WHERE id = ?", (number,))
        changes = [Change(c.target, c.new, c.old, c.note, c.old_note) for c in self._changes(action)]
        return self._apply(number, "undo", self._still_so(changes))

    def _redo(self, undone: int, user: str) -> list[Change]:
        [(action, below)] = self._db.read("SELECT target, redo_below FROM actions WHERE id = ?", (undone,))
        number = self._append("redo", "redo", user, target=action, undo_top=action, redo_top=below)
        return self._apply(number, "redo", self._still_so(self._changes(action)))

    def _append(
        self,
        kind: str,
        source: str,
        user: str,
        *,
        target: int | None = None,
        undo_top: int | None = None,
        redo_top: int | None = None,
        below: int | None = None,
        redo_below: int | None = None,
    ) -> int:
        return self._db.write(
            "INSERT INTO actions (time, kind, source, user, target, undo_top, redo_top, below, redo_below) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (time.time(), kind, source, user, target, undo_top, redo_top, below, redo_below),
        )

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
        possible = []
        for change in changes:
            target, current = self._living(change.target)
            if current == (change.old, change.old_note):
                possible.append(change._replace(target=target))
        return possible

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

    def _stacks(self, user: str) -> _Stacks:
        rows = self._db.read("SELECT undo_top, redo_top FROM actions WHERE user = ? ORDER BY id DESC LIMIT 1", (user,))
        return _Stacks(*rows[0]) if rows else _Stacks(None, None)

    def _acting_user(self) -> str:
        """Return who labelled last through this object; after a restart the login, or else whoever labelled last."""
        if self._user:
            return self._user
        name = login()
        if self._stacks(name) != (None, None):
            return name
        rows = self._db.read("SELECT user FROM actions ORDER BY id DESC LIMIT 1")
        return str(rows[0][0]) if rows else name


def login() -> str:
    """Return the name of whoever is logged in."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # No such user in a container's password file (KeyError before Python 3.13).
        return "user"


def unknown_object(number: int) -> UserError:
    """Return what to say about an id that is no active object's."""
    if number >= FIRST_PATCH_ID:
        return UserError(f"{number} is a synthetic patch, not an object.", "Labels are given to real objects only.")
    return UserError(
        f"There is no active object {number}: the frame may have been segmented again.", "Choose the object anew."
    )
