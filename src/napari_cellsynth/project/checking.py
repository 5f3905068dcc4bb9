"""Looking a whole project over, from the database to the last weight file, and mending what can be mended safely.

Nothing that a person made is ever taken away: what is mended repeats the journal, or can be made again.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cellsynth.atomic import HALF_WRITTEN
from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.imaging.large import Large
from napari_cellsynth.imaging.mosaic_boxes import boxes_by_tiles
from napari_cellsynth.imaging.source import open_image
from napari_cellsynth.project.backups import backups, is_gone, left_parts
from napari_cellsynth.project.base import ZARR_ERRORS, as_json
from napari_cellsynth.project.images import fingerprint
from napari_cellsynth.project.project import Project
from napari_cellsynth.project.run_bin import binned
from napari_cellsynth.project.values import strange_value

if TYPE_CHECKING:
    import pandas as pd

_OLD_BACKUP_DAYS = 8
_WRITING_SECONDS = 60.0
_NEWEST_ENTRY = "SELECT target, new, note, max(id) FROM journal GROUP BY target"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes
    ----------
    message : str
        One line for people.
    hint : str
        What to do about it, where it was not mended.
    mended : bool
        Whether it is in order now.
    """

    message: str
    hint: str = ""
    mended: bool = False


def check(path: str | Path, *, mend: bool = False) -> list[Finding]:
    """Verify a project end to end.

    Parameters
    ----------
    path : str or Path
        The project's folder.
    mend : bool
        Mend what can be: labels that differ from the journal (which is the truth), masks that do not fit their objects
        (the frame is to be segmented again), and what killed programs have left half written.

    Returns
    -------
    list of Finding
        Empty where everything is in order.

    Raises
    ------
    UserError
        When there is no such project, its database cannot be opened, or it is to be mended and cannot be written.
    """
    with Project.open(path, read_only=not mend) as project:
        return [finding for look in _LOOKS for finding in look(project, mend)]


def mend_masks(path: str | Path) -> list[Finding]:
    """Let go of the masks that do not fit the objects, as after `backups.restore`."""
    with Project.open(path) as project:
        return list(_masks(project, True))


def _database(project: Project, mend: bool) -> Iterator[Finding]:
    for (finding,) in project._db.read("PRAGMA integrity_check(5)"):
        if finding != "ok":
            yield Finding(f"project.db: {' '.join(str(finding).split())}.", "Restore a backup.")
    broken = project._db.read("PRAGMA foreign_key_check")
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        yield Finding(f"project.db: {_count(broken, 'row')} of {tables} name what is not there.", "Restore a backup.")


def _values(project: Project, mend: bool) -> Iterator[Finding]:
    if finding := strange_value(project._db):
        yield Finding(f"project.db: {finding}.", "Restore a backup.")


def _journal(project: Project, mend: bool) -> Iterator[Finding]:
    """Replay the journal: its newest entry is each object's label and each patch's review."""
    replays = (
        ("object", "objects", "objects", "class_id", "label"),
        ("synthetic patch", "synthetic patches", "patches", "review", "review"),
    )
    for thing, things, name, column, word in replays:
        wrong = project._db.read(
            f"SELECT o.id, coalesce(j.new, 0) FROM {name} o LEFT JOIN ({_NEWEST_ENTRY}) j ON j.target = o.id "
            f"WHERE o.{column} != coalesce(j.new, 0)"
        )
        if wrong and mend:
            with project._db.transaction():
                project._db.write_many(f"UPDATE {name} SET {column} = ? WHERE id = ?", [(new, n) for n, new in wrong])
        if wrong:
            yield Finding(
                f"The {word} of {_count(wrong, thing, things)} differs from the journal: {_some(wrong)}.",
                "Mending brings back what the journal says.",
                mend,
            )
    torn = project._db.read(
        "SELECT DISTINCT target FROM (SELECT target, old, lag(new, 1, 0) OVER (PARTITION BY target ORDER BY id) "
        "AS before FROM journal) WHERE old != before"
    )
    if torn:
        yield Finding(f"The journal of {_count(torn, 'object')} misses entries: {_some(torn)}.", "Restore a backup.")


