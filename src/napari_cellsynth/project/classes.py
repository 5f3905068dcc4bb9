"""The classes of a project: stable ids; name, colour, key and order are attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.base import RESERVED_NAMES, ProjectPart

PALETTE = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999",
    "#882255", "#44aa99", "#ddcc77", "#332288", "#aa4499", "#117733", "#88ccee", "#661100",
)  # fmt: skip
"""Eight colours of Okabe and Ito (2008), then eight of Paul Tol's muted scheme; told apart by the colour-blind."""

SEPARATOR = "|"
"""Stands between the names of an object's classes in tables, and so in no name."""


@dataclass(frozen=True)
class ClassRecord:
    """One class.

    Attributes
    ----------
    id : int
        Positive, never changes, never given to another class.
    name : str
        Unique in the project.
    color : str
        ``"#rrggbb"``.
    key : str
        ``"1"`` … ``"9"``, or ``""`` from the tenth class on.
    position : int
        Its place in lists, from 0.
    """

    id: int
    name: str
    color: str
    key: str
    position: int


class Classes(ProjectPart):
    """Adding, renaming and finding classes."""

    def classes(self) -> list[ClassRecord]:
        """Return all classes in their order."""
        rows = self._db.read("SELECT id, name, color, key, position FROM classes ORDER BY position, id")
        return [ClassRecord(*row) for row in rows]

    def class_named(self, name: str | int) -> ClassRecord:
        """Return the class of that name, or with that id.

        Raises
        ------
        UserError
            When there is none; the hint lists those there are.
        """
        known = self.classes()
        for record in known:
            if record.id == name if isinstance(name, int) else record.name == name.strip():
                return record
        names = ", ".join(record.name for record in known)
        raise UserError(f"There is no class {name!r}.", f"The classes are {names}." if names else "Add a class first.")

    def add_class(self, name: str, color: str | None = None) -> int:
        """Add a class and return its id; it gets the next free colour and key.

        Raises
        ------
        UserError
            When the name is empty, taken or reserved, or the colour is not ``#rrggbb``.
        """
        with self._db.transaction():
            known = self.classes()
            name = _checked_name(name, [record.name for record in known])
            if color is None:
                taken = {record.color for record in known}
                color = next((c for c in PALETTE if c not in taken), PALETTE[len(known) % len(PALETTE)])
            keys = {record.key for record in known}
            key = next((k for k in "123456789" if k not in keys), "")
            number = self._db.write(
                "INSERT INTO classes (name, color, key, position) VALUES (?, ?, ?, ?)",
                (name, _checked_color(color), key, len(known)),
            )
            self._changed("classes_changed")
        return number

    def rename_class(self, class_id: int, name: str) -> None:
        """Give a class another name; its id, labels and runs stay.

        Raises
        ------
        UserError
            When there is no such class, or the name is empty, taken or reserved.
        """
        with self._db.transaction():
            self._checked_class(class_id)
            others = [record.name for record in self.classes() if record.id != class_id]
            self._db.write("UPDATE classes SET name = ? WHERE id = ?", (_checked_name(name, others), class_id))
            self._changed("classes_changed")

    def recolor_class(self, class_id: int, color: str) -> None:
        """Give a class another colour, ``"#rrggbb"``.

        Raises
        ------
        UserError
            When there is no such class or the colour is not ``#rrggbb``.
        """
        with self._db.transaction():
            self._checked_class(class_id)
            self._db.write("UPDATE classes SET color = ? WHERE id = ?", (_checked_color(color), class_id))
            self._changed("classes_changed")

    def _checked_class(self, class_id: int, *, reserved: bool = False) -> int:
        class_id = int(class_id)
        if reserved and class_id in RESERVED_NAMES:
            return class_id
        if not self._db.read("SELECT 1 FROM classes WHERE id = ?", (class_id,)):
            raise UserError(f"There is no class with the id {class_id}.", "Add the class first.")
        return class_id

    def _class_names(self) -> dict[int, str]:
        return RESERVED_NAMES | {record.id: record.name for record in self.classes()}

    def _require_classes(self, names: Iterable[str]) -> dict[str, int]:
        """Return ids by name, adding the classes that are missing, in the order given."""
        known = {record.name: record.id for record in self.classes()}
        for name in names:
            if name not in known:
                known[name] = self.add_class(name)
        return known


def _checked_name(name: str, taken: Iterable[str]) -> str:
    name = name.strip()
    if not name or not name.isprintable():
        raise UserError("A class needs a name of one line.", "Give it one, for example Dense.")
    if name.casefold() in RESERVED_NAMES.values():
        raise UserError(f"{name!r} is a reserved name.", "Choose another name for the class.")
    # The command line's ``--class all`` means every class.
    if name.casefold() == "all":
        raise UserError(f"{name!r} means every class and cannot name one.", "Choose another name for the class.")
    if SEPARATOR in name:
        raise UserError(f"{name!r} holds {SEPARATOR}, which parts several classes.", "Choose another name.")
    if name in taken:
        raise UserError(f"There is a class {name!r} already.", "Choose another name.")
    return name


def _checked_color(color: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        raise UserError(f"{color!r} is not a colour.", "Write it like #e69f00.")
    return color.lower()
