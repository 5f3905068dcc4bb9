"""SIGKILL at random moments of everything that writes: nothing acknowledged is lost, nothing half-written is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.faults.activities import HEAVY, LIGHT
from tests.faults.activities_edits import EDITS
from tests.faults.sizes import tries

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork and SIGKILL")


def killed(names: list[str], count: int) -> None:
    command = [sys.executable, "-m", "tests.faults.killing", ",".join(names), "0", str(count)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == count * len(names), done.stderr
    wrong = [each for each in told if each["wrong"]]
    assert not wrong, f"{len(wrong)} of {len(told)}: {wrong[0]}"
    print(f"{len(told)} kills, {sum(each['said'] for each in told)} acknowledgements, nothing lost")


@pytest.mark.timeout(7200)
def test_a_kill_while_the_project_is_written_loses_nothing() -> None:
    killed(list(LIGHT), tries(3, 20, 20))


@pytest.mark.timeout(7200)
def test_a_kill_while_the_project_is_edited_leaves_all_of_an_edit_or_nothing() -> None:
    killed(list(EDITS), tries(2, 10, 20))


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not os.environ.get("CELLSYNTH_FAULTS"), reason="make faults")
def test_a_killed_training_generation_or_experiment_goes_on_where_it_was() -> None:
    killed(list(HEAVY), tries(1, 3, 10))
