"""The classes of a project: stable ids; name, colour, key and order are attributes. `class_edits` changes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.base import RESERVED_NAMES, ProjectPart

PALETTE = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999",
    "#882255", "#44aa99", "#ddcc77", "#332288", "#aa4499", "#117733", "#88ccee", "#661100",
)  # fmt: skip
"""Eight colours of Okabe and Ito (2008), then eight of Paul Tol's muted scheme; told apart by the colour-blind."""

_COLOR = re.compile("#[0-9a-fA-F]{6}")

KEYS = "123456789"
"""The keys that a class can have."""

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


GONE = -1
"""In a class's ``gone``: it was deleted; a positive number there is the class that it was merged into."""

Fields = dict[str, str | int]
"""Some of a class's columns: name, color, key and gone."""


LONGEST_NAME = 80
"""Characters of a class's name: longer ones fill buttons, legends and tables."""


class Classes(ProjectPart):
    """Finding classes, and the rows that they are kept in."""

    def classes(self) -> list[ClassRecord]:
        """Return all classes in their order."""
        rows = self._db.read("SELECT id, name, color, key, position FROM classes WHERE gone = 0 ORDER BY position, id")
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

    def _checked_class(self, class_id: int, *, reserved: bool = False) -> int:
        class_id = int(class_id)
        if reserved and class_id in RESERVED_NAMES:
            return class_id
        if not self._db.read("SELECT 1 FROM classes WHERE id = ? AND gone = 0", (class_id,)):
            raise UserError(f"There is no class with the id {class_id}.", "Add the class first.")
        return class_id

    def _class_names(self) -> dict[int, str]:
        """Return the names of all classes, also of those that are gone: old labels name them."""
        return RESERVED_NAMES | {int(row[0]): str(row[1]) for row in self._db.read("SELECT id, name FROM classes")}

    def _require_classes(self, names: Iterable[str], colors: Mapping[str, str]) -> dict[str, int]:
        """Return ids by name, adding the classes that are missing, in the order and colours given; no step of undo."""
        known = {record.name: record.id for record in self.classes()}
        for name in names:
            if name not in known:
                color = colors.get(name, "")
                known[name] = self._insert_class(name, color if _COLOR.fullmatch(color) else None)
        return known

    def _insert_class(self, name: str, color: str | None = None) -> int:
        with self._db.transaction():
            known = self.classes()
            name = checked_name(name, self._names_taken())
            if color is None:
                taken = {record.color for record in known}
                color = next((c for c in PALETTE if c not in taken), PALETTE[len(known) % len(PALETTE)])
            keys = {record.key for record in known}
            key = next((k for k in KEYS if k not in keys), "")
            # Behind all that are there: taking a class away moves no other one.
            [(position,)] = self._db.read("SELECT coalesce(max(position) + 1, 0) FROM classes")
            number = self._db.write(
                "INSERT INTO classes (name, color, key, position) VALUES (?, ?, ?, ?)",
                (name, checked_color(color), key, position),
            )
            self._changed("classes_changed")
        return number

    def _names_taken(self, leave: int = 0) -> set[str]:
        return {str(row[0]) for row in self._db.read("SELECT name FROM classes WHERE id != ?", (leave,))}

    def _class_fields(self, class_id: int) -> Fields:
        [row] = self._db.read("SELECT name, color, key, gone FROM classes WHERE id = ?", (class_id,))
        return dict(zip(("name", "color", "key", "gone"), row, strict=True))

    def _write_class(self, class_id: int, fields: Fields) -> None:
        for name, value in fields.items():
            assert name in ("name", "color", "key", "gone")
            self._db.write(f"UPDATE classes SET {name} = ? WHERE id = ?", (value, class_id))
        self._changed("classes_changed")

    def _heirs(self) -> dict[int, int]:
        """Return of every class that is gone the one that stands for it now; 0 where none does."""
        gone: dict[int, int] = dict(self._db.read("SELECT id, gone FROM classes WHERE gone != 0"))

        def heir(number: int) -> int:
            for _ in range(len(gone) + 1):  # a damaged file could send us round in circles
                if number not in gone:
                    return max(0, number)
                number = int(gone[number])
            return 0

        return {number: heir(number) for number in gone}


def checked_name(name: str, taken: Collection[str]) -> str:
    """Return a name for a class without the blanks around it, or say why it cannot be one."""
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
    if len(name) > LONGEST_NAME:
        raise UserError(
            f"The name of a class has {LONGEST_NAME} characters at most; {name[:20]!r}… has {len(name):,}.",
            "Shorten it.",
        )
    if name in taken:
        raise UserError(f"There is a class {name!r} already.", "Choose another name.")
    if alike := next((other for other in taken if other.casefold() == name.casefold()), None):
        raise UserError(f"{name!r} differs from the class {alike!r} only in case.", "Write both alike, or rename one.")
    return name


def checked_color(color: str) -> str:
    """Return a colour in small letters, or say that it is none."""
    if not _COLOR.fullmatch(color):
        raise UserError(f"{color!r} is not a colour.", "Write it like #e69f00.")
    return color.lower()
