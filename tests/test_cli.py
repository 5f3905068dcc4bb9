from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.backups import backups
from tests.conftest import write_crops


def cellsynth(*arguments: object, check: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "napari_cellsynth", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == check, done.stderr
    assert "Traceback" not in done.stderr
    return done


def answer(*arguments: object) -> dict:
    return json.loads(cellsynth(*arguments, "--json").stdout)


@pytest.mark.slow
def test_the_verbs_take_crops_from_import_to_export(tmp_path: Path, crops_folder: Path) -> None:
    project = tmp_path / "p.cellsynth"
    assert answer("import", project, crops_folder)["objects"] == 40
    small = ["--set", "size=32", "--set", "width=4", "--set", "batch=4"]
    runs = answer("train-gan", project, "--class", "all", "--steps", 2, *small)["runs"]
    assert [run["class"] for run in runs] == ["blob", "stripes"]
    for run in runs:
        assert answer("generate", project, "--run", run["run"], "-n", 10)["patches"] == 10
    assert "kid" in next(iter(answer("quality", project, "--run", runs[0]["run"])["classes"].values()))
    trained = answer(
        "train-classifier",
        project,
        "--synthetic",
        8,
        "--set",
        "size=32",
        "--set",
        "epochs=2",
        "--set",
        "least_steps=8",
        "--balance",
        "oversample",
    )
    assert trained["scores"]["n"] == 10
    assert answer("predict", project)["objects"] == 40
    told = answer("info", project)
    assert told["labels"] == {"blob": 20, "stripes": 20} and told["synthetic_patches"] == 20
    assert answer("export", project, tmp_path / "objects.csv")["objects"] == 40
    assert len((tmp_path / "objects.csv").read_text().splitlines()) == 41


def test_init_and_segment_make_objects_of_an_image(tmp_path: Path) -> None:
    frame = np.full((128, 128), 120, np.uint8)
    frame[30:80, 30:80] = np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", frame)
    project = tmp_path / "p.cellsynth"
    assert answer("init", project, tmp_path / "a.tif", "--classes", "Dense,Spread")["images"] == 1
    assert answer("segment", project, "--radius", 3)["objects"] == 1


def test_enhance_compares_the_methods_on_a_frame(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 90, (2, 64, 64), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", frames, photometric="minisblack", metadata={"axes": "TYX"})
    rows = answer("enhance", tmp_path / "a.tif", "--frame", 2)
    assert [row["method"] for row in rows] == ["he", "ahe", "clahe"]
    assert all(0 < row["ssim"] < 1 and row["mse"] > 0 for row in rows)
    assert "frames" in cellsynth("enhance", tmp_path / "a.tif", "--frame", 3, check=2).stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["info", "{tmp}/none.cellsynth"], "none.cellsynth"),
        (["train-gan", "{project}", "--class", "Nobody"], "Nobody"),
        (["train-gan", "{project}", "--recipe", "stylegan9"], "stylegan9"),
        (["train-classifier", "{project}", "--set", "epochs=-3"], "epochs"),
        (["train-classifier", "{project}", "--set", "epochs"], "FIELD=VALUE"),
        (["train-classifier", "{project}", "--set", "augmentation.rotation=3"], "augmentation.rotation"),
        (["train-classifier", "{project}", "--set", "augmentation=S4", "--set", "augmentation.zoom=1"], "set twice"),
        (["segment", "{project}", "--radius", "0"], "radius"),
        (["generate", "{project}", "--run", "gan-0099"], "gan-0099"),
        (["predict", "{project}"], "classifier"),
        (["import", "{project}", "{tmp}/nowhere"], "nowhere"),
        (["export", "{project}", "{tmp}/x.xls", "--format", "xls"], "xls"),
        (["demo", "--out", "{tmp}"], "crops"),
        (["demo", "--preset", "huge", "--out", "{tmp}/d"], "huge"),
        (["segment"], "P"),
        (["dance"], "dance"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], named: str, crops_project: Project, tmp_path: Path
) -> None:
    filled = [part.format(tmp=tmp_path, project=crops_project.path) for part in arguments]
    lines = cellsynth(*filled, check=2).stderr.strip().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1 and named in errors[0]
    assert all(line.startswith(("error: ", "hint: ")) or line.endswith(":") for line in lines)


