"""Values that no program of ours writes are told as damage, by the table and column that hold them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.values import strange_value


def written_by_somebody(path: Path, change: str) -> None:
    connection = sqlite3.connect(path / "project.db")
    connection.execute(change)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("UPDATE objects SET x0 = 'wide' WHERE id = 2", "objects.x0 holds a value that is no integer"),
        ("UPDATE images SET pixel_size_um = x'00'", "images.pixel_size_um holds a value that is no real"),
        ("UPDATE objects SET image_id = 77 WHERE id = 2", "objects names a row of images that is not there"),
        ("UPDATE objects SET x1 = 10000 WHERE id = 2", "the box of object 2 lies outside of its image"),
        ("UPDATE objects SET y1 = y0 WHERE id = 3", "the box of object 3 lies outside of its image"),
        ("UPDATE objects SET frame = 3 WHERE id = 1", "the box of object 1 lies outside of its image"),
        ("UPDATE objects SET x1 = x1 WHERE id = 2", ""),
    ],
)
def test_what_no_program_of_ours_writes_is_named(project: Project, change: str, finding: str) -> None:
    written_by_somebody(project.path, change)
    assert strange_value(project._db) == finding


def test_a_table_that_cannot_be_read_is_told_as_damage_in_one_line(project: Project) -> None:
    written_by_somebody(project.path, "UPDATE objects SET x0 = 'wide' WHERE id = 2")
    with pytest.raises(
        UserError, match=r"project.db is damaged: objects.x0 holds a value that is no integer"
    ) as caught:
        project.crops([2], size=32, fit="window")
    assert caught.value.hint