def _images(project: Project, mend: bool) -> Iterator[Finding]:
    for number, name, path, relative, content in project._db.read(
        "SELECT id, name, path, relative_path, content_hash FROM images ORDER BY id"
    ):
        where, here = project._place(path, relative)
        if not here:
            yield Finding(f"The image {name} is not at {where} any more.", "Relink it to where it is now.")
            continue
        try:
            source = open_image(where)
            try:
                same = fingerprint(source) == content
            finally:
                source.close()
        except (UserError, OSError) as error:
            yield Finding(f"The image {name} ({number}) cannot be read: {error}", "Put the old file back.")
            continue
        if not same:
            yield Finding(f"{where} has changed since it was added.", "Put the old file back, or relink the image.")


def _masks(project: Project, mend: bool) -> Iterator[Finding]:
    """Compare each frame's mask with its objects, whose rows hold a hash of their pixels."""
    for image_id, frame in project._db.read("SELECT image_id, frame FROM masks ORDER BY image_id, frame"):
        rows = project._db.read(
            "SELECT mask_label, mask_hash FROM objects WHERE image_id = ? AND frame = ? AND active = 1 "
            "AND mask_label > 0",
            (image_id, frame),
        )
        try:
            mask = project.mask(image_id, frame)
            found = _boxes(mask)
        except (UserError, *ZARR_ERRORS):
            found, wrong = None, True
        else:
            hashes = {} if found is None else dict(zip(found["mask_label"], found["mask_hash"], strict=True))
            wrong = any(label not in hashes or known not in ("", hashes[label]) for label, known in rows)
        if not wrong:
            continue
        if mend:
            with project._db.transaction():
                project._put_mask(image_id, frame, None)
                project._db.write(
                    "UPDATE objects SET mask_label = 0 WHERE image_id = ? AND frame = ? AND active = 1",
                    (image_id, frame),
                )
                project._changed("objects_changed")
        yield Finding(
            f"The mask of image {image_id}, frame {frame} does not fit its objects"
            f"{'; they keep boxes and labels, segment the frame again' if mend else ''}.",
            "Mending lets go of the mask and keeps boxes and labels.",
            mend,
        )


def _boxes(mask: Any) -> pd.DataFrame | None:
    return boxes_by_tiles(mask) if isinstance(mask, Large) else None if mask is None else boxes_of(mask)


def _patches(project: Project, mend: bool) -> Iterator[Finding]:
    by_run: dict[str, list[int]] = {}
    for number, run in project._db.read("SELECT id, run FROM patches ORDER BY id"):
        by_run.setdefault(run, []).append(number)
    for run, numbers in by_run.items():
        lost = [first for first in range(0, len(numbers), 256) if not _readable(project, numbers[first : first + 256])]
        if lost:
            yield Finding(f"Synthetic patches of {run} are missing or damaged.", "Generate them again.")
        if run in binned(project.path):
            continue
        try:
            project.run(run)
        except UserError:
            yield Finding(
                f"{_count(numbers, 'synthetic patch', 'synthetic patches')} come from {run}, which has no record.",
                "No training takes them; put the run's folder back.",
            )


def _readable(project: Project, numbers: list[int]) -> bool:
    arrays = project._db.read(
        "SELECT array, json_group_array(id) FROM patches WHERE id IN (SELECT value FROM json_each(?)) GROUP BY array",
        (as_json(numbers),),
    )
    try:
        for _, ids in arrays:
            project.read_synthetic(json.loads(ids))
    except UserError:
        return False
    return True


def _runs(project: Project, mend: bool) -> Iterator[Finding]:
    place = project.path / "runs"
    for folder in sorted(place.iterdir()) if place.is_dir() else []:
        if not folder.is_dir():
            continue
        if not (folder / "run.json").exists():
            yield from _no_record(folder, mend)
            continue
        try:
            project.run(folder.name)
        except UserError as error:
            yield Finding(error.message, error.hint)
        yield from _weights(folder)


