"""The mapping of finer types to classes: a CSV table that is written once with every type found, and edited by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.export import original_cell, safe_cell
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.plan import meaning
from napari_cellsynth.project.sources import Source

_COLUMNS = ("type", "class", "objects", "sources")
_NAMED = 8


def write_types(file: str | Path, sources: Sequence[Source]) -> Path:
    """Write a first mapping, in which every type is its own class.

    Parameters
    ----------
    file : str or Path
        The table to write: ``type``, ``class`` (to be edited; empty leaves the type's objects unlabelled), and for the
        reader ``objects`` and ``sources``.
    sources : sequence of Source
        Whose types are listed, by name.

    Raises
    ------
    UserError
        If the file is there already, or cannot be written.
    """
    place = usable(file)
    types = sorted({name for source in sources for name in source.types()})
    try:
        with place.open("x", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(_COLUMNS)
            for name in types:
                having = [source for source in sources if name in source.types()]
                count = sum(source.types()[name] for source in having)
                writer.writerow([safe_cell(name), safe_cell(name), count, " ".join(each.name for each in having)])
    except FileExistsError:
        raise UserError(f"{place} is there already.", "Take it for the merge, or choose another name.") from None
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror}.", "Choose another place.") from error
    return place


def read_types(file: str | Path) -> dict[str, str]:
    """Read a mapping: the class of every type, ``""`` for one whose objects stay unlabelled.

    Raises
    ------
    UserError
        Naming file and line, if a column is missing, a type is empty, or one is given two classes.
    """
    place = usable(file)
    try:
        lines = place.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"{place} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError:
        raise UserError(f"{place} is not a UTF-8 text.", "Save it as CSV UTF-8.") from None
    head = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=";" if ";" in head and "," not in head else ",", skipinitialspace=True)
    columns = [name.strip() for name in reader.fieldnames or []]
    if missing := [name for name in _COLUMNS[:2] if name not in columns]:
        raise UserError(f"{place}, line 1: the column {missing[0]} is missing.", "It needs the columns type and class.")
    reader.fieldnames = columns
    found: dict[str, str] = {}
    for row in reader:
        name, given = (original_cell((row[column] or "").strip()) for column in _COLUMNS[:2])
        if not name and not given:
            continue
        if not name:
            raise UserError(f"{place}, line {reader.line_num}: the type is empty.", "Name it, or remove the line.")
        if found.setdefault(name, given) != given:
            raise UserError(
                f"{place}, line {reader.line_num}: {name} is {given or 'unlabelled'} here, and "
                f"{found[name] or 'unlabelled'} above.",
                "Give each type one class.",
            )
    return found


def class_of(label: str, types: Mapping[str, str] | None) -> str:
    """Return the class of an object's type; what has no type, or is unsure, stays so."""
    return label if types is None or isinstance(meaning(label), int) else types[label]


def check_types(types: Mapping[str, str], found: Iterable[str], file: str | Path) -> None:
    """Raise where a type that was found has no line in the mapping.

    Raises
    ------
    UserError
        Naming the types.
    """
    unknown = sorted(set(found) - set(types))
    if unknown:
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        raise UserError(
            f"{file} says nothing of {', '.join(unknown[:_NAMED])}{more}.",
            "Add a line for each type; an empty class leaves its objects unlabelled.",
        )
