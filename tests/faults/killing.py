"""Killing an activity at a random moment, and looking at what is left.

``python -m tests.faults.killing NAME,… FIRST COUNT`` tries COUNT seeds from FIRST on and prints a JSON line a try.
Everything is imported once; each try is a child that is killed, and another child that looks.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari_cellsynth.project import Project
from napari_cellsynth.project.checking import check
from tests.faults.activities import HEAVY, LIGHT, Activity, template
from tests.faults.activities_edits import EDITS

NOT_OURS = ("has no record", "/data/video.tif", "moved.tif any more")
"""A run's folder that was made less than a minute ago may be another process's: `check` leaves it alone; and the image
of the dumps of older schemas was never there, and one that is moved while it is linked may be at its new place."""


def in_child(work: Callable[[], str | None]) -> str:
    """Run in a child and return what it says; its traceback where it fails."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        try:
            said = work() or ""
        except BaseException:  # noqa: BLE001 - the parent is told
            said = traceback.format_exc()
        with os.fdopen(write, "w") as pipe:
            pipe.write(said)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def killed(activity: Activity, path: Path, seed: int) -> tuple[list[str], float]:
    """Let an activity work, kill it, and return the whole lines that it had said, with the moment."""
    chance = random.Random(seed)
    seconds = chance.uniform(0, activity.seconds)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            activity.act(path, lambda line: os.write(write, f"{line}\n".encode()) and None, chance)
        finally:
            os._exit(1)
    os.close(write)
    told = b""
    while b"ready\n" not in told:
        piece = os.read(read, 4096)
        if not piece:
            os.waitpid(child, 0)
            raise AssertionError(f"it ended before it was ready: {told!r}")
        told += piece
    os.set_blocking(read, False)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.02))
        told += _read(read)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.set_blocking(read, True)
    with os.fdopen(read, "rb") as pipe:
        told += pipe.read()
    lines = told[: told.rfind(b"\n") + 1].decode().splitlines()
    return [line for line in lines if line != "ready"], seconds


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, 1 << 20)
    except BlockingIOError:
        return b""


def look(activity: Activity, path: Path, said: list[str]) -> None:
    """Hold what must always hold, then what this activity promises."""
    with Project.open(path) as project:
        assert project._db.read("PRAGMA integrity_check") == [("ok",)]
        assert project._db.read("PRAGMA foreign_key_check") == []
    hidden = [file for file in path.rglob("*") if file.is_file() and file.suffix in (".part", ".tmp")]
    assert not any(file in (project.path / "runs").glob("*/*.safetensors") for file in hidden)
    left = [each.message for each in check(path, mend=True) if not each.mended and _ours(each.message)]
    assert not left, left
    assert not [each for each in check(path) if _ours(each.message)]
    activity.hold(path, said)


def _ours(message: str) -> bool:
    return not any(words in message for words in NOT_OURS)


def tried(name: str, activity: Activity, folder: Path, seed: int) -> dict[str, Any]:
    """Kill an activity on a copy of the folder's project, and return what came of it."""
    path = folder / "try" / "p.cellsynth"
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir()
    shutil.copytree(folder / "p.cellsynth", path)
    if (folder / "import").exists():
        shutil.copytree(folder / "import", path.parent / "import")
    try:
        said, seconds = killed(activity, path, seed)
    except AssertionError as error:
        return {"name": name, "seed": seed, "said": 0, "seconds": 0.0, "wrong": str(error)}
    wrong = in_child(lambda: look(activity, path, said))
    return {"name": name, "seed": seed, "said": len(said), "seconds": round(seconds, 3), "wrong": wrong}


def main(names: str, first: int, count: int) -> None:
    """Try the seeds on each activity."""
    warnings.simplefilter("ignore")
    import zarr  # noqa: F401 - loaded before the first child, so that it is not what is killed

    known = LIGHT | EDITS | HEAVY
    chosen = names.split(",")
    if set(chosen) & set(HEAVY):
        import torch

        torch.set_num_threads(1)
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            wrong = in_child(partial(make, Path(folder), name in HEAVY))
            assert not wrong, wrong
            for seed in range(first, first + count):
                print(json.dumps(tried(name, known[name], Path(folder), seed)), flush=True)


def make(folder: Path, crops: bool) -> None:
    """Make the project that is copied for each try."""
    template(folder, crops=crops)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
