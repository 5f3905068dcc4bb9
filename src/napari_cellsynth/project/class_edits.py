"""Changing the classes: add, rename, recolour, another key, merge, delete; each a step of undo like a label."""

from __future__ import annotations

from contextlib import AbstractContextManager

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.actions import Change, ClassEdit
from napari_cellsynth.project.classes import GONE, KEYS, Fields, checked_color, checked_name
from napari_cellsynth.project.journal import Labels
from napari_cellsynth.project.schema import FIRST_SET_ID


class ClassEdits(Labels):
    """The edits; a class's id, labels, patches and runs stay through all of them but the merging."""

    def at_once(self) -> AbstractContextManager[None]:
        """Make several changes of the project or, where one fails, none; each stays a step of undo of its own."""
        return self._db.transaction()

    def add_class(self, name: str, color: str | None = None) -> int:
        """Add a class and return its id; it gets the next free colour and key.

        Raises
        ------
        UserError
            When the name is empty, taken or reserved, or the colour is not ``#rrggbb``.
        """
        with self._db.transaction():
            number = self._insert_class(name, color)
            there = self._class_fields(number)
            self._db.write("UPDATE classes SET gone = ? WHERE id = ?", (GONE, number))
            self._edit([ClassEdit(number, self._parted(number, GONE), there)])
        return number

    def rename_class(self, class_id: int, name: str) -> None:
        """Give a class another name; its id, labels and runs stay.

        Raises
        ------
        UserError
            When there is no such class, or the name is empty, taken or reserved.
        """
        with self._db.transaction():
            number = self._checked_class(class_id)
            self._change(number, {"name": checked_name(name, self._names_taken(leave=number))})

    def recolor_class(self, class_id: int, color: str) -> None:
        """Give a class another colour, ``"#rrggbb"``.

        Raises
        ------
        UserError
            When there is no such class or the colour is not ``#rrggbb``.
        """
        with self._db.transaction():
            self._change(self._checked_class(class_id), {"color": checked_color(color)})

    def set_class_key(self, class_id: int, key: str) -> None:
        """Give a class another key, ``"1"`` to ``"9"`` or ``""`` (none); a class that had it gets this one's.

        Raises
        ------
        UserError
            When there is no such class, or no such key.
        """
        key = str(key).strip()
        if key and (len(key) != 1 or key not in KEYS):
            raise UserError(f"{key!r} is no key for a class.", "Choose one of 1 to 9.")
        with self._db.transaction():
            number = self._checked_class(class_id)
            before = str(self._class_fields(number)["key"])
            others = [record for record in self.classes() if key and record.key == key and record.id != number]
            edits = [ClassEdit(other.id, {"key": key}, {"key": before}) for other in others]
            if before != key:
                self._edit([*edits, ClassEdit(number, {"key": before}, {"key": key})])

    def merge_class(self, class_id: int, into: int) -> int:
        """Make all objects and synthetic patches of a class those of another, and take the class away.

        One call is one step of undo. Predictions of the class count for the other one from then on.

        Returns
        -------
        int
            How many objects changed their label.

        Raises
        ------
        UserError
            When there is no such class, or both are the same.
        """
        with self._db.transaction():
            gone, heir = self._checked_class(class_id), self._checked_class(into)
            if gone == heir:
                raise UserError("A class cannot be merged into itself.", "Choose another class.")
            rows = self._db.read(
                "SELECT id, class_id FROM objects WHERE active = 1 AND (class_id = ? OR class_id >= ?)",
                (gone, FIRST_SET_ID),
            )
            changes = [Change(number, label, self._present(label, {gone: heir})) for number, label in rows]
            changes = [change for change in changes if change.new != change.old]
            self._user = self.user
            action = self._begin("class", "hand")
            self._apply(action, "bulk", changes)
            self._edit_classes(action, [ClassEdit(gone, self._class_fields(gone), self._parted(gone, heir))])
        return len(changes)

    def delete_class(self, class_id: int) -> None:
        """Take a class away that no object and no synthetic patch has; what a classifier said of it is left out.

        Raises
        ------
        UserError
            When there is no such class, or something has it.
        """
        with self._db.transaction():
            number = self._checked_class(class_id)
            if holders := self._holders(number):
                name = self._class_fields(number)["name"]
                raise UserError(f"{name} has {holders}.", "Merge it into another class, or take the labels away first.")
            self._edit([ClassEdit(number, self._class_fields(number), self._parted(number, GONE))])

    def _change(self, class_id: int, new: Fields) -> None:
        now = self._class_fields(class_id)
        old = {name: now[name] for name in new}
        if old != new:
            self._edit([ClassEdit(class_id, old, new)])

    def _edit(self, edits: list[ClassEdit]) -> None:
        self._user = self.user
        self._edit_classes(self._begin("class", "hand"), edits)

    def _parted(self, class_id: int, gone: int) -> Fields:
        """Return a class's columns once it has gone: its name and key are free for others."""
        fields = self._class_fields(class_id)
        how = "deleted" if gone == GONE else "merged"
        return fields | {"name": f"{fields['name']} ({how}, class {class_id})", "key": "", "gone": gone}

    def _holders(self, class_id: int) -> str:
        """Return in words what has a class; empty where nothing has."""
        rows = self._db.read("SELECT class_id, count(*) FROM objects WHERE active = 1 OR orphan = 1 GROUP BY class_id")
        objects = sum(count for label, count in rows if class_id in self.classes_of(label))
        merged = [number for number, heir in self._heirs().items() if heir == class_id]
        patches = 0
        for number in (class_id, *merged):
            patches += int(self._db.read("SELECT count(*) FROM patches WHERE class_id = ?", (number,))[0][0])
        words = [f"{n:,} {thing}" for n, thing in ((objects, "objects"), (patches, "synthetic patches")) if n]
        return " and ".join([*words, *(["a class merged into it"] if merged and not words else [])])

    def _possible_edits(self, edits: list[ClassEdit]) -> list[ClassEdit]:
        """Return the edits that can still be made: where nobody has changed the same, or has taken name or key."""
        possible = []
        for edit in edits:
            now, new = self._class_fields(edit.class_id), dict(edit.new)
            same = all(now[name] == edit.old[name] for name in (("gone",) if "gone" in new else new))
            others = [record for record in self.classes() if record.id not in {each.class_id for each in edits}]
            key_taken = bool(new.get("key")) and any(record.key == new["key"] for record in others)
            if "gone" not in new:
                good = now["gone"] == 0 and not key_taken
            elif new["gone"] == 0:
                new["key"] = "" if key_taken else new["key"]
                good = True
            else:
                new = self._parted(edit.class_id, int(new["gone"]))
                good = self._may_go(edit.class_id, int(new["gone"]))
            if same and good and new.get("name") not in self._names_taken(leave=edit.class_id):
                possible.append(ClassEdit(edit.class_id, {name: now[name] for name in new}, new))
        return possible

    def _may_go(self, class_id: int, gone: int) -> bool:
        """Whether nothing has come to a class meanwhile; what a merging moves has been moved by then."""
        if gone == GONE:
            return not self._holders(class_id)
        rows = self._db.read("SELECT DISTINCT class_id FROM objects WHERE active = 1")
        heir_there = any(record.id == gone for record in self.classes())
        return heir_there and not any(class_id in self.classes_of(row[0]) for row in rows)
