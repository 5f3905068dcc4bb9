"""The tables of ``project.db`` and what makes a file a project database.

The schema's version is SQLite's own ``user_version``; ``application_id`` says that the file is ours. Both are read from
the first page alone (the newest one, where there is a log), so that a project of a newer version is refused unchanged.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from napari_cellsynth.errors import UserError

APPLICATION_ID = 0x43656C53
"""``CelS``: the mark in the header of every project database."""

FIRST_SET_ID = 1_000_000
"""Labels from here on stand for several classes (``label_sets``); a class's id is below."""

GO_BACK = "Go back to a backup: in the project menu, or with `napari-cellsynth restore`."
"""What to do about a damaged database."""

FIRST_PATCH_ID = 1_000_000_000
"""Synthetic patches are numbered from here, objects from 1: no synthetic patch can pass for a real object."""

_FIRST = (
    """CREATE TABLE groups (
        name TEXT PRIMARY KEY,
        split TEXT NOT NULL DEFAULT '' CHECK (split IN ('', 'train', 'test')),
        fold INTEGER
    )""",
    """CREATE TABLE images (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        path TEXT NOT NULL,
        relative_path TEXT NOT NULL,
        frames INTEGER NOT NULL, channels INTEGER NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL,
        dtype TEXT NOT NULL,
        group_name TEXT NOT NULL REFERENCES groups (name),
        pixel_size_um REAL,
        content_hash TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL
    )""",
    "CREATE INDEX images_by_hash ON images (content_hash)",
    """CREATE TABLE classes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        color TEXT NOT NULL,
        key TEXT NOT NULL,
        position INTEGER NOT NULL
    )""",
    # class_id and source repeat the newest row of the journal, written in the same transaction, so that reading 50,000
    # objects needs no look through their history.
    """CREATE TABLE objects (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        image_id INTEGER NOT NULL REFERENCES images (id),
        frame INTEGER NOT NULL,
        y0 INTEGER NOT NULL, x0 INTEGER NOT NULL, y1 INTEGER NOT NULL, x1 INTEGER NOT NULL,
        cy REAL NOT NULL, cx REAL NOT NULL, area REAL NOT NULL,
        mask_label INTEGER NOT NULL, mask_hash TEXT NOT NULL,
        active INTEGER NOT NULL DEFAULT 1,
        orphan INTEGER NOT NULL DEFAULT 0,
        successor INTEGER REFERENCES objects (id),
        class_id INTEGER NOT NULL DEFAULT 0,
        source INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX objects_by_frame ON objects (image_id, frame, active)",
    "CREATE INDEX objects_by_class ON objects (active, class_id)",
    # A mask waits in here, compressed, until it lies in masks.zarr: rows and mask change in one transaction.
    """CREATE TABLE masks (
        image_id INTEGER NOT NULL REFERENCES images (id),
        frame INTEGER NOT NULL,
        waiting BLOB,
        PRIMARY KEY (image_id, frame)
    )""",
    "CREATE INDEX masks_waiting ON masks (image_id) WHERE waiting IS NOT NULL",
    # undo_top, redo_top, below and redo_below make both stacks of a user a linked list through append-only rows.
    """CREATE TABLE actions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time REAL NOT NULL,
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        user TEXT NOT NULL,
        target INTEGER,
        undo_top INTEGER, redo_top INTEGER, below INTEGER, redo_below INTEGER
    )""",
    "CREATE INDEX actions_by_user ON actions (user, id)",
    "CREATE INDEX actions_by_time ON actions (time)",
    """CREATE TABLE journal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        action INTEGER NOT NULL REFERENCES actions (id),
        target INTEGER NOT NULL,
        old INTEGER NOT NULL,
        new INTEGER NOT NULL,
        old_note TEXT NOT NULL DEFAULT '',
        note TEXT NOT NULL DEFAULT ''
    )""",
    "CREATE INDEX journal_by_target ON journal (target, id)",
    "CREATE INDEX journal_by_action ON journal (action)",
    # The journal is append-only, and the database itself holds everybody to it.
    "CREATE TRIGGER journal_keeps BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    "CREATE TRIGGER journal_stays BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    """CREATE TABLE patches (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL,
        checkpoint TEXT NOT NULL,
        class_id INTEGER NOT NULL REFERENCES classes (id),
        seed INTEGER NOT NULL,
        index_in_run INTEGER NOT NULL,
        array TEXT NOT NULL,
        slot INTEGER NOT NULL,
        size INTEGER NOT NULL,
        channels INTEGER NOT NULL,
        review INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        nearest_object INTEGER REFERENCES objects (id),
        distance REAL,
        UNIQUE (array, slot)
    )""",
    "CREATE INDEX patches_by_class ON patches (class_id, review)",
    "CREATE INDEX patches_by_run ON patches (run)",
    f"INSERT INTO sqlite_sequence (name, seq) VALUES ('patches', {FIRST_PATCH_ID - 1})",
    """CREATE TABLE prediction_runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL UNIQUE,
        class_ids TEXT NOT NULL
    )""",
    """CREATE TABLE predictions (
        run TEXT NOT NULL REFERENCES prediction_runs (run),
        object_id INTEGER NOT NULL REFERENCES objects (id),
        probabilities BLOB NOT NULL,
        PRIMARY KEY (run, object_id)
    ) WITHOUT ROWID""",
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

_FIGURES_AND_ROUNDS = (
    "ALTER TABLE patches ADD COLUMN realism REAL",
    "ALTER TABLE patches ADD COLUMN confidence REAL",
    "ALTER TABLE patches ADD COLUMN copy_ratio REAL",
    # What was shown and what a person took it for is kept patch by patch, so that a score can be counted again.
    """CREATE TABLE blind_rounds (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time REAL NOT NULL,
        user TEXT NOT NULL,
        answers TEXT NOT NULL
    )""",
)

_SEVERAL_CLASSES = (
    # The ids of two classes or more, ascending, as a JSON list; a row is never changed, since the journal names it.
    "CREATE TABLE label_sets (id INTEGER PRIMARY KEY AUTOINCREMENT, classes TEXT NOT NULL UNIQUE)",
    f"INSERT INTO sqlite_sequence (name, seq) VALUES ('label_sets', {FIRST_SET_ID - 1})",
    # A list of thresholds, one a class, where the run gives an object several classes.
    "ALTER TABLE prediction_runs ADD COLUMN thresholds TEXT",
)

_CLASS_EDITS_AND_ANSWERS = (
    # 0: it is there; else the class that it was merged into, or -1: deleted. The row stays, since the journal names it.
    "ALTER TABLE classes ADD COLUMN gone INTEGER NOT NULL DEFAULT 0",
    # What an edit changed of a class, before and after it, as JSON: a step of undo like a label.
    """CREATE TABLE class_edits (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        action INTEGER NOT NULL REFERENCES actions (id),
        class_id INTEGER NOT NULL REFERENCES classes (id),
        old TEXT NOT NULL,
        new TEXT NOT NULL
    )""",
    "CREATE INDEX class_edits_by_action ON class_edits (action)",
    # What somebody answered without seeing the label that was there (0: none); the label itself stays.
    """CREATE TABLE answers (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        action INTEGER NOT NULL REFERENCES actions (id),
        object_id INTEGER NOT NULL REFERENCES objects (id),
        first INTEGER NOT NULL,
        label INTEGER NOT NULL
    )""",
    "CREATE INDEX answers_by_action ON answers (action)",
    "CREATE TRIGGER class_edits_keep BEFORE UPDATE ON class_edits BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    "CREATE TRIGGER class_edits_stay BEFORE DELETE ON class_edits BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    "CREATE TRIGGER answers_keep BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    "CREATE TRIGGER answers_stay BEFORE DELETE ON answers BEGIN SELECT RAISE(ABORT, 'append-only'); END",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _FIRST,
    _FIGURES_AND_ROUNDS,
    _SEVERAL_CLASSES,
    _CLASS_EDITS_AND_ANSWERS,
)
"""``MIGRATIONS[v]`` turns schema ``v`` into ``v + 1``; making a project runs them all."""

SCHEMA_VERSION = len(MIGRATIONS)

TRIGGERS = frozenset(sql for step in MIGRATIONS for sql in step if sql.startswith("CREATE TRIGGER"))
"""All that a project database may hold besides tables and indices."""


def read_header(file: Path) -> tuple[int, int]:
    """Return ``(application_id, user_version)`` of an SQLite file, reading its header only.

    Raises
    ------
    UserError
        When the file cannot be read or is no SQLite database.
    """
    # Through SQLite, never through a file handle of our own: closing one would drop the locks that this process's other
    # connections hold on the file (POSIX locks belong to the process), and another process would then take the
    # write-ahead log away under them.
    try:
        if file.stat().st_size < 100:
            raise UserError(
                f"{file} is damaged: it is not a database.",
                GO_BACK,
            )
        # The newest first page may be in the log alone, and after a full disk the one in the file may be half written.
        if not has_log(file):
            return _marks(file, "?mode=ro&immutable=1")
        try:
            return _marks(file, "?mode=ro")
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise
        # A log that this user may not open for sharing.
        with tempfile.TemporaryDirectory(prefix="cellsynth-") as folder:
            return _marks(copy_database(file, Path(folder)), "?mode=ro")
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", "Check the permissions.") from error
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise UserError(
                f"{file} is being written by another program.", "Wait for it to finish, then try again."
            ) from error
        raise UserError(f"{file} cannot be read: {error}.", "Check the permissions.") from error
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{file} is damaged: it is not a database.",
            GO_BACK,
        ) from error


def _marks(file: Path, mode: str) -> tuple[int, int]:
    connection = sqlite3.connect(file.resolve().as_uri() + mode, uri=True)
    try:
        [application] = connection.execute("PRAGMA application_id").fetchone()
        [version] = connection.execute("PRAGMA user_version").fetchone()
        return int(application), int(version)
    finally:
        connection.close()


def has_log(file: Path) -> bool:
    """Whether changes of a database lie in its write-ahead log."""
    log = file.with_name(file.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def copy_database(file: Path, folder: Path) -> Path:
    """Copy a database and its write-ahead log into a folder and return the copy.

    Raises
    ------
    OSError
        When it cannot be copied.
    """
    copy, log = folder / file.name, file.with_name(file.name + "-wal")
    if os.name == "posix":
        # In another process: closing the file in this one would drop the locks of its connections (see `read_header`).
        done = subprocess.run(["/bin/cp", "--", str(file), str(copy)], capture_output=True, check=False)
        if done.returncode:
            raise OSError(done.returncode, "it cannot be copied", str(file))
    else:
        shutil.copyfile(file, copy)
    if log.exists():
        shutil.copyfile(log, folder / log.name)
    return copy


def check_version(file: Path) -> int:
    """Return the schema version of a project database, refusing foreign and newer ones untouched.

    Raises
    ------
    UserError
        When the file is no project database, or one of a newer program.
    """
    application, version = read_header(file)
    if application != APPLICATION_ID or version < 1:
        raise UserError(f"{file.parent} is not a CellSynth project: its project.db is another program's.")
    if version > SCHEMA_VERSION:
        raise UserError(
            f"{file.parent} was made by a newer napari-cellsynth (schema {version}, this one knows {SCHEMA_VERSION}).",
            "Update napari-cellsynth to open it; nothing was changed.",
        )
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the open database up to `SCHEMA_VERSION`, each step in one transaction."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for step in range(version, SCHEMA_VERSION):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in MIGRATIONS[step]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {step + 1}")
        except sqlite3.Error:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
