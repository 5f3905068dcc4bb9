from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project


def test_a_run_is_recorded_and_found_again(project: Project) -> None:
    made = project.new_run("gan", "dcgan", {"lr": np.float32(0.5)}, class_id=1, groups=["b", "a", "b"], seed=3, fold=2)
    assert (made.id, made.status, made.groups, made.ended) == ("gan-0001", "running", ("a", "b"), "")
    assert made.folder.is_dir()
    done = project.update_run(made.id, "finished", result={"steps": np.int64(5)})
    with Project.open(project.path, read_only=True) as again:
        found = again.run("gan-0001")
    assert found == done
    assert (found.status, found.result, found.parameters, found.fold) == ("finished", {"steps": 5}, {"lr": 0.5}, 2)
    assert found.ended >= found.created


def test_runs_are_numbered_by_kind_and_listed_newest_first(project: Project) -> None:
    ids = [project.new_run(kind, "r", {}, groups=[], seed=0).id for kind in ("gan", "classifier", "gan")]  # type: ignore[arg-type]
    assert ids == ["gan-0001", "classifier-0001", "gan-0002"]
    assert sorted(record.id for record in project.runs()) == sorted(ids)
    assert [record.id for record in project.runs("gan")] == ["gan-0002", "gan-0001"]


def test_a_stopped_run_runs_again(project: Project) -> None:
    run = project.new_run("classifier", "fast", {}, groups=[], seed=0)
    assert project.update_run(run.id, "stopped").ended
    again = project.update_run(run.id, "running")
    assert (again.status, again.ended) == ("running", "")


@pytest.mark.skipif(os.name != "posix", reason="asks for a process as POSIX does")
def test_a_run_that_another_process_trains_is_not_given_to_a_second_one(project: Project) -> None:
    code = (
        "import sys; from napari_cellsynth.project import Project\n"
        "Project.open(sys.argv[1]).new_run('gan', 'dcgan', {}, groups=[], seed=0); print('there', flush=True)\n"
        "sys.stdin.readline()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(project.path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "there\n"
        with pytest.raises(UserError, match="gan-0001 is being trained by another process"):
            project.update_run("gan-0001", "running")
        other.communicate("go\n")
    assert project.update_run("gan-0001", "running").status == "running"


@pytest.mark.skipif(os.name != "posix", reason="asks for a process as POSIX does")
def test_a_run_whose_process_was_killed_is_stopped(project: Project) -> None:
    code = (
        "import sys, os; from napari_cellsynth.project import Project\n"
        "Project.open(sys.argv[1]).new_run('gan', 'dcgan', {}, groups=[], seed=0); os._exit(1)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(project.path)], env=environment, check=False)
    assert json.loads((project.path / "runs" / "gan-0001" / "run.json").read_text())["status"] == "running"
    assert project.run("gan-0001").status == "stopped"


@pytest.mark.parametrize("run_id", ["gan-0009", "../runs/gan-0001", "", "."])
def test_a_wrong_id_lists_the_newest_runs(project: Project, run_id: str) -> None:
    project.new_run("gan", "dcgan", {}, groups=[], seed=0)
    with pytest.raises(UserError, match="The newest are gan-0001"):
        project.run(run_id)


def test_a_damaged_record_names_its_file_and_a_half_made_one_is_no_run(project: Project) -> None:
    run = project.new_run("gan", "dcgan", {}, groups=[], seed=0)
    (project.path / "runs" / "gan-0002").mkdir()
    assert [record.id for record in project.runs()] == ["gan-0001"]
    assert project.new_run("gan", "dcgan", {}, groups=[], seed=0).id == "gan-0003"
    (run.folder / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        project.run("gan-0001")


def test_only_what_may_change_changes(project: Project) -> None:
    run = project.new_run("gan", "dcgan", {}, groups=[], seed=0)
    with pytest.raises(TypeError, match="seed"):
        project.update_run(run.id, seed=4)
    assert project.run(run.id).seed == 0
    assert [file.name for file in run.folder.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    "wrong",
    [
        "{", "[]", "null", "[" * 100000, {"groups": None}, {"groups": "video"}, {"groups": [1]}, {"created": 5},
        {"process": None}, {"status": "odd"}, {"kind": "odd"}, {"parameters": []}, {"seed": "x"}, {"id": "gan-0007"},
    ],
)  # fmt: skip
def test_a_damaged_record_hides_no_other(project: Project, wrong: str | dict[str, object]) -> None:
    bad, good = (project.new_run("gan", "dcgan", {}, groups=["a"], seed=0) for _ in range(2))
    file = bad.folder / "run.json"
    file.write_text(wrong if isinstance(wrong, str) else json.dumps(json.loads(file.read_text()) | wrong))
    assert [record.id for record in project.runs()] == [good.id]
    with pytest.raises(UserError, match=r"run\.json is damaged") as caught:
        project.run(bad.id)
    assert "\n" not in str(caught.value)


def test_a_process_without_a_number_is_gone(project: Project) -> None:
    run = project.new_run("gan", "dcgan", {}, groups=[], seed=0)
    file = run.folder / "run.json"
    values = json.loads(file.read_text())
    del values["process"]["pid"]
    file.write_text(json.dumps(values))
    assert project.run(run.id).status == "stopped"


def test_stray_folders_and_files_stop_no_run(project: Project) -> None:
    first = project.new_run("gan", "dcgan", {}, groups=[], seed=0)
    shutil.copytree(first.folder, first.folder.with_name("gan-1-copy"))
    (first.folder.parent / "gan-0x").mkdir()
    (first.folder.parent / "gan-0005").write_text("")
    assert project.new_run("gan", "dcgan", {}, groups=[], seed=0).id == "gan-0006"
    assert sorted(record.id for record in project.runs()) == ["gan-0001", "gan-0006"]


def test_an_id_that_patches_or_predictions_name_is_never_given_again(project: Project) -> None:
    gan = project.new_run("gan", "dcgan", {}, class_id=1, groups=["video"], seed=0)
    project.add_synthetic(gan.id, "c", 1, 0, 0, np.zeros((1, 1, 16, 16), np.uint8))
    classifier = project.new_run("classifier", "fast", {}, groups=[], seed=0)
    project.set_predictions(classifier.id, [1], np.array([[0.5, 0.5]]), [1, 2])
    shutil.rmtree(project.path / "runs")
    assert project.new_run("gan", "dcgan", {}, groups=[], seed=0).id == "gan-0002"
    assert project.new_run("classifier", "fast", {}, groups=[], seed=0).id == "classifier-0002"


def test_an_id_longer_than_a_file_name_is_no_run(project: Project) -> None:
    with pytest.raises(UserError, match="There is no run"):
        project.run("x" * 300)
