"""Actions and their undo: every change that a person makes is a step on a stack of their own, across restarts.

An *action* is one thing done: a label of some objects, a review, an answer, an edit of a class. Undoing and redoing are
actions too, so nothing is ever deleted. Every action row records the tops of its user's two stacks after it, and links
to what lies below, so finding the next step never walks the history.
"""

from __future__ import annotations

import getpass
import json
import time
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from napari_cellsynth.project.classes import Fields
from napari_cellsynth.project.database import Database
from napari_cellsynth.project.label_sets import LabelSets
from napari_cellsynth.project.values import telling_damage

Direction = Literal["undo", "redo"]


class Change(NamedTuple):
    """One row of the journal: what a label or a review was and is now."""

    target: int
    old: int
    new: int
    old_note: str = ""
    note: str = ""


class ClassEdit(NamedTuple):
    """What an edit changed of a class."""

    class_id: int
    old: Fields
    new: Fields


class Step(NamedTuple):
    """What undo or redo did.

    ``kind`` is the action's: "label", "review", "answer" or "class"; ``targets`` are the objects (or synthetic patches)
    that changed, ``class_ids`` the classes.
    """

    kind: str
    targets: list[int]
    class_ids: list[int]


class _Stacks(NamedTuple):
    undo_top: int | None
    redo_top: int | None


class Actions(LabelSets):
    """Who acts, and the two stacks."""

    def __init__(self, path: Path, database: Database) -> None:
        super().__init__(path, database)
        self._user = ""
        self._chosen_user = ""

    @property
    def user(self) -> str:
        """Who labels through this object: the login name, unless it is set to another (empty: the login again)."""
        return self._chosen_user or login()

    @user.setter
    def user(self, name: str) -> None:
        self._chosen_user = self._user = " ".join(str(name).split())

    def users(self) -> list[str]:
        """Return everybody who has done something in the project, first come first."""
        return [str(row[0]) for row in self._db.read("SELECT user FROM actions GROUP BY user ORDER BY min(id)")]

    @telling_damage
    def undo(self) -> list[int]:
        """Take back this user's last label, review, answer or edit of a class; works across restarts.

        Returns
        -------
        list of int
            The objects (or synthetic patches) that changed; empty when there is nothing to take back, or it was an edit
            of a class. An object that somebody has labelled differently since keeps that label.
        """
        step = self.undo_step()
        return [] if step is None else step.targets

    @telling_damage
    def redo(self) -> list[int]:
        """Do again what `undo` took back; a new action ends that.

        Returns
        -------
        list of int
            As of `undo`.
        """
        step = self.redo_step()
        return [] if step is None else step.targets

    @telling_damage
    def undo_step(self) -> Step | None:
        """Do what `undo` does; return what changed, None where there is nothing to take back."""
        return self._walk("undo")

    @telling_damage
    def redo_step(self) -> Step | None:
        """Do what `redo` does; return what changed, None where there is nothing to do again."""
        return self._walk("redo")

    def _walk(self, direction: Direction) -> Step | None:
        with self._db.transaction():
            user = self._acting_user()
            while True:
                stacks = self._stacks(user)
                top = stacks.undo_top if direction == "undo" else stacks.redo_top
                if top is None:
                    return None
                step = self._undo(top, stacks, user) if direction == "undo" else self._redo(top, user)
                if step.targets or step.class_ids:
                    return step

    def _undo(self, action: int, stacks: _Stacks, user: str) -> Step:
        [(below,)] = self._db.read("SELECT below FROM actions WHERE id = ?", (action,))
        number = self._append("undo", "undo", user, target=action, undo_top=below, redo_below=stacks.redo_top)
        self._db.write("UPDATE actions SET redo_top = id WHERE id = ?", (number,))
        return self._repeat(action, number, "undo")

    def _redo(self, undone: int, user: str) -> Step:
        [(action, below)] = self._db.read("SELECT target, redo_below FROM actions WHERE id = ?", (undone,))
        number = self._append("redo", "redo", user, target=action, undo_top=action, redo_top=below)
        return self._repeat(action, number, "redo")

    @abstractmethod
    def _repeat(self, action: int, number: int, direction: Direction) -> Step:
        """Take an action's changes back, or make them again, as the action ``number``; what has changed since stays."""

    def _begin(self, kind: str, source: str, *, undoable: bool = True) -> int:
        """Append an action of the acting user and return its number; to be called inside a transaction."""
        user = self._user or self.user
        stacks = self._stacks(user)
        if not undoable:
            return self._append(kind, source, user, undo_top=stacks.undo_top, redo_top=stacks.redo_top)
        number = self._append(kind, source, user, below=stacks.undo_top)
        self._db.write("UPDATE actions SET undo_top = id WHERE id = ?", (number,))
        return number

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

    def _edits(self, action: int) -> list[ClassEdit]:
        rows = self._db.read("SELECT class_id, old, new FROM class_edits WHERE action = ? ORDER BY id", (action,))
        return [ClassEdit(int(number), json.loads(old), json.loads(new)) for number, old, new in rows]

    def _edit_classes(self, action: int, edits: Sequence[ClassEdit]) -> None:
        """Note edits of classes under an action and make them; to be called inside a transaction."""
        for edit in edits:
            self._db.write(
                "INSERT INTO class_edits (action, class_id, old, new) VALUES (?, ?, ?, ?)",
                (action, edit.class_id, json.dumps(edit.old), json.dumps(edit.new)),
            )
            self._write_class(edit.class_id, edit.new)

    def _undone(self) -> set[int]:
        """Return the actions that are taken back now."""
        rows = self._db.read("SELECT target, kind FROM actions WHERE kind IN ('undo', 'redo') ORDER BY id")
        newest: dict[int, str] = dict(rows)
        return {target for target, kind in newest.items() if kind == "undo"}

    def _stacks(self, user: str) -> _Stacks:
        rows = self._db.read("SELECT undo_top, redo_top FROM actions WHERE user = ? ORDER BY id DESC LIMIT 1", (user,))
        return _Stacks(*rows[0]) if rows else _Stacks(None, None)

    def _acting_user(self) -> str:
        """Return who acted last through this object; after a restart the login, or else whoever acted last."""
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
