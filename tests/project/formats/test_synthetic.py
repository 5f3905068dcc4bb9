from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder
from napari_cellsynth.project.exporting import export

QUALITY = {
    "n": 40,
    "reference": "held-out groups",
    "extractor": "network",
    "kid": 0.012,
    "floor": {"kid": 0.004},
    "intervals": {"kid": [0.008, 0.016]},
    "gates": {"copies": {"passed": False, "reason": "12 % are copies."}},
}


def patches(project: Project, kind: str = "uint8", channels: int = 1) -> np.ndarray:
    run = project.new_run(
        "gan", "cellsynth", {"objects": [1, 2, 3], "recipe": {"lr": 0.001}}, class_id=1, groups=["g1", "g2"], seed=7
    )
    project.update_run(run.id, "finished", result={"quality": {"1": QUALITY}})
    pixels = np.random.default_rng(0).integers(0, 250, (6, channels, 32, 32)).astype(kind)
    ids = project.add_synthetic(run.id, "last.safetensors", 1, 3, 0, pixels)
    project.review(ids[:2], "accepted")
    project.review(ids[5:], "rejected", "blurred")
    return pixels


def test_the_data_card_says_how_from_what_and_checked_how_and_rejected_patches_stay(
    crops_project: Project, tmp_path: Path
) -> None:
    pixels = patches(crops_project)
    out = export(crops_project, tmp_path / "drawn", "synthetic")
    files = sorted((out / "blob").iterdir())
    assert len(files) == 5
    np.testing.assert_array_equal([np.asarray(Image.open(file)) for file in files], pixels[:5, 0])
    card, page = json.loads((out / "card.json").read_text()), (out / "README.md").read_text()
    [run] = card["runs"]
    assert (run["recipe"], run["seed"], run["real_objects"], run["groups"]) == ("cellsynth", 7, 3, ["g1", "g2"])
    assert run["settings"] == {"lr": 0.001}
    assert card["held_out_groups"] == ["g0"]
    [kind] = run["classes"]
    assert (kind["accepted"], kind["not_reviewed"], kind["rejected_and_left_out"]) == (2, 3, 1)
    assert "| KID | 0.012 | 0.008 to 0.016 | 0.004 |" in page
    assert "Failed: 12 % are copies." in page
    assert "trained on 3 real objects of the groups g1, g2" in page
    with (out / "patches.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["index_in_run"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert all((out / row["image"]).is_file() for row in rows)
    with Project.create(tmp_path / "elsewhere") as project:
        assert import_folder(project, out).classes == ("blob",)


def test_patches_of_deep_channels_are_tiff_and_those_of_another_run_are_left_out(
    crops_project: Project, tmp_path: Path
) -> None:
    patches(crops_project)
    patches(crops_project, "uint16", 3)
    out = export(crops_project, tmp_path / "drawn", "synthetic", run="gan-0002")
    assert [file.suffix for file in (out / "blob").iterdir()] == [".tif"] * 5
    with pytest.raises(UserError, match="whole project"):
        export(crops_project, tmp_path / "t.csv", run="gan-0002")
    with pytest.raises(UserError, match="There is no run 'gan-0009'"):
        export(crops_project, tmp_path / "none", "synthetic", run="gan-0009")
    empty = crops_project.new_run("gan", "cellsynth", {}, class_id=1, groups=["g1"], seed=7)
    with pytest.raises(UserError, match="no synthetic patches"):
        export(crops_project, tmp_path / "none", "synthetic", run=empty.id)
    crops_project.delete_run("gan-0002")
    with pytest.raises(UserError, match="gan-0002 is in the bin"):
        export(crops_project, tmp_path / "none", "synthetic", run="gan-0002")
    assert not (tmp_path / "none").exists()
