"""Corrections by hand that were not taken over yet: each waits as a file in ``drafts/`` until it is, or is discarded.

A file is one line of JSON, which objects the frame had when the correction began, and then the packed label image.
Every working copy has a file of its own, so that two windows that correct one frame do not write over each other.
"""

from __future__ import annotations

import json
import os
import re
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.atomic import replacing
from napari_cellsynth.errors import UserError
from napari_cellsynth.project.by_hand import Correction, take_over
from napari_cellsynth.project.masks import unpacked
from napari_cellsynth.project.paths import inside

if TYPE_CHECKING:
    from napari_cellsynth.project.project import Project

FOLDER = "drafts"
_NAME = re.compile(r"(\d{1,12})-(\d{1,9})-[0-9a-f]{8}\.draft")
_MOST_BEFORE_MASK = 1 << 24
"""Bytes of the first line: a million objects a frame."""


@dataclass(frozen=True)
class Draft:
    """A correction that waits.

    Attributes
    ----------
    image_id, frame : int
        The frame.
    file : Path
        Where it is kept.
    """

    image_id: int
    frame: int
    file: Path


def drafts(project: Project) -> list[Draft]:
    """Return the corrections that wait, by image, frame and age; files that are none are left out."""
    place = inside(project.path, FOLDER)
    try:
        files = [entry for entry in os.scandir(place) if entry.is_file(follow_symlinks=False)]
        named = [(found, entry) for entry in files if (found := _NAME.fullmatch(entry.name))]
        aged = sorted((int(found[1]), int(found[2]), entry.stat().st_mtime, entry.name) for found, entry in named)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{place} cannot be read: {error.strerror}.", "Check the permissions.") from error
    return [Draft(image_id, frame, place / name) for image_id, frame, _, name in aged]


def read_draft(project: Project, draft: Draft) -> tuple[NDArray[np.int32], list[int]]:
    """Return a correction and the ids of the objects that the frame had when it began.

    Returns
    -------
    labels : ndarray of int32, shape (Y, X)
        0 is background.
    since : list of int

    Raises
    ------
    UserError
        When the image is not in the project, or the file is damaged.
    """
    frames, height, width = (int(side) for side in project._image_row(draft.image_id, "frames, height, width"))
    try:
        with draft.file.open("rb") as stream:
            since = json.loads(stream.readline(_MOST_BEFORE_MASK))["since"]
            labels = unpacked(stream.read(8 * height * width + 4096), height, width)
        whole = all(isinstance(number, int) for number in since)
        if not whole or labels.min(initial=0) < 0 or draft.frame >= frames:
            raise ValueError("no objects")
    except (OSError, ValueError, LookupError, TypeError, zlib.error) as error:
        raise UserError(f"The draft {draft.file} is damaged or unreadable.", "Delete it; correct again.") from error
    return labels, since


def write_draft(
    project: Project, image_id: int, frame: int, labels: NDArray[Any], since: Sequence[int], *, file: Path | None = None
) -> Path:
    """Keep a correction, in one atomic step, and return its file.

    Parameters
    ----------
    project : Project
        Open for writing.
    image_id, frame : int
        The frame.
    labels : ndarray of int, shape (Y, X)
        0 is background.
    since : sequence of int
        The objects that the frame had when the correction began.
    file : Path, optional
        Where this correction is kept already.

    Raises
    ------
    UserError
        When the project is read-only or cannot be written.
    """
    if project.read_only:
        raise UserError(f"{project.path} was opened read-only.", "Open it for writing.")
    place = inside(project.path, FOLDER)
    file = file or place / f"{image_id}-{frame}-{uuid.uuid4().hex[:8]}.draft"
    head = json.dumps({"since": [int(number) for number in since], "user": project.user})
    try:
        place.mkdir(exist_ok=True)
        with replacing(file) as beside:
            beside.write_bytes(head.encode() + b"\n" + zlib.compress(np.ascontiguousarray(labels, "<i4").tobytes(), 1))
    except OSError as error:
        raise UserError(f"The correction cannot be kept in {place}: {error.strerror}.", "Check the disk.") from error
    return file


def take_draft(project: Project, draft: Draft, *, over: bool = False) -> Correction:
    """Make a correction that waits the frame's objects (`by_hand.take_over`), and let go of it.

    Parameters
    ----------
    project : Project
        Open for writing.
    draft : Draft
        One of `drafts`.
    over : bool
        Also where somebody has changed the frame since: it becomes as the correction has it, labels carried over.

    Raises
    ------
    UserError
        As of `read_draft`, or when somebody has changed the frame since. The draft stays then.
    """
    labels, since = read_draft(project, draft)
    done = take_over(project, draft.image_id, draft.frame, labels, since=None if over else since)
    discard_draft(draft.file)
    return done


def discard_draft(file: Path) -> None:
    """Let go of a correction; it may be gone already.

    Raises
    ------
    UserError
        When it cannot be deleted.
    """
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{file} cannot be deleted: {error.strerror}.", "Check the permissions.") from error
