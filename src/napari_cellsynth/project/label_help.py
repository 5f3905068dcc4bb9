"""What the last look for help with labels found: ``label_help.json`` in the project folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_cellsynth.atomic import write_text
from napari_cellsynth.errors import UserError

FILE = "label_help.json"


@dataclass(frozen=True)
class LabelHelp:
    """Advice about labels; objects are named by their ids.

    Attributes
    ----------
    mislabelled : list of dict
        ``object``, ``given`` and ``suggested`` (class ids), ``probability`` (of the label given); likeliest first.
    duplicates : list of dict
        ``objects`` (two ids of different groups), ``groups``, ``likeness`` and ``leak`` (one is held out, one is not).
    next : list of int
        Objects to label next, in this order.
    random : list of int
        All objects that were ever drawn at random for labelling: an untouched sample, fit to test on.
    notices : list of str
        What could not be looked at.
    """

    mislabelled: list[dict[str, Any]] = field(default_factory=list)
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    next: list[int] = field(default_factory=list)
    random: list[int] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def read_label_help(project: Path) -> LabelHelp:
    """Return what was found last; empty where nobody has looked, or the file is damaged."""
    try:
        values = json.loads((project / FILE).read_text(encoding="utf-8"))
        return LabelHelp(**values)
    except (OSError, ValueError, TypeError):
        return LabelHelp()


def write_label_help(project: Path, found: LabelHelp) -> Path:
    """Keep what was found, in one atomic step, and return the file.

    Raises
    ------
    UserError
        When the folder cannot be written.
    """
    path = project / FILE
    try:
        write_text(path, json.dumps(asdict(found)))
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.", "Check the disk.") from error
    return path