def test_ctrl_c_stops_a_training_cleanly(crops_project: Project) -> None:
    command = ["train-gan", str(crops_project.path), "--class", "blob", "--steps", "100000"]
    command += ["--set", "size=32", "--set", "width=4", "--set", "batch=4"]
    work = subprocess.Popen([sys.executable, "-m", "napari_cellsynth", *command], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not crops_project.runs("gan") or not any(crops_project.runs("gan")[0].folder.glob("metrics.csv")):
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(work.pid, signal.SIGINT)
    assert work.wait(30) == 3
    assert crops_project.runs("gan")[0].status == "stopped"
    assert work.stderr is not None
    assert "Traceback" not in work.stderr.read()
    work.stderr.close()


def test_recipes_list_name_kind_source_defaults_and_parameters() -> None:
    listed = json.loads(cellsynth("recipes", "--json").stdout)
    by_name = {recipe["name"]: recipe for recipe in listed}
    assert {"dcgan", "hescnet", "fast"} <= set(by_name)
    said = {"name", "kind", "family", "purpose", "source", "defaults", "parameters"}
    assert all(said == set(recipe) for recipe in listed)
    assert set(by_name["dcgan"]["parameters"]) == {"generator", "discriminator"}
    assert {"dcgan-protein", "wgan-gp", "wgan-gp-cellcycle", "wgan-div", "wgan-div-cellcycle"} <= set(by_name)
    assert set(by_name["wgan-gp"]["parameters"]) == {"generator", "critic"}
    # A classical recipe counts its features: those of three channels.
    assert {by_name[name]["parameters"] for name in ("svm", "logistic", "naive-bayes", "random-forest")} == {682}


def test_recipes_are_a_table_of_one_line_each_under_their_families_and_read_without_torch() -> None:
    lines = cellsynth("recipes").stdout.splitlines()
    listed = json.loads(cellsynth("recipes", "--json").stdout)
    for recipe in listed:
        (line,) = (line for line in lines if line.startswith(f"  {recipe['name']} "))
        assert recipe["purpose"] in line and line.endswith(recipe["source"])
    assert {recipe["family"] for recipe in listed} <= set(lines)
    code = "import sys; from napari_cellsynth.jobs.recipes import recipes; recipes(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_named_recipe_tells_every_setting_with_its_default_and_meaning() -> None:
    page = cellsynth("recipes", "fast").stdout
    assert page.startswith("fast: ") and "249,380" in page
    meant = json.loads(cellsynth("recipes", "fast", "--json").stdout)["fields"]
    assert meant["epochs"] == "passes over the real crops"
    # What only changes a default keeps the meaning of the recipe that it comes from.
    assert meant["weight_decay"].startswith("how strongly weights are pulled")
    assert meant["augmentation.rotation"].startswith("probability of a turn by any angle")
    assert cellsynth("recipes", "fastt", check=2).stderr.startswith("error: There is no recipe 'fastt'.")


def test_the_help_imports_neither_torch_nor_napari() -> None:
    code = "import sys, napari_cellsynth.cli; print(sorted({'torch', 'napari', 'qtpy', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_failed_to_begin_leaves_no_empty_project(tmp_path: Path) -> None:
    (tmp_path / "bad.tif").write_text("no picture")
    cellsynth("init", tmp_path / "new.cellsynth", tmp_path / "bad.tif", check=2)
    cellsynth("import", tmp_path / "newer.cellsynth", tmp_path / "nowhere", check=2)
    assert not list(tmp_path.glob("*.cellsynth"))


def test_an_interrupt_outside_of_a_job_is_a_stop_too(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['napari-cellsynth', 'doctor'];"
        "import napari_cellsynth.cli as cli, napari_cellsynth.training.device as device\n"
        "def interrupted(): raise KeyboardInterrupt\n"
        "device.describe_device = interrupted; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (3, "stopped")


def test_an_interrupt_while_the_program_is_loaded_is_a_stop_too() -> None:
    code = (
        "import sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'napari_cellsynth.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from napari_cellsynth.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (3, "stopped")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux's")
def test_an_output_that_takes_nothing_is_told_in_one_line(crops_project: Project) -> None:
    command = [sys.executable, "-m", "napari_cellsynth", "info", str(crops_project.path)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    told = "error: Not everything could be written: No space left on device.\nhint: Free some space.\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_classes_are_told_where_nothing_may_be_written(crops_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from napari_cellsynth.cli import app

    monkeypatch.setattr(Project, "is_writable", lambda path: False)
    path = str(crops_project.path)
    told = CliRunner().invoke(app, ["classes", path, "--json"])
    assert set(json.loads(told.stdout)["classes"]) == {"blob", "stripes"}
    refused = CliRunner().invoke(app, ["classes", path, "--add", "new"]).exception
    assert isinstance(refused, UserError) and "cannot be written" in refused.message


def test_a_project_without_its_database_is_not_made_anew_over_its_backups(crops_project: Project) -> None:
    path = crops_project.path
    crops_project.close()  # it was copied when it was opened
    assert backups(path)
    (path / "project.db").unlink()
    told = cellsynth("import", path, path.parent, check=2)
    assert "has lost its project.db" in told.stderr


@pytest.mark.slow
def test_all_classes_are_learned_together_and_drawn_by_class(crops_project: Project) -> None:
    small = ["--steps", 1, "--set", "size=32", "--set", "width=2", "--set", "batch=2"]
    done = answer("train-gan", crops_project.path, *small, "--recipe", "cellsynth-conditional")["runs"]
    assert [run["class"] for run in done] == ["blob, stripes"]
    made = answer("generate", crops_project.path, "--run", done[0]["run"], "-n", 3, "--class", "stripes")
    assert made["patches"] == 3


def test_a_class_that_is_not_there_is_told_before_another_one_is_trained(crops_project: Project) -> None:
    from typer.testing import CliRunner

    from napari_cellsynth.cli import app

    asked = ["train-gan", str(crops_project.path), "--class", "blob", "--class", "Z"]
    told = CliRunner().invoke(app, asked).exception
    assert isinstance(told, UserError) and "no class 'Z'" in told.message
    assert not crops_project.runs()


@pytest.mark.parametrize(
    ("verb", "option", "value"),
    [
        ("train-gan", "--recipe", "cellsynth"),
        ("train-gan", "--set", "width=4"),
        ("train-gan", "--seed", 0),
        ("train-gan", "--class", "blob"),
        ("train-classifier", "--seed", 3),
        ("train-classifier", "--balance", "none"),
        ("experiment", "--preset", "smoke"),
    ],
)
def test_what_a_resumed_run_would_not_heed_is_refused(
    verb: str, option: str, value: object, crops_project: Project
) -> None:
    from typer.testing import CliRunner

    from napari_cellsynth.cli import app

    asked = [verb, str(crops_project.path), "--resume", "gan-0001", option, str(value)]
    told = CliRunner().invoke(app, asked).exception
    assert isinstance(told, UserError) and f"{option} would change nothing" in told.message
    told = CliRunner().invoke(app, asked[:4]).exception
    assert isinstance(told, UserError) and "would change nothing" not in told.message  # there is no such run


@pytest.mark.parametrize("verb", ["train-gan", "train-classifier", "experiment"])
def test_an_empty_name_of_a_run_to_resume_is_no_wish_for_a_new_one(verb: str, crops_project: Project) -> None:
    from typer.testing import CliRunner

    from napari_cellsynth.cli import app

    told = CliRunner().invoke(app, [verb, str(crops_project.path), "--resume", ""]).exception
    assert isinstance(told, UserError) and told.message == "There is no run ''."
    assert crops_project.runs() == []


@pytest.mark.parametrize("verb", [["train-gan"], ["train-gan", "--resume", "gan-0001"], ["experiment"]])
def test_workers_beside_a_scheduler_are_refused(verb: list[str], crops_project: Project) -> None:
    from typer.testing import CliRunner

    from napari_cellsynth.cli import app

    asked = [verb[0], str(crops_project.path), *verb[1:], "--workers", "1", "--scheduler", "tcp://localhost:1"]
    told = CliRunner().invoke(app, asked).exception
    assert isinstance(told, UserError) and "--workers" in told.message and "--scheduler" in told.message


def test_merge_writes_the_table_of_types_first_and_then_groups_them_by_it(tmp_path: Path, crops_folder: Path) -> None:
    other = write_crops(tmp_path / "other", groups=1)
    types, project = tmp_path / "types.csv", tmp_path / "m.cellsynth"
    command = ["merge", project, crops_folder, other, "--types", types]
    assert answer(*command) == {"written": str(types)}
    assert not project.exists()
    types.write_text(types.read_text(encoding="utf-8").replace("stripes,stripes", "stripes,dense"), encoding="utf-8")
    result = answer(*command)
    assert result["identical"] == 10
    assert result["types"]["stripes"]["class"] == "dense"
    assert "exists already" in cellsynth(*command, check=2).stderr
    told = cellsynth("experiment", project, "bone-marrow", "--types", types, check=2).stderr
    assert "--types groups the types of sources" in told


def test_no_help_calls_a_flag_a_value() -> None:
    from napari_cellsynth.cli import _VERBS, app

    for verb in ([], *([name] for name in _VERBS)):
        told = CliRunner().invoke(app, [*verb, "--help"], env={"COLUMNS": "200"})
        assert told.exit_code == 0 and "--help" in told.output
        assert "<bool>" not in told.output and "BOOLEAN" not in told.output, verb


def test_init_tells_the_groups_that_a_pattern_makes(tmp_path: Path) -> None:
    for number, name in enumerate(("plate1_a", "plate1_b", "plate2_a")):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.full((40, 50), number, np.uint8))
    files = sorted(tmp_path.glob("*.tif"))
    made = cellsynth("init", tmp_path / "p.cellsynth", *files, "--group-by", r"(plate\d)", "--multi-label", "--json")
    assert "2 groups: plate1, plate2" in made.stderr and json.loads(made.stdout)["added"] == 3
    assert answer("info", tmp_path / "p.cellsynth")["multi_label"] is True
