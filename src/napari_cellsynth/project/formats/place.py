"""Writing an export beside its place and renaming it when it is whole; asking for a library that a format needs."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_cellsynth.atomic import replacing
from napari_cellsynth.errors import UserError
from napari_cellsynth.project.paths import usable


@contextmanager
def file_beside(out_path: str | Path) -> Iterator[tuple[Path, Path]]:
    """Yield a path to write to, and the file that it becomes; one that is there is replaced.

    Raises
    ------
    UserError
        When the place is a folder, or cannot be written.
    """
    out = usable(out_path).absolute()
    if out.is_dir():
        raise UserError(f"{out} is a folder.", "Give the name of a file.")
    with _telling(out), replacing(out) as beside:
        yield beside, out


@contextmanager
def folder_beside(out_path: str | Path) -> Iterator[tuple[Path, Path]]:
    """Yield a new folder to fill, and the one that it becomes.

    Raises
    ------
    UserError
        When something is there already (an empty folder does not count), or the place cannot be written.
    """
    out = usable(out_path).absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists already.", "Choose another name, or remove it first.")
    beside = out.with_name(f".{os.getpid()}.{out.name}")
    with _telling(out):
        beside.mkdir()
        try:
            yield beside, out
            if out.exists():
                out.rmdir()
            beside.rename(out)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def _telling(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}.", "Choose another place.") from error


def library(name: str, what: str) -> Any:
    """Import a library that one format needs.

    Raises
    ------
    UserError
        When it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"{what} needs {name.partition('.')[0]}.", 'Install it: pip install "napari-cellsynth[exchange]".'
        ) from error
