"""Disks that are full, read-only or changed underneath; other programs; clocks; older and newer schemas."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.backups import backups
from napari_cellsynth.project.checking import check
from napari_cellsynth.project.schema import SCHEMA_VERSION
from tests.faults.released import FIXTURES, check_first_schema, from_dump


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_loses_no_acknowledged_label_and_is_told_in_one_line(small_disk: Path) -> None:
    with Project.create(small_disk / "p", classes=["Dense", "Spread"]) as project:
        tifffile.imwrite(small_disk.parent / "video.tif", np.zeros((64, 64), np.uint8))
        project.add_images([small_disk.parent / "video.tif"])
        ids = project.add_boxes(1, 0, pd.DataFrame({"y0": np.arange(50), "x0": 0, "y1": np.arange(50) + 5, "x1": 9}))
        made = project.new_run("gan", "cellsynth", {}, groups=["video"], seed=0)
        known: dict[int, int] = {}
        failures = []
        filler = small_disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 60_000))
        for turn in range(400):
            number, label = ids[turn % 50], 1 + turn % 2
            try:
                project.label([number], label)
                known[number] = label
            except UserError as error:
                failures.append(error.message)
        assert failures and all("\n" not in line for line in failures)
        patches = np.random.default_rng(0).integers(0, 255, (64, 1, 64, 64)).astype(np.uint8)
        for attempt in (
            lambda: project.add_synthetic(made.id, "best", 1, 0, 0, patches),
            lambda: project.update_run(made.id, "finished", result={"x": "y" * 200_000}),
        ):
            with pytest.raises(UserError):
                attempt()
        found = project.objects()["class_id"]
        assert {number: int(found[number]) for number in known} == known
        filler.unlink()
        project.label(ids[:1], 2)
        assert len(project.add_synthetic(made.id, "best", 1, 0, 0, patches)) == 64
    # So small a disk has no room to spare for backups.
    assert check(small_disk / "p.cellsynth", mend=True) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told_and_can_be_read(project: Project) -> None:
    project.close()
    project.path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="cannot be written"):
            Project.open(project.path)
        with Project.open(project.path, read_only=True) as reading:
            assert len(reading.objects()) == 4
    finally:
        project.path.chmod(0o700)


@pytest.mark.parametrize("fault", ["gone", "shorter", "other size", "other content"])
def test_a_linked_image_that_vanishes_or_changes_is_told_and_labels_stay(
    project: Project, series: Path, fault: str
) -> None:
    project.label([1], 1)
    project.close()
    if fault == "gone":
        series.unlink()
    elif fault == "shorter":
        series.write_bytes(series.read_bytes()[:2000])
    else:
        pixels = np.ones((3, 100, 120) if fault == "other content" else (3, 50, 60), np.uint8)
        tifffile.imwrite(series, pixels, photometric="minisblack", metadata={"axes": "TYX"})
    with Project.open(project.path) as again:
        for look in (lambda: again.frame(1, 0), lambda: again.crops([1], size=16, fit="whole")):
            with pytest.raises(UserError):
                look()
        assert again.objects()["class_id"][1] == 1
        again.label([1], 2)


def test_an_image_that_changes_while_it_is_open_is_told_at_the_next_frame(project: Project, series: Path) -> None:
    project.frame(1, 0)
    series.write_bytes(series.read_bytes()[:2000])
    with pytest.raises(UserError):
        project.frame(1, 2)


class WithoutLog(sqlite3.Connection):
    """A connection on a drive that has no shared memory, as SQLite tells of it."""

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        if sql == "PRAGMA journal_mode = WAL":
            raise sqlite3.OperationalError("locking protocol")
        return super().execute(sql, *parameters)


def test_a_drive_without_shared_memory_gets_a_rollback_journal(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.close()
    connect = sqlite3.connect
    with connect(project.path / "project.db") as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
    plain.close()

    def without_log(*arguments: object, **named: object) -> sqlite3.Connection:
        return connect(*arguments, **(named | {"factory": WithoutLog}))  # type: ignore[arg-type]

    monkeypatch.setattr("napari_cellsynth.project.database.sqlite3.connect", without_log)
    with Project.open(project.path) as one, Project.open(project.path) as other:
        assert one._db.read("PRAGMA journal_mode") == [("delete",)]
        assert one._db.read("PRAGMA synchronous") == [(2,)]
        one.label([1], 1)
        other.label([2], 2)
        assert one.objects()["class_id"].tolist() == other.objects()["class_id"].tolist() == [1, 2, 0, 0]
    assert not list(project.path.glob("project.db-*"))


WRITER = """
import sys
from napari_cellsynth.project import Project
with Project.open(sys.argv[1]) as project:
    print("ready", flush=True)
    sys.stdin.readline()
    for turn in range(150):
        project.label([1 + turn % 4], 1 + turn % 2, user=sys.argv[2])
    print("done")
