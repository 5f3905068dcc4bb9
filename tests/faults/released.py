"""Projects of every schema that was released, as SQL dumps in ``fixtures``, and what is in them.

``python -m tests.faults.released`` writes the dump of today's schema, to be committed with the schema's first release.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import tifffile

from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project, schema

FIXTURES = Path(__file__).parent / "fixtures"
LABELS = {1: 1, 2: 2, 3: -1, 4: 0}
"""Of the four objects in every dump; a label of the last one was undone."""


def write_dump(version: int, file: Path) -> None:
    """Write the dump of a small project of a schema that this program still knows the steps to."""
    steps = schema.MIGRATIONS[:version]
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        for statement in (line for step in steps for line in step):
            made.execute(statement)
        with Project.create(Path(folder, "p"), classes=["Dense", "Spread"]) as project:
            pixels = np.random.default_rng(0).integers(0, 255, (40, 60), np.uint8)
            tifffile.imwrite(Path(folder, "video.tif"), pixels)
            project.add_images([Path(folder, "video.tif")])
            mask = np.zeros((40, 60), np.int32)
            mask[2:18, 2:20] = 1
            project.set_objects(1, 0, boxes_of(mask), mask)
            project.label([1], 1, user="ann")
            mask[2:18, 22:40], mask[20:38, 2:20], mask[20:38, 22:40] = 2, 3, 4
            project.set_objects(1, 0, boxes_of(mask), mask)
            for number, label in ((2, 2), (3, -1), (4, 1)):
                project.label([number], label, user="ann")
            project.undo()
            tables = [row[0] for row in made.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in [name for name in tables if not name.startswith("sqlite_")]:
                names = ", ".join(row[1] for row in made.execute(f"PRAGMA table_info({table})"))
                rows = project._db.read(f"SELECT {names} FROM {table}")
                if rows:
                    made.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        # The mask waits in the database, so that a dump is a whole project.
        made.execute("UPDATE masks SET waiting = ?", (zlib.compress(mask.astype("<i4").tobytes()),))
        text = "\n".join(made.iterdump())
    text = text.replace(folder, "/data")
    marks = f"PRAGMA application_id = {schema.APPLICATION_ID};\nPRAGMA user_version = {version};\n"
    file.write_text(text + "\n" + marks, encoding="utf-8")


def from_dump(file: Path, folder: Path) -> Path:
    """Make a project folder out of a dump."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "project.db")) as connection:
        connection.executescript(file.read_text(encoding="utf-8"))
    return folder


def check_first_schema(project: Project) -> None:
    """Hold that all that was in a dump is there."""
    assert project.objects()["class_id"].to_dict() == LABELS
    assert [record.name for record in project.classes()] == ["Dense", "Spread"]
    assert project.history(4)["new"].tolist() == [1, 0]
    assert project.redo() == [4] and project.undo() == [4]


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else schema.SCHEMA_VERSION
    write_dump(number, FIXTURES / f"schema-{number}.sql")
