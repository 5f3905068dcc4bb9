"""One connection to ``project.db``: transactions, durability, and database errors said in one line."""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.backups import backups, keep_copy
from napari_cellsynth.project.schema import (
    GO_BACK,
    SCHEMA_VERSION,
    TRIGGERS,
    check_version,
    copy_database,
    has_log,
    migrate,
)

BUSY_SECONDS = 10.0
Row = tuple[Any, ...]


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn what SQLite says about a locked, full, read-only or damaged file into a `UserError`."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            raise UserError(
                f"{file} is being written by another program.", "Wait for it to finish, then try again."
            ) from error
        if "readonly" in text or "unable to open" in text:
            raise UserError(f"{file} cannot be written.", "Check the permissions, or open it read-only.") from error
        if "full" in text or "disk I/O" in text:
            raise UserError(
                f"{file} could not be saved: {text}.", "Free some space on the disk, then try again."
            ) from error
        # A table that is gone is damage too: nothing here asks for tables that a project of this version lacks.
        if "no such table" in text or "no such column" in text or "has no column" in text:
            raise UserError(f"{file} is damaged: {text}.", GO_BACK) from error
        if any(words in text for words in ("malformed", "not a database", "corrupt", "unsupported file format")):
            raise UserError(f"{file} is damaged: {text}.", GO_BACK) from error
        raise


class Database:
    """A connection whose every committed transaction survives the loss of the process and of power.

    Parameters
    ----------
    file : Path
        An existing project database (see `create`).
    read_only : bool
        Open without ever writing; works in a folder that cannot be written.

    Raises
    ------
    UserError
        When the file is missing, foreign, newer, damaged or cannot be written.
    """

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        self.file = file
        self.read_only = read_only
        self._depth = 0
        self._after: dict[Hashable, Callable[[], None]] = {}
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        check_version(file)
        with explained(file):
            self._connection = self._open_read_only() if read_only else self._open_writing()
        self._opened = self._identity()

    @staticmethod
    def create(file: Path) -> None:
        """Make an empty project database."""
        with explained(file):
            connection = sqlite3.connect(file, isolation_level=None)
            try:
                migrate(connection)
            finally:
                connection.close()

    def _open_writing(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _check(connection, self.file)
            # Some network drives cannot do write-ahead logging; there SQLite's own rollback journal is as safe.
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
            except sqlite3.OperationalError as error:
                if "locking protocol" not in str(error) and "I/O" not in str(error):
                    raise
                connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._keep_older(connection)
            migrate(connection)
            # Opening for writing must fail here when the folder cannot be written, not at the first label.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
        return connection

    def _keep_older(self, connection: sqlite3.Connection) -> None:
        """Keep a copy of a database of an older schema before it is brought up; it is never rotated away."""
        [version] = connection.execute("PRAGMA user_version").fetchone()
        why = f"schema-{version}"
        if version < SCHEMA_VERSION and not any(backup.why == why for backup in backups(self.file.parent)):
            # A full disk is no reason to refuse: each step of a migration is one transaction.
            with suppress(OSError, sqlite3.Error, UserError):
                keep_copy(self.file.parent, why)

    def _open_read_only(self) -> sqlite3.Connection:
        if check_version(self.file) < SCHEMA_VERSION:
            # An older project is read as one of this version would be, and its own file stays as it is.
            return self._open_copy()
        attempts = ["?mode=ro"] if has_log(self.file) else ["?mode=ro", "?mode=ro&immutable=1"]
        for attempt in attempts:
            connection = sqlite3.connect(
                self.file.resolve().as_uri() + attempt, uri=True, timeout=BUSY_SECONDS, isolation_level=None
            )
            try:
                _check(connection, self.file)
            except sqlite3.OperationalError as error:
                connection.close()
                # Waiting helps here; a copy of a file that is being written does not.
                if "locked" in str(error) or "busy" in str(error):
                    raise
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        # A log that this user may not open for sharing: its changes count, so both files are read from a copy.
        return self._open_copy()

    def _open_copy(self) -> sqlite3.Connection:
        self._copy = tempfile.TemporaryDirectory(prefix="cellsynth-")
        try:
            copy = copy_database(self.file, Path(self._copy.name))
            connection = sqlite3.connect(copy, isolation_level=None)
            _check(connection, self.file)
            migrate(connection)
            connection.execute("PRAGMA query_only = ON")
        except OSError as error:
            self._copy.cleanup()
            raise UserError(f"{self.file} cannot be read: {error.strerror}.", "Check the permissions.") from error
        except BaseException:
            self._copy.cleanup()
            raise
        return connection

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._connection.close()
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        with explained(self.file):
            return self._connection.execute(sql, parameters).fetchall()

    def write(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement inside a transaction; return the id of the row it inserted."""
        with self.transaction(), explained(self.file):
            return int(self._connection.execute(sql, parameters).lastrowid or 0)

    def write_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows inside a transaction."""
        with self.transaction(), explained(self.file):
            self._connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do everything inside or nothing; it is on the disk when the outermost one returns.

        Raises
        ------
        UserError
            When the project is read-only, or another program holds the file for longer than ten seconds.
        """
        if self.read_only:
            raise UserError(
                f"{self.file.parent} was opened read-only.", "To change it, open it for writing, or a copy."
            )
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        self._begin()
        self._depth = 1
        try:
            yield
            with explained(self.file):
                self._connection.execute("COMMIT")
        except BaseException:
            self._after.clear()
            # SQLite has rolled back by itself after some errors (a full disk).
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0
        waiting, self._after = list(self._after.values()), {}
        for callback in waiting:
            callback()

    def _begin(self) -> None:
        """Take the right to write, asking every few milliseconds.

        SQLite's own waiting soon sleeps a tenth of a second between two attempts, which a label beside a busy job would
        feel.
        """
        if self._identity() != self._opened:
            raise UserError(
                f"{self.file.parent} is gone or was moved: nothing can be saved in it.", "Open it where it is now."
            )
        give_up = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA busy_timeout = 0")
                self._connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up:
                    with explained(self.file):
                        raise
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {round(1000 * BUSY_SECONDS)}")
            # Not in step with another process that waits just so.
            time.sleep(random.uniform(0.001, 0.004))

    def _identity(self) -> tuple[int, int] | None:
        """Return which file there is at the path now; SQLite goes on writing into one that was deleted or moved.

        By its path alone: closing a second descriptor of the file would drop SQLite's locks on it.
        """
        try:
            found = os.stat(self.file)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def after_commit(self, key: Hashable, callback: Callable[[], None]) -> None:
        """Call once the running transaction is on disk (at once when none runs); one call for a key."""
        if self._depth:
            self._after[key] = callback
        else:
            callback()


def _check(connection: sqlite3.Connection, file: Path) -> None:
    finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if finding != "ok":
        raise UserError(f"{file} is damaged: {' '.join(str(finding).split())}.", GO_BACK)
    # What a stranger's file may bring along: a trigger or a view runs at every change, with this program's rights.
    connection.execute("PRAGMA trusted_schema = OFF")
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        if (kind in ("trigger", "view") or "VIRTUAL" in str(sql).upper()) and sql not in TRIGGERS:
            raise UserError(f"{file} holds a {kind} that is not ours: {name}.", GO_BACK)
