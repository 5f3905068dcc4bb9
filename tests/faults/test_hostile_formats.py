"""Files of other programs from a stranger: paths that lead out, names that are HTML, cells that are formulas."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.omezarr import label_images
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import export_csv, import_folder
from napari_cellsynth.project.exporting import export

SCRIPT = "<script>alert(1)</script>"
NOT_IMAGES = [
    "/etc/passwd",
    "../../../etc/passwd",
    "/dev/zero",
    "pipe.tif",
    "~nobody/a.tif",
    "a\0b",
    "x" * 5000,
    "\n",
]


@pytest.mark.parametrize("name", NOT_IMAGES)
def test_a_name_that_is_no_image_is_refused_in_one_line_and_nothing_is_linked(
    project: Project, tmp_path: Path, name: str
) -> None:
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe.tif")
    coco = {"images": [{"id": 1, "file_name": name}], "annotations": [], "categories": []}
    (tmp_path / "a.json").write_text(json.dumps(coco))
    outlines = {"features": [], "napari_cellsynth": {"image": name}}
    (tmp_path / "b.geojson").write_text(json.dumps(outlines))
    before = len(project.images())
    for file in ("a.json", "b.geojson"):
        with pytest.raises(UserError) as told:
            import_folder(project, tmp_path / file)
        assert len(told.value.message.splitlines()) == 1
    assert len(project.images()) == before


@pytest.mark.parametrize("name", ["../../secret", "/", "..", "x" * 5000])
def test_a_label_image_whose_name_leads_out_of_its_image_is_none(project: Project, tmp_path: Path, name: str) -> None:
    made = export(project, tmp_path / "out.zarr")
    (tmp_path / "secret").mkdir()
    file = made / "labels" / "zarr.json"
    told = json.loads(file.read_text())
    told["attributes"]["ome"]["labels"] = [name, "objects"]
    file.write_text(json.dumps(told))
    assert label_images(made) == ["objects"]


def test_an_hdf5_link_to_another_file_is_refused(project: Project, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("anndata")
    project.label([1], 1)
    made = export(project, tmp_path / "out.h5ad")
    other = export(project, tmp_path / "other.h5ad")
    with h5py.File(made, "a") as file:
        del file["obs"]
        file["obs"] = h5py.ExternalLink(str(other), "/obs")
    with pytest.raises(UserError, match="cannot be read"):
        import_folder(project, made)


def test_a_formula_that_comes_in_parquet_goes_out_as_text(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    image = str(project.images()["path"].iloc[0])
    row = {"image": image, "x0": 0, "y0": 0, "x1": 3, "y1": 3, "label": "=HYPERLINK(1)", "user": "@me"}
    pd.DataFrame([row]).to_parquet(tmp_path / "a.parquet")
    import_folder(project, tmp_path / "a.parquet")
    export_csv(project, tmp_path / "out.csv")
    cells = [cell for line in (tmp_path / "out.csv").read_text().splitlines() for cell in line.split(",")]
    assert "'=HYPERLINK(1)" in cells
    assert not any(cell.startswith(("=", "@", "+")) for cell in cells)


def test_a_data_card_holds_no_html_of_a_name(project: Project, tmp_path: Path) -> None:
    number = project.add_class(SCRIPT)
    run = project.new_run("gan", "cellsynth", {}, class_id=number, groups=[SCRIPT], seed=0)
    import numpy as np

    project.add_synthetic(run.id, "best", number, 0, 0, np.ones((2, 1, 8, 8), np.uint8))
    project.update_run(run.id, "finished")
    made = export(project, tmp_path / "patches", "synthetic")
    page = (made / "README.md").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page
