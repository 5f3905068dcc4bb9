"""Copies of the database come and go by rule, and going back to one loses nothing that is there now."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from napari_cellsynth.project.backups import back_up, backups, restore
from napari_cellsynth.project.checking import mend_masks


def labels_in(file: Path) -> dict[int, int]:
    connection = sqlite3.connect(file)
    try:
        return dict(connection.execute("SELECT id, class_id FROM objects"))
    finally:
        connection.close()


@pytest.fixture
def path(project: Project) -> Path:
    """The small project, closed, with object 1 labelled 1."""
    project.label([1], 1)
    project.close()
    return project.path


def relabel(path: Path, label: int) -> None:
    with Project.open(path) as project:
        project.label([1], label)


def test_opening_makes_a_copy_that_holds_what_is_there(path: Path) -> None:
    with Project.open(path):
        pass
    assert labels_in(backups(path)[0].file)[1] == 1


def test_an_unchanged_project_is_not_copied_again(path: Path) -> None:
    for _ in range(3):
        with Project.open(path):
            pass
    before = [each.file for each in backups(path)]
    with Project.open(path):
        pass
    assert [each.file for each in backups(path)] == before
    assert back_up(path) is None


def test_reading_makes_none(path: Path) -> None:
    before = backups(path)
    with Project.open(path, read_only=True):
        pass
    assert backups(path) == before


def test_five_stay_and_the_first_of_each_of_seven_days(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(path / "backups")
    for day in range(1, 11):
        for _ in range(3):
            relabel(path, 1 + day % 2 if labels_in(path / "project.db")[1] != 1 + day % 2 else -1)
            monkeypatch.setattr(
                "napari_cellsynth.project.backups.time.strftime", lambda *_, day=day: f"202603{day:02d}-120000"
            )
            back_up(path)
    kept = [(each.number, each.day) for each in backups(path)]
    newest = [number for number, _ in kept[:5]]
    assert newest == sorted(newest, reverse=True) and newest[0] - newest[-1] == 4
    assert {day for _, day in kept} == {f"2026-03-{day:02d}" for day in range(4, 11)}
    assert len(kept) == len({*newest, *(min(n for n, d in kept if d == day) for _, day in kept)})


def test_a_clock_that_goes_backwards_keeps_the_newest(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for year, label in ((2030, 2), (2001, -1)):
        monkeypatch.setattr("napari_cellsynth.project.backups.time.strftime", lambda *_, y=year: f"{y}0101-000000")
        relabel(path, label)
        assert back_up(path) is not None
    assert labels_in(backups(path)[0].file)[1] == -1


def test_going_back_keeps_what_was_there(path: Path) -> None:
    back_up(path)
    relabel(path, 2)
    number = next(each.number for each in backups(path) if labels_in(each.file)[1] == 1)
    _, aside = restore(path, number)
    assert labels_in(aside)[1] == 2
    with Project.open(path) as project:
        assert project.objects()["class_id"][1] == 1
        assert project.undo() == [1]


def test_another_window_sees_the_restored_project_and_can_go_on(path: Path) -> None:
    back_up(path)
    number = backups(path)[0].number
    with Project.open(path) as window:
        window.label([1], 2)
        restore(path, number)
        assert window.objects()["class_id"][1] == 1
        window.label([2], 2)
        assert window.undo() == [2]


def test_ids_that_were_given_are_not_given_again(path: Path) -> None:
    back_up(path)
    number = backups(path)[0].number
    with Project.open(path) as project:
        boxes = project.objects()[["y0", "x0", "y1", "x1"]]
        made = project.add_boxes(1, 1, boxes)
    restore(path, number)
    with Project.open(path) as project:
        assert min(project.add_boxes(1, 1, boxes)) > max(made)


def test_a_damaged_database_is_moved_aside_and_the_newest_copy_takes_its_place(path: Path) -> None:
    back_up(path)
    content = bytearray((path / "project.db").read_bytes())
    content[200:9000] = os.urandom(8800)
    (path / "project.db").write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        Project.open(path)
    _, aside = restore(path)
    assert aside.read_bytes() == bytes(content)
    with Project.open(path) as project:
        assert project.objects()["class_id"][1] == 1


def test_a_damaged_foreign_or_newer_copy_changes_nothing(path: Path, tmp_path: Path) -> None:
    before = (path / "project.db").read_bytes()
    (tmp_path / "text.db").write_text("no database" * 100)
    newer = tmp_path / "newer.db"
    shutil.copyfile(path / "project.db", newer)
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for wrong in (tmp_path / "text.db", newer, tmp_path / "none.db", "17", "", path / "backups"):
        with pytest.raises(UserError):
            restore(path, wrong)
    assert (path / "project.db").read_bytes() == before


def test_another_projects_database_is_refused_while_both_know_images(path: Path, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "other.tif", np.full((30, 30), 7, np.uint8))
    with Project.create(tmp_path / "other") as other:
        other.add_images([tmp_path / "other.tif"])
        foreign = other.path / "project.db"
    before = len(backups(path))
    with pytest.raises(UserError, match="of another project"):
        restore(path, foreign)
    assert len(backups(path)) == before
    with Project.open(path) as project:
        assert project.objects()["class_id"][1] == 1


def test_a_lost_database_comes_back_from_its_backup(path: Path) -> None:
    back_up(path)
    (path / "project.db").unlink()
    with pytest.raises(UserError, match="has lost its") as told:
        Project.open(path)
    assert "restore" in told.value.hint
    assert restore(path)[1] is None
    with Project.open(path) as project:
        assert project.objects()["class_id"][1] == 1


def test_a_mask_of_a_later_segmentation_is_let_go_and_labels_stay(path: Path, mask: NDArray[np.int32]) -> None:
    back_up(path)
    number = backups(path)[0].number
    with Project.open(path) as project:
        moved = np.roll(mask, 2, axis=1)
        project.set_objects(1, 0, boxes_of(moved), moved)
    restore(path, number)
    assert len(mend_masks(path)) == 1 and mend_masks(path) == []
    with Project.open(path) as project:
        assert project.mask(1, 0) is None
        assert project.objects()["class_id"][1] == 1
        change = project.set_objects(1, 0, boxes_of(mask), mask)
        assert change.kept == 4 and project.objects()["class_id"][1] == 1


def test_a_disk_without_room_to_spare_keeps_nobody_from_working(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(path / "backups")
    monkeypatch.setattr(
        "napari_cellsynth.project.backups.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})
    )
    relabel(path, 2)
    assert backups(path) == []


def test_a_program_that_holds_the_database_is_told_after_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(path)
    monkeypatch.setattr("napari_cellsynth.project.backups.BUSY_SECONDS", 0.2)
    other = sqlite3.connect(path / "project.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(UserError, match="another program"):
            restore(path)
        assert time.monotonic() - begun < 60
    finally:
        other.close()


def test_an_older_schema_is_kept_before_it_is_brought_up(tmp_path: Path, project: Project) -> None:
    from napari_cellsynth.project.schema import APPLICATION_ID, MIGRATIONS

    project.close()
    file = project.path / "project.db"
    file.unlink()
    connection = sqlite3.connect(file, isolation_level=None)
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with Project.open(project.path):
        pass
    [kept] = [each for each in backups(project.path) if each.why]
    assert kept.why == "schema-1"
    connection = sqlite3.connect(kept.file)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()
