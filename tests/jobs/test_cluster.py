"""Work on a real Dask scheduler with workers in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from distributed import Client, LocalCluster

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Progress, Stopped
from napari_cellsynth.jobs import cluster, slurm
from napari_cellsynth.jobs.cluster import Spread, opened
from napari_cellsynth.jobs.experiment_cluster import files_of, write_files
from napari_cellsynth.jobs.run import run
from tests.jobs.test_experiment import finished, job, project, table

__all__ = ["project"]


def workers() -> list[psutil.Process]:
    """The worker processes that this one has started, and those which they have."""
    return [each for each in psutil.Process().children(recursive=True) if "dask_worker" in " ".join(each.cmdline())]


@pytest.fixture(scope="module")
def two() -> Iterator[Client]:
    with opened(2, None) as client:
        yield client


def square(n: int, stop: Any, tell: Any) -> int:
    tell(f"squaring {n}")
    return n * n


def wait_for_stop(_n: int, stop: Any, _tell: Any) -> str:
    deadline = time.monotonic() + 60
    while not stop():
        if time.monotonic() > deadline:
            return "never asked"
        time.sleep(0.05)
    return "stopped"


def deaf(_n: int, _stop: Any, tell: Any) -> None:
    tell("at work")
    time.sleep(1000)


def refuse(_n: int, _stop: Any, _tell: Any) -> None:
    raise UserError("Class a has no crops.", "Label some.")


def divide(n: int, _stop: Any, _tell: Any) -> float:
    return n / 0


def add(a: int, b: int, _stop: Any, _tell: Any) -> int:
    return a + b


def test_pieces_end_with_their_results_and_take_those_of_others(two: Client) -> None:
    spread = Spread(two)
    nine, four = spread.submit("nine", square, 3), spread.submit("four", square, 2)
    spread.submit("sum", add, nine, four)
    told = list(spread.results(lambda: False))
    assert {name: result for name, result, line in told if not line} == {"nine": 9, "four": 4, "sum": 13}
    assert {("nine", "squaring 3"), ("four", "squaring 2")} == {(name, line) for name, _, line in told if line}


def test_a_stop_reaches_pieces_that_are_at_work_and_those_that_wait(two: Client) -> None:
    spread = Spread(two)
    for number in range(6):
        spread.submit(str(number), wait_for_stop, number)
    asked = iter([False, False])
    results = [result for _, result, line in spread.results(lambda: next(asked, True)) if not line]
    assert results == ["stopped"] * 6


@pytest.mark.parametrize(
    ("work", "kind", "words"), [(refuse, UserError, "no crops"), (divide, RuntimeError, "division")]
)
def test_what_a_piece_refuses_is_told_as_here(two: Client, work: Any, kind: type[Exception], words: str) -> None:
    spread = Spread(two)
    spread.submit("one", work, 1)
    with pytest.raises(kind, match=words):
        list(spread.results(lambda: False))
    spread.close()


def test_workers_started_here_listen_on_this_machine_alone_and_end_with_it_whatever_they_do() -> None:
    before = {each.pid for each in workers()}
    with opened(1, None) as client:
        mine = [each for each in workers() if each.pid not in before]
        told = client.scheduler_info()
        addresses = [told["address"], *told["workers"]]
        assert all(address.startswith("tcp://127.0.0.1:") for address in addresses)
        listening = {
            c.laddr.ip for each in [psutil.Process(), *mine] for c in each.net_connections() if c.status == "LISTEN"
        }
        assert listening <= {"127.0.0.1"}
        spread = Spread(client)
        spread.submit("deaf", deaf, 1)
        assert next(spread.results(lambda: False))[2] == "at work"
    _, alive = psutil.wait_procs(mine, timeout=30)
    assert mine and not alive


@pytest.mark.slow
def test_an_experiment_of_which_a_worker_is_killed_ends_with_the_table_of_one_left_alone(project: Path) -> None:
    alone = finished(run(job(project)))
    before, killed, events = {each.pid for each in workers()}, [], []
    for event in run(job(project, workers=3)):
        events.append(event)
        if not killed and isinstance(event, Progress) and event.done >= 3:
            # The worker and what watches over it: nobody starts it again.
            for process in workers():
                if process.pid not in before and process.is_running() and "--name 1" in " ".join(process.cmdline()):
                    for each in [process, *process.children(recursive=True)]:
                        os.kill(each.pid, signal.SIGKILL)
                        killed.append(each.pid)
    assert killed
    shared = finished(iter(events))
    pd.testing.assert_frame_equal(table(project, shared), table(project, alone))


@pytest.mark.slow
def test_a_stopped_experiment_goes_on_elsewhere_without_doing_anything_again(project: Path) -> None:
    done = []

    def stop() -> bool:
        return bool(done) and done[-1] >= 2

    for event in run(job(project, workers=2), stop):
        done += [event.done] if isinstance(event, Progress) else []
        last = event
    assert isinstance(last, Stopped)
    kept = {path: path.stat().st_mtime_ns for path in project.glob("runs/*/tasks/*/done.json")}
    assert len(kept) >= 2
    result = finished(run(job(project, resume=last.run)))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(project.glob("runs/*/tasks/*/done.json"))) == result["gans"] + result["classifiers"]


def test_a_scheduler_that_is_not_there_or_has_no_workers_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "WAIT_SECONDS", 1.0)
    *_, last = run(job(project, scheduler="tcp://127.0.0.1:9"))
    assert isinstance(last, Failed) and "No scheduler answers at tcp://127.0.0.1:9" in last.message
    assert not last.traceback
    for address in ("nonsense", "tcp://127.0.0.1"):
        *_, last = run(job(project, scheduler=address))
        assert isinstance(last, Failed) and f"No scheduler answers at {address}" in last.message
    monkeypatch.setenv("PATH", "")
    (project.parent / "slurm.toml").write_text(SLURM)
    *_, last = run(job(project, scheduler=str(project.parent / "slurm.toml")))
    assert isinstance(last, Failed) and "no sbatch" in last.message and not last.traceback
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50) as empty:
        *_, last = run(job(project, scheduler=empty.scheduler_address))
        assert isinstance(last, Failed) and "has no workers" in last.message
        monkeypatch.setattr(cluster, "WAIT_SECONDS", 1000.0)
        *_, last = run(job(project, scheduler=empty.scheduler_address), lambda: True)
        assert isinstance(last, Stopped)  # a queue may let one wait for hours


def test_a_worker_of_another_version_is_named(two: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two, "run", lambda _ask: {"tcp://far:1": "napari-cellsynth 0.0.1 on Python 3.9"})
    with pytest.raises(UserError, match=r"tcp://far:1 has napari-cellsynth 0\.0\.1"):
        cluster._check_versions(two, "here")


def test_a_script_that_does_not_guard_its_main_part_is_not_run_again_by_the_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "print('begun', flush=True)\n"
        "from napari_cellsynth.jobs.cluster import opened\n"
        "with opened(1, None) as client:\n"
        "    print(client.submit(sum, [1, 2]).result())\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["begun", "3"]


SLURM = """
[slurm]
workers = 3
queue = "gpu"
account = "lab"
cores = 4
memory = "16GB"
walltime = "02:00:00"
directives = ["--gres=gpu:1"]
prologue = ["source /opt/cellsynth/bin/activate"]
"""


def test_the_script_for_slurm_is_dask_jobqueues_own(tmp_path: Path) -> None:
    from dask_jobqueue import SLURMCluster

    file = tmp_path / "slurm.toml"
    file.write_text(SLURM)
    expected = SLURMCluster(
        queue="gpu",
        account="lab",
        cores=4,
        processes=1,
        memory="16GB",
        walltime="02:00:00",
        job_extra_directives=["--gres=gpu:1"],
        job_script_prologue=["source /opt/cellsynth/bin/activate"],
        scheduler_options={"dashboard_address": "127.0.0.1:0"},
    )
    made = slurm.slurm_cluster(file)
    try:
        scripts = [each.job_script().replace(each.scheduler_address, "ADDRESS") for each in (made, expected)]
    finally:
        made.close()
        expected.close()
    assert scripts[0] == scripts[1]
    for line in ("#SBATCH -p gpu", "#SBATCH -A lab", "#SBATCH --gres=gpu:1", "source /opt/cellsynth/bin/activate"):
        assert line in scripts[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[slurm", "is no TOML"),
        ("[slurm]\nnodes = 3", "slurm.toml: nodes: extra inputs"),
        ("[slurm]\nworkers = 0", "workers: input should be greater"),
        ("slurm = 3", "slurm"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_configuration_is_one_line(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "slurm.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=f"(?i){words}"):
        slurm.read_slurm(file)


def test_files_of_a_worker_replace_a_folder_whole_and_never_leave_it(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "half.csv").write_text("1")
    files = {"done.json": b"{}", "samples/1.png": b"\x00"}
    write_files(folder, files)
    assert files_of(folder) == files
    for name in ("../out", "/etc/out", "a/../../out"):
        with pytest.raises(ValueError, match="named"):
            write_files(folder, {name: b""})
    assert files_of(folder) == files and {each.name for each in tmp_path.iterdir()} <= {"task", ".task.part"}
