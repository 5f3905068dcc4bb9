"""Figures kept with a patch, in new projects and in those of the first version."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.schema import MIGRATIONS, SCHEMA_VERSION, read_header


@pytest.fixture
def patches(project: Project) -> list[int]:
    run = project.new_run("gan", "dcgan", {}, class_id=1, groups=[], seed=0)
    return project.add_synthetic(run.id, "step", 1, 0, 0, np.zeros((3, 1, 8, 8), np.uint8))


def test_figures_are_kept_and_what_was_not_measured_is_nan(project: Project, patches: list[int]) -> None:
    assert project.synthetic()[["realism", "confidence", "copy_ratio"]].isna().all(axis=None)
    project.set_figures(patches[:2], {"realism": [1.5, np.nan], "confidence": [0.25, 1.0]})
    with Project.open(project.path, read_only=True) as again:
        found = again.synthetic()
    np.testing.assert_array_equal(found["realism"], [1.5, np.nan, np.nan])
    np.testing.assert_array_equal(found["confidence"], [0.25, 1.0, np.nan])
    assert found["copy_ratio"].isna().all()


def test_figures_of_unknown_patches_or_names_are_refused(project: Project, patches: list[int]) -> None:
    with pytest.raises(UserError, match="no synthetic patch 7"):
        project.set_figures([7], {"realism": [1.0]})
    with pytest.raises(ValueError, match="beauty"):
        project.set_figures(patches[:1], {"beauty": [1.0]})


def test_another_window_hears_of_new_figures(project: Project, patches: list[int]) -> None:
    with Project.open(project.path) as window:
        window.catch_up()
        heard: list[str] = []
        window.synthetic_changed.connect(lambda: heard.append("synthetic"))
        project.set_figures(patches[:1], {"realism": [0.5]})
        window.catch_up()
    assert heard == ["synthetic"]


@pytest.fixture
def first_version(project: Project, patches: list[int], tmp_path: Path) -> Path:
    """The project with a database as the first version wrote it: its statements, and the same rows."""
    project.review(patches[:1], "rejected", "blurred")
    project.close()
    old = tmp_path / "old.cellsynth"
    shutil.copytree(project.path, old)
    for file in old.glob("project.db*"):
        file.unlink()
    connection = sqlite3.connect(old / "project.db")
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.execute("ATTACH ? AS newer", (str(project.path / "project.db"),))
    tables = [row[0] for row in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
    connection.execute("DELETE FROM sqlite_sequence")
    for name in tables:
        columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({name})"))
        connection.execute(f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM newer.{name}")
    connection.execute("PRAGMA application_id = 1130720339")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    return old


def test_a_project_of_the_first_version_opens_and_can_keep_figures(first_version: Path) -> None:
    with Project.open(first_version) as opened:
        ids = opened.synthetic().index.tolist()
        assert opened.synthetic()["reason"].tolist() == ["blurred", "", ""]
        opened.set_figures(ids[:1], {"realism": [1.0]})
    assert read_header(first_version / "project.db")[1] == SCHEMA_VERSION


def test_it_is_read_without_being_changed_where_nothing_may_be_written(first_version: Path) -> None:
    before = (first_version / "project.db").read_bytes()
    with Project.open(first_version, read_only=True) as opened:
        assert opened.synthetic()["reason"].tolist() == ["blurred", "", ""]
        with pytest.raises(UserError, match="read-only"):
            opened.review([1_000_000_000], "accepted")
    assert (first_version / "project.db").read_bytes() == before
