"""Damaged files of every kind: a right result or one clear line, within 2 GB, and nothing half imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.formats import h5ad
from tests.faults.sizes import tries

pytest.importorskip("resource", reason="limits of memory")
from tests.faults.fuzzing import KINDS, MOST_BYTES

SEEDS = tries(12, 60, 300)


def outcomes(kinds: tuple[str, ...], count: int) -> list[dict[str, Any]]:
    """Try seeds in one process a group of kinds; one that dies is an outcome, and the next seed goes on in another."""
    told: list[dict[str, Any]] = []
    waiting = [(kind, 0) for kind in kinds]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    while waiting:
        first = waiting[0][1]
        together = [kind for kind, seed in waiting if seed == first]
        command = [sys.executable, "-m", "tests.faults.fuzzing", ",".join(together), str(first), str(count - first)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        told += [line for line in lines if "outcome" in line]
        waiting = [each for each in waiting if each[0] not in together]
        if done.returncode:
            last = lines[-1]
            told.append({**last, "outcome": f"died with {done.returncode}", "words": done.stderr[-2000:], "peak": 0})
            left = together[together.index(last["kind"]) + 1 :]
            waiting += [(last["kind"], last["seed"] + 1)] * (last["seed"] + 1 < count) + [(k, first) for k in left]
    return told


def check(told: list[dict[str, Any]], kinds: tuple[str, ...], count: int) -> None:
    assert Counter(each["kind"] for each in told) == dict.fromkeys(kinds, count)
    bad = [each for each in told if each["outcome"] not in ("right", "refused")]
    assert not bad, f"{len(bad)} of {len(told)}, the first: {bad[0]}"
    # A harness that refuses everything would find nothing: the sound file of each kind is read.
    assert {each["kind"] for each in told if each["seed"] == 0 and each["outcome"] == "right"} == set(kinds)
    assert max(each["peak"] for each in told) < MOST_BYTES
    print(f"{len(told)} damaged files: {dict(Counter(each['outcome'] for each in told))}")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_damaged_files_are_refused_in_one_line_or_read_right() -> None:
    kinds = tuple(kind for kind in KINDS if kind != "weights" and not kind.startswith("h5ad"))
    check(outcomes(kinds, SEEDS), kinds, SEEDS)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_damaged_weights_are_refused_in_one_line_or_read_right() -> None:
    check(outcomes(("weights",), SEEDS), ("weights",), SEEDS)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_damaged_anndata_is_refused_in_one_line_or_read_right() -> None:
    """Each file is read in a process of its own, which takes seconds."""
    kinds, count = ("h5ad", "h5ad-cells"), tries(3, 20, 100)
    check(outcomes(kinds, count), kinds, count)


def test_a_file_that_makes_hdf5_run_for_ever_is_refused_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("anndata")
    monkeypatch.setattr(h5ad, "_START", "import time; time.sleep(600)")
    monkeypatch.setattr(h5ad, "_MOST_SECONDS", 0.5)
    with pytest.raises(UserError, match="cannot be read as AnnData"):
        list(h5ad.h5ad_rows(tmp_path / "a.h5ad"))
