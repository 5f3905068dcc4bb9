"""Rotating copies of ``project.db`` in the project's folder ``backups``, and going back to one of them.

Copies are numbered, not ordered by time: a clock that goes backwards must not make the newest copy the first to go.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import never
from napari_cellsynth.project.schema import check_version, migrate

FOLDER = "backups"
DATABASE = "project.db"
NEWEST = 5
DAYS = 7
BUSY_SECONDS = 10.0
CLOSING_SECONDS = 2.0
_SPARE_BYTES = 64 << 20
_NAME = re.compile(r"project-(\d{6,})-(\d{8})-(\d{6})(?:-([a-z0-9-]+))?\.db")
_PART = re.compile(r"\.(\d+)-\d+\.part(-journal)?")


@dataclass(frozen=True)
class Backup:
    """One copy.

    Attributes
    ----------
    number : int
        Counts up in a project.
    time : str
        When it was made: ``2026-03-01 17:05:09``, local time.
    why : str
        Empty for a copy at opening or of a day; ``before-restore`` or ``schema-1`` for one that is never rotated away.
    file : Path
        An SQLite database that needs no log beside it.
    """

    number: int
    time: str
    why: str
    file: Path

    @property
    def day(self) -> str:
        """The date of `time`."""
        return self.time[:10]


def backups(project: str | Path) -> list[Backup]:
    """Return a project's copies, newest first."""
    found = []
    with suppress(OSError):
        for file in (Path(project) / FOLDER).iterdir():
            match = _NAME.fullmatch(file.name)
            if match and file.is_file() and not file.is_symlink():
                number, day, hour, why = match.groups()
                when = f"{day[:4]}-{day[4:6]}-{day[6:]} {hour[:2]}:{hour[2:4]}:{hour[4:]}"
                found.append(Backup(int(number), when, why or "", file))
    return sorted(found, key=lambda backup: (backup.number, backup.file.name), reverse=True)


def back_up(project: str | Path, stop: Callable[[], bool] = never) -> Path | None:
    """Copy a project's database, and let old copies go: the newest five stay, and the first of each of seven days.

    Parameters
    ----------
    project : str or Path
        The folder.
    stop : callable, optional
        Asked every few megabytes; the copy is given up once it returns true.

    Returns
    -------
    Path or None
        The copy; None where the newest one is the same, the disk has no room to spare, or it cannot be made (`check`
        then says how old the newest is): a copy must never keep anybody from working.
    """
    folder = Path(project)
    copy: Path | None = None
    with suppress(OSError, sqlite3.Error, UserError):
        if shutil.disk_usage(folder).free < 2 * (folder / DATABASE).stat().st_size + _SPARE_BYTES:
            return None
        copy = keep_copy(folder, unless_same=True, stop=stop)
        _rotate(folder)
    return copy


