"""Values that no program of ours writes into a project's tables: found, and told as damage in place of a traceback.

SQLite keeps any value in any column, so a damaged or hostile database may hold a text where a number is expected.
Looking at every value costs too much for each opening; it is done by `check`, and when something has gone wrong.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.schema import GO_BACK

if TYPE_CHECKING:
    from napari_cellsynth.project.base import ProjectPart
    from napari_cellsynth.project.database import Database

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="ProjectPart")
_STORED = {"INTEGER": "'integer'", "REAL": "'real', 'integer'", "TEXT": "'text'", "BLOB": "'blob'"}
_WRONG = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, AttributeError, MemoryError)
_OUTSIDE = (
    "SELECT o.id FROM objects o JOIN images i ON i.id = o.image_id WHERE NOT (0 <= y0 AND y0 < y1 AND y1 <= i.height "
    "AND 0 <= x0 AND x0 < x1 AND x1 <= i.width AND frame BETWEEN 0 AND i.frames - 1) LIMIT 1"
)


def strange_value(database: Database) -> str:
    """Return what is wrong with the first value that no program of ours writes; empty where there is none."""
    tables = database.read("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    for (table,) in tables:
        for _, column, kind, needed, _, key in database.read(f"PRAGMA table_info({_quoted(table)})"):
            if kind not in _STORED or (key and kind == "INTEGER"):
                continue
            allowed = _STORED[kind] + ("" if needed or key else ", 'null'")
            name = _quoted(column)
            wrong = database.read(f"SELECT 1 FROM {_quoted(table)} WHERE typeof({name}) NOT IN ({allowed}) LIMIT 1")
            if wrong:
                return f"{table}.{column} holds a value that is no {kind.lower()}"
    if broken := database.read("PRAGMA foreign_key_check"):
        return f"{broken[0][0]} names a row of {broken[0][2]} that is not there"
    if outside := database.read(_OUTSIDE):
        return f"the box of object {outside[0][0]} lies outside of its image"
    return ""


def telling_damage(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let a method that reads tables tell damage as such; an accident with sound tables stays what it is, a bug."""

    def reading(self: S, /, *arguments: P.args, **named: P.kwargs) -> R:
        try:
            return method(self, *arguments, **named)
        except _WRONG as error:
            if finding := strange_value(self._db):
                raise UserError(f"{self._db.file} is damaged: {finding}.", GO_BACK) from error
            raise

    functools.update_wrapper(reading, method)
    return reading


def damaged(database: Database, what: str) -> UserError:
    """Return what to say of a text or bytes in a table that hold something else than they should."""
    return UserError(f"{database.file} is damaged: {what} cannot be read.", GO_BACK)


def _quoted(name: Any) -> str:
    return '"' + str(name).replace('"', '""') + '"'
