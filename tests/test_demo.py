from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_cellsynth.project import Project


def demo(*arguments: object) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "napari_cellsynth", "demo", "--json", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_what_a_demo_leaves(out: Path, result: dict) -> None:
    assert result == json.loads((out / "result.json").read_text()) | {"files": result["files"]}
    for name in ("overlay.png", "gallery.png"):
        with Image.open(out / name) as picture:
            assert min(picture.size) > 100
            assert len(np.unique(np.asarray(picture.convert("L")))) > 20  # something is drawn
    page = (out / "report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "") and 'src="data:image/png' in page
    for arm in ("real", "with_synthetic"):
        scores = result[arm]
        assert 0 <= scores["balanced_accuracy"] <= 1 and scores["n"] == result["crops"]["held_out"]
    with Project.open(out / "demo.cellsynth", read_only=True) as project:
        assert {run.kind for run in project.runs()} == {"gan", "classifier"}
        held_out = {group for group, split in project.splits().items() if split == "test"}
        assert held_out
        assert all(held_out.isdisjoint(run.groups) for run in project.runs())
        assert len(project.predictions()) == result["predicted"]


@pytest.mark.slow
def test_the_demo_goes_from_simulated_images_to_overlay_and_report(tmp_path: Path) -> None:
    result = demo("--out", tmp_path / "demo", "--preset", "smoke")
    check_what_a_demo_leaves(tmp_path / "demo", result)
    assert result["classes"] == ["Dense", "Spread", "Debris", "Differentiated"]
    labelled = sum(result["crops"].values())
    assert 0.6 < labelled / result["objects"] < 0.75  # about a third is left to whoever opens it
    assert all(gan["kid"] is not None for gan in result["gans"])


@pytest.mark.slow
def test_the_demo_takes_labelled_crops_of_ones_own(tmp_path: Path, crops_folder: Path) -> None:
    result = demo("--out", tmp_path / "demo", "--preset", "smoke", "--data", crops_folder)
    check_what_a_demo_leaves(tmp_path / "demo", result)
    assert result["crops"] == {"training": 30, "held_out": 10}


@pytest.mark.slow
@pytest.mark.real_data
def test_the_demo_without_labels_finds_the_objects_and_says_what_is_missing(tmp_path: Path, real_data: Path) -> None:
    result = demo(
        "--out",
        tmp_path / "demo",
        "--preset",
        "smoke",
        "--data",
        real_data / "t98g_phase_contrast" / "images",
    )
    assert result["objects"] > 4
    assert (tmp_path / "demo" / "overlay.png").exists()