class BackingUp:
    """A copy that is made in a thread of its own, so that opening a project never waits for it."""

    def __init__(self, project: Path) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=back_up, args=(project, self._stop.is_set), name="cellsynth-backup", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Wait for its end, at most a moment: a copy that takes longer (a slow share) is given up."""
        self._thread.join(CLOSING_SECONDS)
        self._stop.set()
        self._thread.join()


def keep_copy(
    folder: Path, why: str = "", *, unless_same: bool = False, stop: Callable[[], bool] = never
) -> Path | None:
    """Copy the database as it is now, other programs' unfinished changes left out.

    Raises
    ------
    OSError, sqlite3.Error
        When it cannot be read or written, or is damaged.
    UserError
        When another program holds it for longer than ten seconds.
    """
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    part = place / f".{os.getpid()}-{threading.get_ident()}.part"
    try:
        with (
            closing(sqlite3.connect(_uri(folder / DATABASE, "rw"), uri=True, timeout=BUSY_SECONDS)) as source,
            closing(sqlite3.connect(part)) as target,
        ):
            # With a write-ahead log the copy is one long reading that holds nobody up; else it lets others in between.
            if source.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                source.execute("BEGIN")
                source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(target, pages=1000, sleep=0.01, progress=_patience(stop))
            target.execute("PRAGMA journal_mode = DELETE").fetchone()
            if (finding := target.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(f"malformed: {finding}")
        known = backups(folder)
        if unless_same and known and _same(part, known[0].file):
            return None
        name = f"project-{known[0].number + 1 if known else 1:06d}-{time.strftime('%Y%m%d-%H%M%S')}"
        copy = place / f"{name}{f'-{why}' if why else ''}.db"
        os.replace(part, copy)
        return copy
    finally:
        part.unlink(missing_ok=True)


def restore(project: str | Path, backup: str | Path | int | None = None) -> tuple[Backup | Path, Path | None]:
    """Bring a project's database back to a copy; the database as it is now is kept aside first.

    Parameters
    ----------
    project : str or Path
        The folder. Other windows may have it open: they see the restored project at their next look.
    backup : str, Path or int, optional
        A copy's number or file name, or the path of a database; the newest sound copy by default.

    Returns
    -------
    tuple
        What was restored, and where the database lies that was current until now (None where there was none).

    Raises
    ------
    UserError
        When there is no such copy, it is damaged, another project's or newer, or the project cannot be written.

    Notes
    -----
    Ids that the current database has given away are never given again, so that what runs remember of objects stays
    true. Masks and patches lie outside of the database; `check` finds those that the older rows do not fit.
    """
    folder = Path(project)
    chosen = _choose(folder, backup)
    file = chosen.file if isinstance(chosen, Backup) else chosen
    part = folder / FOLDER / f".{os.getpid()}-{threading.get_ident()}.part"
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
        aside, given = _set_aside(folder)
        shutil.copyfile(file, part)
        with closing(sqlite3.connect(part, isolation_level=None)) as made:
            migrate(made)
            for table, number in given.items():
                made.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, table))
                made.execute(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT ?, ? "
                    "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)",
                    (table, number, table),
                )
            # One transaction into the database that others may have open, or a new one where it was damaged.
            with closing(sqlite3.connect(folder / DATABASE, timeout=BUSY_SECONDS)) as target:
                made.backup(target, pages=-1, sleep=0.05, progress=_patience())
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{folder} could not be restored: {reason}.", "Check the disk and its permissions.") from error
    finally:
        part.unlink(missing_ok=True)
    return chosen, aside


def _choose(folder: Path, backup: str | Path | int | None) -> Backup | Path:
    known = backups(folder)
    if backup is None:
        sound = next((each for each in known if not each.why and _is_sound(each.file)), None)
        if sound is None:
            raise UserError(f"{folder} has no backup.", "Give a database with --from.")
        return sound
    text = str(backup).strip()
    for each in known:
        if text == each.file.name or (text.isdecimal() and int(text) == each.number):
            check_version(each.file)
            return _refusing_damage(each)
    if not (text and Path(text).expanduser().is_file()):
        listed = ", ".join(str(each.number) for each in known[:8])
        hint = f"There are those with the numbers {listed}." if known else "The project has none."
        raise UserError(f"There is no backup {text!r}.", hint)
    file = Path(text).expanduser()
    try:
        check_version(file)
    except UserError as error:
        raise UserError(error.message, "Give another project.db, or a number from --list.") from None
    _refuse_foreign(file, folder / DATABASE)
    return _refusing_damage(file)


def _refuse_foreign(file: Path, current: Path) -> None:
    """Refuse a database that knows none of the images that the current one knows."""
    hashes = []
    for each in (file, current):
        with suppress(sqlite3.Error), closing(sqlite3.connect(_uri(each, "ro"), uri=True)) as connection:
            hashes.append({row[0] for row in connection.execute("SELECT content_hash FROM images")})
    if len(hashes) == 2 and all(hashes) and hashes[0].isdisjoint(hashes[1]):
        raise UserError(
            f"{file} is of another project: it knows none of this one's images.", "Open that project instead."
        )


def _refusing_damage(chosen: Backup | Path) -> Backup | Path:
    file = chosen.file if isinstance(chosen, Backup) else chosen
    if not _is_sound(file):
        raise UserError(f"The backup {file.name} is damaged.", "Choose another one.")
    return chosen


def _is_sound(file: Path) -> bool:
    try:
        check_version(file)
        with closing(sqlite3.connect(_uri(file, "ro"), uri=True)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except (UserError, sqlite3.Error):
        return False


def _set_aside(folder: Path) -> tuple[Path | None, dict[str, int]]:
    """Keep the current database, moved as it is where it is damaged; return it and the ids that it has given away."""
    file = folder / DATABASE
    if not file.exists():
        return None, {}
    try:
        copy = keep_copy(folder, "before-restore")
        assert copy is not None
        with closing(sqlite3.connect(_uri(copy, "ro"), uri=True)) as connection:
            return copy, dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    except sqlite3.Error:
        place = folder / FOLDER / f"damaged-{time.strftime('%Y%m%d-%H%M%S')}"
        number = 1
        while place.exists():
            place, number = place.with_name(f"{place.name.split('_')[0]}_{number}"), number + 1
        place.mkdir(parents=True)
        for ending in (
            "-shm",
            "-wal",
            "-journal",
            "",
        ):  # the log first: without its file it is never applied to another
            with suppress(FileNotFoundError):
                os.replace(file.with_name(file.name + ending), place / (file.name + ending))
        return place / DATABASE, {}


def _rotate(folder: Path) -> None:
    """Let old copies go, and the parts of copies whose process is gone."""
    known = [backup for backup in backups(folder) if not backup.why]
    first_of_day = {backup.day: backup for backup in known}  # newest first, so the last one that is put in stays
    days = sorted({backup.day: backup.number for backup in reversed(known)}.items(), key=lambda day: -day[1])
    kept = {backup.file for backup in known[:NEWEST]} | {first_of_day[day].file for day, _ in days[:DAYS]}
    for backup in known:
        if backup.file not in kept:
            backup.file.unlink(missing_ok=True)
    for file in left_parts(folder):
        file.unlink(missing_ok=True)


def left_parts(folder: Path) -> list[Path]:
    """Return the unfinished copies whose process is gone."""
    with suppress(OSError):
        found = [(file, _PART.fullmatch(file.name)) for file in (folder / FOLDER).iterdir()]
        return [file for file, match in found if match and is_gone(int(match[1]), file)]
    return []


def is_gone(process: int, file: Path) -> bool:
    """Whether nobody writes a file any more that names its writer's process; where that cannot be told, after a day."""
    if os.name == "posix":
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except PermissionError:
            return False
    return time.time() - file.stat().st_mtime > 86400


def _patience(stop: Callable[[], bool] = never) -> Callable[[int, int, int], None]:
    """Return what ends a copy that waits for another program: Python's own would try for ever."""
    waiting: list[float] = []
    before: list[int] = []

    def look(status: int, remaining: int, total: int) -> None:
        if stop():
            raise InterruptedError("given up")
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or before == [remaining]:
            waiting.append(time.monotonic())
            if waiting[-1] - waiting[0] > BUSY_SECONDS:
                raise UserError("The project is being written by another program.", "Wait for it, then try again.")
        else:
            waiting.clear()
        before[:] = [remaining]

    return look


def _same(one: Path, other: Path) -> bool:
    """Whether two databases hold the same: all but the file header, where SQLite counts its own writes."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        first.seek(100)
        second.seek(100)
        while True:
            mine, theirs = first.read(1 << 20), second.read(1 << 20)
            if mine != theirs:
                return False
            if not mine:
                return True


def _uri(file: Path, mode: str) -> str:
    return f"{file.resolve().as_uri()}?mode={mode}"
