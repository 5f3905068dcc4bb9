from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.schema import SCHEMA_VERSION, copy_database, read_header


def one_line(error: UserError) -> str:
    assert "\n" not in str(error)
    return str(error)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_the_suffix_is_added_and_may_be_left_out(tmp_path: Path) -> None:
    with Project.create(tmp_path / "colonies") as project:
        assert project.path == tmp_path / "colonies.cellsynth"
        assert not project.read_only
    with Project.open(tmp_path / "colonies") as project:
        assert project.path.name == "colonies.cellsynth"
    assert Project.is_project(tmp_path / "colonies.cellsynth")
    assert not Project.is_project(tmp_path)


def test_making_a_project_leaves_nothing_beside_it(tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    assert [item.name for item in tmp_path.iterdir()] == ["p.cellsynth"]
    with pytest.raises(UserError, match="one line"):
        Project.create(tmp_path / "q", classes=["Dense", " "])
    assert [item.name for item in tmp_path.iterdir()] == ["p.cellsynth"]


def test_an_existing_project_is_not_overwritten(tmp_path: Path) -> None:
    Project.create(tmp_path / "p", classes=["Dense"]).close()
    with pytest.raises(UserError, match="exists already"):
        Project.create(tmp_path / "p")
    with Project.open(tmp_path / "p") as project:
        assert project.class_named("Dense").id == 1


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Project.open(tmp_path / "nowhere")
    assert "no project" in one_line(caught.value)


def test_a_folder_that_is_no_project_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError) as caught:
        Project.open(tmp_path / "other")
    assert "not a CellSynth project" in one_line(caught.value)
    connection = sqlite3.connect(tmp_path / "other" / "project.db")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    before = tree(tmp_path / "other")
    with pytest.raises(UserError, match="another program's"):
        Project.open(tmp_path / "other")
    assert tree(tmp_path / "other") == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_project_is_refused_and_left_as_it_is(tmp_path: Path, read_only: bool) -> None:
    Project.create(tmp_path / "p").close()
    folder = tmp_path / "p.cellsynth"
    connection = sqlite3.connect(folder / "project.db")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = tree(folder)
    with pytest.raises(UserError) as caught:
        Project.open(folder, read_only=read_only)
    assert "newer" in one_line(caught.value)
    assert tree(folder) == before
    assert Project.is_project(folder)


