"""`check` and `restore` on the command line: one line a finding, and exit codes that a script can read."""

from __future__ import annotations

from pathlib import Path

from napari_cellsynth.project import Project
from tests.test_cli import answer, cellsynth


def test_a_project_is_checked_mended_and_brought_back(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p", classes=["Dense"]) as project:
        path = project.path
    assert answer("check", path) == {"found": [], "mended": 0, "left": 0}
    (path / "runs").mkdir()
    (path / "runs" / "gan-0001").mkdir()
    assert "has no record" in cellsynth("check", path, check=2).stderr
    (path / "runs" / "gan-0001").rmdir()
    [first, *_] = reversed(answer("restore", path, "--list")["backups"])
    with Project.open(path) as project:
        project.add_class("Spread")
    told = answer("restore", path, "--from", first["number"])
    assert Path(told["kept"]).is_file()
    with Project.open(path) as project:
        assert [record.name for record in project.classes()] == ["Dense"]
    assert "no backup '99'" in cellsynth("restore", path, "--from", 99, check=2).stderr
    assert "There is no project" in cellsynth("restore", tmp_path / "q", check=2).stderr
    assert "There is no project" in cellsynth("check", tmp_path / "q", check=2).stderr
