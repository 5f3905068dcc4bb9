"""The verbs that exchange a project with other programs, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth import cli
from napari_cellsynth.project import Project
from tests.conftest import write_crops


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    """Return the exit code, standard output and the error stream of a command."""
    monkeypatch.setattr("sys.argv", ["napari-cellsynth", *map(str, words)])
    code = 0
    try:
        cli.main()
    except SystemExit as leave:
        code = int(leave.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_export_and_import_of_every_kind_and_relabelling(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "p.cellsynth"
    folder = write_crops(tmp_path / "crops")
    assert said(capsys, monkeypatch, "import", project, folder)[0] == 0
    code, _, err = said(capsys, monkeypatch, "export", project, tmp_path / "x.xlsx")
    assert (code, (tmp_path / "x.xlsx").exists()) == (2, False)
    assert ".xlsx is no format" in err
    assert "parquet (.parquet)" in err
    for name in ("t.csv", "t.parquet", "t.json"):
        code, out, _ = said(capsys, monkeypatch, "export", project, tmp_path / name, "--json")
        assert (code, json.loads(out)["objects"]) == (0, 40)
        with Project.open(project) as opened:
            opened.label([1], 2)
        code, out, err = said(capsys, monkeypatch, "import", project, tmp_path / name, "--json")
        assert (code, json.loads(out)["objects"]) == (0, 0)
        assert "1 of them comes with another label and kept" in json.loads(out)["notices"][1]
        said(capsys, monkeypatch, "import", project, tmp_path / name, "--relabel")
        with Project.open(project) as opened:
            assert opened.objects().loc[1, "class_id"] == 1
    code, _, err = said(capsys, monkeypatch, "export", project, tmp_path / "s", "--format", "synthetic")
    assert code == 2
    assert "no synthetic patches" in err
    assert said(capsys, monkeypatch, "export", project, tmp_path / "g", "--format", "geojson")[0] == 0
    assert len(list((tmp_path / "g").glob("*.geojson"))) == 40


def test_an_import_says_that_it_made_the_project_and_names_no_class_where_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "p.cellsynth"
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 40), np.uint8))
    tifffile.imwrite(tmp_path / "a_masks.tif", np.pad(np.ones((9, 9), np.uint8), (5, 26)))
    (folder := tmp_path / "masks").mkdir()
    for name in ("a.tif", "a_masks.tif"):
        (tmp_path / name).rename(folder / name)
    code, out, _ = said(capsys, monkeypatch, "import", project, folder)
    assert (code, out.splitlines()) == (0, [f"project: {project} (made: there was none)", "images: 1", "objects: 1"])
    code, out, _ = said(capsys, monkeypatch, "import", project, folder, "--json")
    assert (code, json.loads(out)["made"], json.loads(out)["classes"]) == (0, False, [])
