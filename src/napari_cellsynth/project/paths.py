"""Paths that come from people, tables and folders: refused in one line where no file can have such a name."""

from __future__ import annotations

import os
from pathlib import Path

from napari_cellsynth.errors import UserError


def usable(path: str | Path) -> Path:
    """Return a path with ``~`` replaced; whether something is there is not asked.

    Raises
    ------
    UserError
        When the path is empty, is not valid UTF-8, or no file of this system can have that name.
    """
    text = str(path)
    shown = text.encode("utf-8", "replace").decode().replace("\0", "?")
    if not text.strip():
        raise UserError("The path is empty.", "Give the path of a file or folder.")
    # SQLite keeps text as UTF-8, so such a name could be neither stored nor shown.
    if shown != text:
        raise UserError(f"The name {' '.join(shown.split())} is not valid UTF-8.", "Rename the file or folder.")
    try:
        place = Path(text).expanduser()
        os.stat(place)
    except RuntimeError as error:
        raise UserError(f"The home folder in {text} is unknown.", "Write the whole path.") from error
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, ValueError) as error:
        short = text if len(text) <= 80 else f"{text[:60]}…"
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"The path {short} cannot be used: {reason}.", "Use another name.") from error
    return place


def is_plain(name: str) -> bool:
    """Whether a name is a single file's, on any system: not empty, no separator, drive, ``..`` or control character."""
    return name not in ("", ".", "..") and not any(mark in name for mark in "/\\:") and name.isprintable()


def inside(folder: Path, name: str) -> Path:
    """Return the path of a plain name in a folder, refusing what would lead out of it.

    Parameters
    ----------
    folder : Path
        A folder of the project.
    name : str
        From a table or a record, which a stranger may have written.

    Raises
    ------
    UserError
        When the name is absolute, holds a separator of any system, a drive, ``..`` or a control character, or is a link
        to another place.
    """
    place = folder / (name if is_plain(name) else "")
    if not is_plain(name) or (place.is_symlink() and not place.resolve().is_relative_to(folder.resolve())):
        raise UserError(f"{name!r} leads out of {folder}.", "Do not use this project, or take that entry out of it.")
    return place
