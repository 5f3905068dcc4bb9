"""A file is there whole or not at all: it is written beside its place, forced to the disk and renamed in one step."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 1.0
"""Windows refuses to replace a file while somebody reads it, which takes milliseconds."""
_BETWEEN_S = 0.05

HALF_WRITTEN = re.compile(r"\..+\.(\d+)\.part")
"""How the name of such a path reads, with the number of the process that writes it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it takes the place of `path` once the block is through, and goes where that fails.

    A kill, a full disk or a power cut leaves the old file or the new one. The path lies in the same folder, which must
    exist, and carries the process's number: what a killed one left can be told from what is being written
    (`HALF_WRITTEN`).

    Parameters
    ----------
    path : Path
        The file to make, or to make anew.

    Raises
    ------
    OSError
        When it cannot be written or put into its place.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        force_to_disk(beside)
        _rename(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere folders cannot be opened; it makes the rename itself last
        force_to_disk(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) whole or not at all; an OSError where that cannot be done."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def force_to_disk(path: Path) -> None:
    """Return once what was written to a file, or the names in a folder, would outlast a power cut."""
    # Windows can only force a file that is open for writing.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(beside: Path, path: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            os.replace(beside, path)
            return
        except PermissionError:
            if os.name == "posix" or time.monotonic() > until:
                raise
            time.sleep(_BETWEEN_S)
