from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_cellsynth import atomic
from napari_cellsynth.atomic import HALF_WRITTEN, replacing, write_text


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write_text(file, "old")
    with replacing(file) as beside:
        beside.write_text("new", encoding="utf-8")
        assert file.read_text(encoding="utf-8") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]
    assert file.read_text(encoding="utf-8") == "new"


def test_where_writing_fails_the_old_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write_text(file, "old")
    with pytest.raises(ZeroDivisionError), replacing(file) as beside:
        beside.write_text("half", encoding="utf-8")
        raise ZeroDivisionError
    assert [each.read_text(encoding="utf-8") for each in tmp_path.iterdir()] == ["old"]


def test_what_is_written_is_on_the_disk_before_it_takes_the_place_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    force, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (order.append("to disk"), force(number)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), replace(a, b)))
    write_text(tmp_path / "run.json", "new")
    assert order[:2] == ["to disk", "rename"] and order[2:] == (["to disk"] if os.name == "posix" else [])


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "run.json"
    write_text(file, "old")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_text(file, "new")
    assert [each.read_text(encoding="utf-8") for each in tmp_path.iterdir()] == ["old"]


def test_the_name_of_what_a_killed_process_left_tells_which_process_it_was(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from napari_cellsynth.atomic import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as beside:\n"
        "    beside.write_text('half'); print(os.getpid(), flush=True); os._exit(1)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.b.json")], capture_output=True, check=False)
    [left] = tmp_path.iterdir()
    match = HALF_WRITTEN.fullmatch(left.name)
    assert match is not None and match[1] == done.stdout.decode().strip()
    assert HALF_WRITTEN.fullmatch("a.b.json") is None


def test_a_reader_in_the_way_is_waited_for_on_windows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [PermissionError(13, "in use")] * 2
    replace = os.replace

    def busy(a: Path, b: Path) -> None:
        if refusals:
            raise refusals.pop()
        replace(a, b)

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(atomic, "_BETWEEN_S", 0.0)
    if os.name == "posix":
        with pytest.raises(PermissionError):
            write_text(tmp_path / "run.json", "new")
        assert list(tmp_path.iterdir()) == []
    else:
        write_text(tmp_path / "run.json", "new")
        assert (tmp_path / "run.json").read_text(encoding="utf-8") == "new"