def test_a_damaged_database_is_one_line(tmp_path: Path) -> None:
    Project.create(tmp_path / "p", classes=["Dense"]).close()
    file = tmp_path / "p.cellsynth" / "project.db"
    whole = file.read_bytes()
    for broken in (
        b"",
        b"not a database at all" * 100,
        whole[: len(whole) // 2],
        whole[:4096] + b"\xff" * (len(whole) - 4096),
    ):
        file.write_bytes(broken)
        with pytest.raises(UserError) as caught:
            Project.open(file.parent)
        assert "damaged" in one_line(caught.value), caught.value


def test_read_only_opens_and_changes_nothing(project: Project) -> None:
    with Project.open(project.path, read_only=True) as second:
        assert second.read_only
        assert len(second.objects()) == 4
        assert second.mask(1, 0) is not None
        for change in (
            lambda: second.label([1], 1),
            lambda: second.add_class("Other"),
            lambda: second.undo(),
            lambda: second.new_run("gan", "dcgan", {}, groups=[], seed=0),
        ):
            with pytest.raises(UserError, match="read-only"):
                change()


def test_a_reader_sees_what_a_writer_has_written(project: Project) -> None:
    with Project.open(project.path, read_only=True) as second:
        project.label([2], 1)
        assert second.label_counts() == {0: 3, 1: 1}


READ = """
import os, sys
from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
if os.geteuid() == 0:  # Root may write everywhere.
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    Project.open(sys.argv[1])
except UserError as error:
    print("refused:", error.message)
with Project.open(sys.argv[1], read_only=True) as project:
    print(project.label_counts())
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("log_left", [False, True])
def test_a_folder_that_cannot_be_written_opens_read_only(project: Project, log_left: bool) -> None:
    """Also where a killed writer left its log, which holds the newest label."""
    place = Path(tempfile.mkdtemp())
    try:
        place.chmod(0o755)
        project.label([1], 2)
        if log_left:
            assert (project.path / "project.db-wal").stat().st_size > 0
        else:
            project.close()
        copy = place / "p.cellsynth"
        shutil.copytree(project.path, copy, ignore=shutil.ignore_patterns("*-shm"))
        for item in (copy, *copy.rglob("*")):
            item.chmod(0o555 if item.is_dir() else 0o444)
        before = tree(copy)
        done = subprocess.run(
            [sys.executable, "-c", READ, str(copy)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(place)},
            cwd=place,
        )
        assert done.stdout.splitlines()[1:] == ["{0: 3, 2: 1}"], done.stderr
        assert "cannot be written" in done.stdout
        assert tree(copy) == before
    finally:
        for item in place.rglob("*"):
            item.chmod(0o755)
        shutil.rmtree(place)


def test_signals_come_after_the_change_and_once_a_transaction(project: Project) -> None:
    seen: list[object] = []
    project.labels_changed.connect(lambda ids: seen.append((ids, project.label_counts())))
    project.label([1, 2], 1, source="bulk")
    assert seen == [([1, 2], {0: 2, 1: 2})]
    project.undo()
    assert seen[1:] == [([1, 2], {0: 4})]


def test_importing_the_project_imports_no_torch() -> None:
    code = "import sys, napari_cellsynth.project.exchange; print('torch' in sys.modules, 'zarr' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["False", "False"]


def with_its_newest_pages_in_the_log(project: Project, place: Path) -> Path:
    """Copy a project whose first page in the file is rubbish and whose log holds the whole one."""
    project._db._connection.execute("PRAGMA wal_autocheckpoint = 0")
    project._db._connection.execute("PRAGMA user_version = 0")
    project._db._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    project.label([1], 2)
    shutil.copytree(project.path, place, ignore=shutil.ignore_patterns("*-shm"))
    with (place / "project.db").open("r+b") as stream:
        stream.write(b"\xff" * 4096)
    return place


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_half_written_is_whole_with_its_log(project: Project, tmp_path: Path, read_only: bool) -> None:
    copy = with_its_newest_pages_in_the_log(project, tmp_path / "copy.cellsynth")
    assert Project.is_project(copy)
    with Project.open(copy, read_only=read_only) as again:
        assert again.label_counts() == {0: 3, 2: 1}


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_a_copy_keeps_the_locks_of_this_process(project: Project, tmp_path: Path) -> None:
    writer = project._db._connection
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("ROLLBACK")
    # The shared lock that every open connection in WAL mode holds on the file itself.
    locks = Path("/proc/locks")
    inode = f":{(project.path / 'project.db').stat().st_ino} "
    if not locks.is_file() or inode not in locks.read_text():
        pytest.skip("the locks of this system cannot be read")
    copy_database(project.path / "project.db", tmp_path)
    read_header(project.path / "project.db")
    assert inode in locks.read_text()
    assert read_header(tmp_path / "project.db")[1] == SCHEMA_VERSION


def test_a_table_that_is_gone_is_damage(tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    connection = sqlite3.connect(tmp_path / "p.cellsynth" / "project.db")
    connection.execute("DROP TABLE patches")
    connection.close()
    with (
        Project.open(tmp_path / "p") as project,
        pytest.raises(UserError, match=r"project\.db is damaged: no such table"),
    ):
        project.synthetic()


@pytest.mark.parametrize("name", ["", "  ", "x" * 260, "x" * 5000, "bad\udcff", "a\0b"])
def test_a_path_that_no_project_can_have_is_one_line(tmp_path: Path, name: str) -> None:
    path = f"{tmp_path}/{name}" if name.strip() else name
    for make in (Project.create, Project.open):
        with pytest.raises(UserError) as caught:
            make(path)
        one_line(caught.value).encode()
    assert not Project.is_project(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".", "..", "/"])
def test_a_project_needs_a_name_of_its_own(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="not a name"):
        Project.create(name)


def test_a_project_is_one_by_the_name_that_opens_it(tmp_path: Path) -> None:
    Project.create(tmp_path / "colonies").close()
    assert Project.is_project(tmp_path / "colonies")
    (tmp_path / "colonies").mkdir()
    assert not Project.is_project(tmp_path / "colonies")