def _no_record(folder: Path, mend: bool) -> Iterator[Finding]:
    """Look at what a run that was killed before its record was written has left: an empty or half-written folder."""
    left = list(folder.iterdir())
    # Another process may have made the folder just now.
    safe = time.time() - folder.stat().st_mtime > _WRITING_SECONDS and all(_writer_gone(file) for file in left)
    if safe and mend:
        for file in left:
            file.unlink()
        folder.rmdir()
    yield Finding(
        f"runs/{folder.name} has no record.", "Move the folder out of runs/." if left else "", mended=safe and mend
    )


def _weights(folder: Path) -> Iterator[Finding]:
    from safetensors import SafetensorError, safe_open

    for file in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy"):
                pass
        except (OSError, SafetensorError):
            name = file.relative_to(folder.parent.parent).as_posix()
            yield Finding(f"{name} is damaged.", "Train again, or bring it back from a backup of the folder.")


def _leftovers(project: Project, mend: bool) -> Iterator[Finding]:
    """Find what killed programs have left half written; what is being written now is left alone."""
    files = left_parts(project.path)
    files += [file for file in project.path.glob("*") if file.is_file() and _writer_gone(file)]
    for name in ("runs", "drafts"):
        files += [file for file in (project.path / name).glob("**/*") if file.is_file() and _writer_gone(file)]
    for name in ("masks.zarr", "patches.zarr"):  # zarr names its unfinished files without a process
        old = time.time() - _WRITING_SECONDS
        files += [file for file in (project.path / name).glob("**/*.partial") if file.stat().st_mtime < old]
    files += project.unused_large_masks()
    for file in files:
        if mend and file.is_dir():
            shutil.rmtree(file)
        elif mend:
            file.unlink(missing_ok=True)
        yield Finding(
            f"{file.relative_to(project.path).as_posix()} was left half written by a program that was killed.",
            "Mending deletes it; what it was to replace is whole.",
            mend,
        )


def _writer_gone(file: Path) -> bool:
    match = HALF_WRITTEN.fullmatch(file.name)
    return match is not None and is_gone(int(match[1]), file)


def _links(project: Project, mend: bool) -> Iterator[Finding]:
    """Find links out of the folder: whoever writes through one changes files of another place."""
    for folder, folders, files in os.walk(project.path):
        for name in (*folders, *files):
            file = Path(folder, name)
            if file.is_symlink() and not file.resolve().is_relative_to(project.path):
                shown = file.relative_to(project.path).as_posix()
                yield Finding(f"{shown} is a link out of the project.", "Put what it means in its place.")


def _backups(project: Project, mend: bool) -> Iterator[Finding]:
    known = [backup for backup in backups(project.path) if not backup.why]
    if not known:
        if not mend:  # opening the project for mending has just made one
            yield Finding("There is no backup of project.db.", "Opening the project for writing makes one.")
        return
    age = (time.time() - known[0].file.stat().st_mtime) / 86400
    if age > _OLD_BACKUP_DAYS and not mend:
        yield Finding(f"The newest backup is {age:.0f} days old.", "Opening the project for writing makes one.")
    for backup in known:
        try:
            connection = sqlite3.connect(f"{backup.file.as_uri()}?mode=ro", uri=True)
            try:
                sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
            finally:
                connection.close()
        except sqlite3.Error:
            sound = False
        if not sound:
            yield Finding(f"The backup {backup.file.name} is damaged.", "Delete it.")


def _count(rows: list[Any], one: str, many: str = "") -> str:
    return f"1 {one}" if len(rows) == 1 else f"{len(rows)} {many or one + 's'}"


def _some(rows: list[Any]) -> str:
    return ", ".join(str(row[0]) for row in rows[:5]) + (" …" if len(rows) > 5 else "")


_LOOKS: tuple[Callable[[Project, bool], Iterator[Finding]], ...] = (
    _links, _database, _values, _journal, _images, _masks, _patches, _runs, _leftovers, _backups,
)  # fmt: skip
