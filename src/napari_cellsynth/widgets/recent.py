"""The projects that were opened last, in the person's own settings."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import QSettings

RECENT = 8


def settings() -> QSettings:
    """Return the person's settings."""
    return QSettings("napari-cellsynth", "napari-cellsynth")


def recent_projects() -> list[Path]:
    """Return the project folders opened last that still exist, newest first; damaged settings are none."""
    stored = settings().value("recent", [])
    names = [stored] if isinstance(stored, str) else stored if isinstance(stored, list | tuple) else []
    found = []
    for name in names:
        # A share that is not there, or one that may not be read, is not offered.
        with suppress(OSError, ValueError, TypeError):
            if Path(name).is_absolute() and Path(name).is_dir():
                found.append(Path(name))
    return found[:RECENT]


def remember(path: Path) -> None:
    """Put a project at the head of the list."""
    others = [str(other) for other in recent_projects() if other != path.resolve()]
    settings().setValue("recent", [str(path.resolve()), *others][:RECENT])


def start_folder() -> Path:
    """Return where a file dialog starts: beside the newest project, else at home."""
    recent = recent_projects()
    return recent[0].parent if recent else Path.home()