"""


def test_two_windows_and_a_command_line_write_in_turn_and_nothing_is_lost(project: Project) -> None:
    command = [sys.executable, "-c", WRITER, str(project.path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    others = [
        subprocess.Popen([*command, name], stdin=-1, stdout=-1, text=True, env=environment) for name in ("ann", "bob")
    ]
    for other in others:
        assert other.stdout is not None and other.stdout.readline() == "ready\n"
        assert other.stdin is not None
        other.stdin.write("go\n")
        other.stdin.flush()
    for turn in range(150):
        project.label([1 + turn % 4], 1 + turn % 2)
    assert [other.communicate()[0] for other in others] == ["done\n"] * 2
    assert project._db.read("SELECT count(*) FROM actions WHERE user IN ('ann', 'bob')") == [(300,)]
    project.close()
    assert check(project.path) == []


def test_a_writer_that_never_ends_is_told_after_ten_seconds(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_cellsynth.project.database.BUSY_SECONDS", 0.2)
    other = sqlite3.connect(project.path / "project.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match="being written by another program"):
            project.label([1], 1)
        other.execute("ROLLBACK")
        project.label([1], 1)
    finally:
        other.close()


def test_a_clock_that_goes_backwards_changes_neither_labels_nor_undo(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = time.time()
    monkeypatch.setattr("napari_cellsynth.project.journal.time.time", lambda: clock)
    for step, label in enumerate((1, 2, -1)):
        clock -= 86_400 * 365 * step
        project.label([1], label)
    assert project.objects()["class_id"][1] == -1
    assert project.history(1)["new"].tolist() == [1, 2, -1]
    assert project.labels_per_minute() >= 0
    assert project.undo() == [1] and project.objects()["class_id"][1] == 2
    assert check(project.path) == []


def test_there_is_a_dump_of_every_schema() -> None:
    assert {file.stem for file in FIXTURES.glob("*.sql")} == {f"schema-{n}" for n in range(1, SCHEMA_VERSION + 1)}


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_a_project_of_every_released_schema_opens_whole_and_is_kept_as_it_was(tmp_path: Path, version: int) -> None:
    path = from_dump(FIXTURES / f"schema-{version}.sql", tmp_path / "p.cellsynth")
    with Project.open(path, read_only=True) as project:
        assert len(project.objects()) == 4
    with Project.open(path) as project:
        check_first_schema(project)
        assert project._db.read("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    kept = [backup.why for backup in backups(path) if backup.why]
    assert kept == ([f"schema-{version}"] if version < SCHEMA_VERSION else [])
    assert [each.message for each in check(path)] == ["The image video is not at /data/video.tif any more."]


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_schema_is_refused_and_not_a_byte_changes(project: Project, read_only: bool) -> None:
    project.close()
    with sqlite3.connect(project.path / "project.db") as newer:
        newer.execute("PRAGMA journal_mode = DELETE")
        newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    newer.close()

    def state() -> dict[str, str]:
        files = [file for file in project.path.rglob("*") if file.is_file()]
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    before = state()
    for act in (lambda: Project.open(project.path, read_only=read_only), lambda: check(project.path, mend=True)):
        with pytest.raises(UserError, match="newer"):
            act()
    assert state() == before
