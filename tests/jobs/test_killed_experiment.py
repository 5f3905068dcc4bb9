"""An experiment of the command line whose process is killed on the way, and one that is left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import dark_and_bright

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="SIGKILL"),
    pytest.mark.slow,
    pytest.mark.timeout(900),  # four processes load torch
]

TINY = {
    "size": "32",
    "classifier_changes": json.dumps({"epochs": 1, "least_steps": 4, "width": 0.25}),
    "gan": "dcgan",
    "gan_changes": json.dumps({"steps": 3, "batch": 4, "width": 4}),
}


@pytest.fixture
def project(tmp_path):
    """Two classes of crops in four groups that are hard to tell apart."""
    return dark_and_bright(tmp_path, noise=150, brighter=20)


@pytest.fixture
def start():
    """Start a process of the command line; none outlives the test."""
    started = []

    def begin(path, *arguments):
        started.append(_process(path, *arguments))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def _process(path, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "napari_cellsynth", "experiment", str(path), *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, **quiet)


def trained(path):
    """Return the finished trainings, and when each was finished."""
    return {file.parent.name: file.stat().st_mtime_ns for file in path.glob("runs/experiment-0001/tasks/*/done.json")}


def killed(process, path):
    """Kill an experiment as soon as it has finished one more training; return all finished ones."""
    before = len(trained(path))
    while len(trained(path)) == before:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return trained(path)


@pytest.mark.slow
def test_an_experiment_killed_after_two_of_its_trainings_ends_with_the_tables_of_one_left_alone(
    project, tmp_path, start
):
    untouched = shutil.copytree(project, tmp_path / "untouched.cellsynth")
    asked = ["does-synthetic-help", "--preset", "smoke"]
    asked += [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
    once = killed(start(project, *asked), project)
    twice = killed(start(project, "--resume", "experiment-0001"), project)
    assert set(once) < set(twice)
    for path, words in ((project, ["--resume", "experiment-0001"]), (untouched, asked)):
        process = start(path, *words)
        _, told = process.communicate()
        assert process.returncode == 0, told
    last = trained(project)
    assert len(last) == len(trained(untouched)) > len(twice)
    assert {name: last[name] for name in twice} == twice, "a finished training was done again"
    for table in ("scores", "arms", "differences", "recall", "nearest"):
        here, there = (path / "runs" / "experiment-0001" / f"{table}.csv" for path in (project, untouched))
        assert here.read_text() == there.read_text(), table
