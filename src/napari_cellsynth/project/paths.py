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
