"""Long use: round after round nothing grows and Qt says nothing; a few rounds always, hundreds in `faults-long`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.holding import growth
from tests.faults.sizes import tries

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(4 * 3600),
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="what a process holds is read from /proc"),
]
MEGABYTE = 1 << 20
ENOUGH = 12
"""With fewer rounds a slope is of what is loaded once; what must not be left at all is looked at always."""


def told(what: str, *arguments: str, home: Path) -> list[dict[str, Any]]:
    home.mkdir(mode=0o700)
    (home / "project").mkdir()
    own = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"), str(home))
    environment = {**os.environ, **own, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"tests.faults.{what}", *arguments, str(home / "project")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def check(rounds: list[dict[str, Any]], bytes_a_round: float) -> None:
    """Hold that nothing grows; memory by less than so much, which is what allocators do not give back."""
    later = rounds[len(rounds) // 3 :]
    for name in ("threads", "files"):
        assert later[-1][name] <= later[0][name] + 2, (name, [each[name] for each in rounds])
    assert all(each["gpu"] == later[0]["gpu"] for each in later)
    slope = growth([each["bytes"] for each in rounds])
    print(f"{len(rounds)} looks, {slope / MEGABYTE:+.3f} MB a look, {rounds[-1]['bytes'] / MEGABYTE:.0f} MB at the end")
    if len(rounds) >= ENOUGH:
        assert slope < bytes_a_round, [each["bytes"] // MEGABYTE for each in rounds]


@pytest.mark.slow
def test_rounds_of_labels_trainings_and_predictions_hold_no_more_than_the_first(tmp_path: Path) -> None:
    check(told("long_rounds", str(tries(4, 24, 500)), home=tmp_path / "home"), 0.5 * MEGABYTE)


@pytest.mark.gui
def test_windows_that_were_closed_leave_nothing(tmp_path: Path) -> None:
    rounds = told("long_window", "docks", str(tries(3, 15, 100)), home=tmp_path / "home")
    assert {each["widgets"] for each in rounds} == {0}
    assert len({each["objects"] for each in rounds}) == 1
    assert rounds[-1]["qt"] == [] and rounds[-1]["processes"] == 0
    check(rounds, 1.5 * MEGABYTE)  # napari alone takes as much


@pytest.mark.gui
def test_a_window_that_is_labelled_in_for_long_stays_as_it_is(tmp_path: Path) -> None:
    rounds = told("long_window", "rounds", str(tries(10, 60, 500)), home=tmp_path / "home")
    assert rounds[-1]["qt"] == []
    later = rounds[len(rounds) // 3 :]
    assert later[-1]["widgets"] - later[0]["widgets"] < 100  # the rows of a list come and go
    check(rounds, 1.0 * MEGABYTE)
