"""The first promise: a killed program loses at most the key in flight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL")

LABEL = """
import sys
from napari_cellsynth.project import Project
with Project.open(sys.argv[1]) as project:
    first, step, number = int(sys.argv[2]), int(sys.argv[3]), 0
    ids = list(project.objects().index)[first::step]
    print("ready", flush=True)
    while True:
        object_id, label = ids[number % len(ids)], 1 + number // len(ids) % 2
        project.label([object_id], label, user=f"user{first}")
        print(object_id, label, flush=True)
        number += 1
"""

SEGMENT = """
import sys
import numpy as np
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
with Project.open(sys.argv[1]) as project:
    print("ready", flush=True)
    generator = np.random.default_rng(int(sys.argv[2]))
    while True:
        mask = np.zeros((100, 120), np.int32)
        for number in range(1, 9):
            y, x = generator.integers(0, 80, 2)
            mask[y : y + 15, x : x + 15] = number
        project.set_objects(1, 0, boxes_of(mask), mask)
        print("done", flush=True)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def kill_after(process: subprocess.Popen[str], seconds: float) -> list[str]:
    """Let a process work for a while, kill it, and return the whole lines that it had said."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    said = process.stdout.read()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    return said[: said.rfind("\n") + 1].splitlines()


def many_boxes(project: Project, count: int = 50) -> None:
    y0 = np.arange(count)
    project.add_boxes(1, 1, pd.DataFrame({"y0": y0, "x0": 0, "y1": y0 + 5, "x1": 9}))


def check(project: Project) -> None:
    assert project._db.read("PRAGMA integrity_check") == [("ok",)]
    assert project._db.read("PRAGMA foreign_key_check") == []
    newest = dict(project._db.read("SELECT target, new FROM journal ORDER BY id"))
    assert dict(project._db.read("SELECT id, class_id FROM objects WHERE class_id != 0")) == {
        target: label for target, label in newest.items() if label
    }


@pytest.mark.parametrize("seconds", [0.03, 0.11, 0.4])
def test_every_acknowledged_label_outlives_a_kill(project: Project, seconds: float) -> None:
    many_boxes(project)
    project.close()
    said = kill_after(start(LABEL, project.path, 0, 1), seconds)
    assert said
    with Project.open(project.path) as again:
        found = again.objects()["class_id"]
        newest = {int(line.split()[0]): int(line.split()[1]) for line in said}
        lost = {number for number, label in newest.items() if found[number] != label}
        # The key in flight may have come through without being acknowledged.
        written = len(again._db.read("SELECT id FROM journal"))
        assert len(said) <= written <= len(said) + 1
        assert len(lost) <= written - len(said)
        check(again)
        again.label([1], 2)
        assert again.undo() == [1]


def test_two_processes_label_at_the_same_time(project: Project) -> None:
    many_boxes(project)
    processes = [start(LABEL, project.path, first, 2) for first in (0, 1)]
    said = [kill_after(process, 0.4) for process in processes]
    assert all(len(lines) > 10 for lines in said)
    found = project.objects()["class_id"]
    for lines in said:
        before_last = {int(line.split()[0]): int(line.split()[1]) for line in lines}
        assert sum(found[number] != label for number, label in before_last.items()) <= 1
    check(project)


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.6])
def test_a_kill_while_segmenting_leaves_masks_and_objects_that_agree(
    project: Project, seconds: float, new_series: Callable[..., Path]
) -> None:
    project.label([1], 1)
    project.close()
    kill_after(start(SEGMENT, project.path, int(seconds * 100)), seconds)
    for read_only in (True, False):
        with Project.open(project.path, read_only=read_only) as again:
            mask = again.mask(1, 0)
            assert mask is not None
            rows = again.objects(image_id=1, frame=0).sort_values("mask_label")
            columns = ["mask_label", "y0", "x0", "y1", "x1", "area"]
            expected = boxes_of(mask)[columns].astype(float)
            pd.testing.assert_frame_equal(rows[columns].reset_index(drop=True).astype(float), expected)
            check(again)
            # The label is in an object or on the list of those that could not be placed.
            assert again.label_counts().get(1, 0) + len(again.orphans()) >= 1
