"""What is written comes back: into the same project nothing twice, into a new one all of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder
from napari_cellsynth.project.exporting import export
from tests.project.formats.conftest import content

TABLES = {"csv": "objects.csv", "parquet": "x.parquet", "anndata": "x.h5ad"}
MASKED = {"geojson": "outlines", "coco": "x.json", "ome-zarr": "zarrs", "ome-zarr-0.4": "zarrs"}


def exported(project: Project, name: str, folder: Path) -> Path:
    if name == "anndata":
        pytest.importorskip("anndata")
    out = folder / "deep" / ({**TABLES, **MASKED}[name])
    out.parent.mkdir()
    return export(project, out, name)


@pytest.mark.parametrize("name", [*TABLES, *MASKED])
@pytest.mark.parametrize("kind", ["hard", "several"])
def test_the_same_project_gets_nothing_twice_and_a_new_one_everything(
    name: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    project = request.getfixturevalue(kind)
    masks = name in MASKED
    before, classes = content(project), [(c.name, c.color) for c in project.classes()]
    out = exported(project, name, tmp_path)
    report = import_folder(project, out)
    assert (report.images, report.objects) == (0, 0)
    assert report.notices[0].startswith(f"{len(before)} boxes were in the project already")
    assert not any("another label" in notice for notice in report.notices)
    assert content(project) == before
    with Project.create(tmp_path / "new" / "again") as again:
        report = import_folder(again, out)
        assert report.objects == len(before)
        assert report.notices == [notice for notice in report.notices if "several classes" in notice]
        assert content(again, masks=masks) == content(project, masks=masks)
        assert {c.name for c in again.classes()} == {name for name, _ in classes}
        assert again.multi_label == project.multi_label
        if masks:
            assert {(c.name, c.color) for c in again.classes()} == set(classes)
        assert set(again.history(1)["source"]) == {"import"}
        assert not list(tmp_path.rglob(f".{os.getpid()}.*"))


@pytest.mark.parametrize("name", [*TABLES, *MASKED])
def test_other_labels_are_counted_and_named_and_taken_where_that_is_asked(
    name: str, tmp_path: Path, hard: Project
) -> None:
    out = exported(hard, name, tmp_path)
    before = content(hard, masks=False)
    first, second, third = hard.objects().index[:3]
    hard.label([first, second], 3, user="carl")
    hard.label([third], 0)
    hard.rename_class(2, "renamed")  # so the table brings a class that the project lacks
    labels = hard.objects()["label"].tolist()
    notices = import_folder(hard, out).notices
    told = next(notice for notice in notices if "another label" in notice)
    assert told.startswith("4 of them come with another label and kept")
    assert "film; 1.tif, x 0 to 40, y 0 to 30: größe/Zelle 細胞 here, =cmd" in told
    assert hard.objects()["label"].tolist() == labels
    assert len(hard.classes()) == 3  # no class that nothing has
    notices = import_folder(hard, out, relabel=True).notices
    assert any("4 of them come with another label and took the imported label" in notice for notice in notices)
    assert [c.name for c in hard.classes()][3] == 'a, "b" & c'
    assert content(hard, masks=False) == before
    told = hard.history(first).iloc[-1]
    assert (told["source"], told["user"]) == ("import", "anna")


@pytest.mark.parametrize("out", ["x.xlsx", "x", "x.tar.gz"])
def test_an_ending_that_is_no_format_is_refused_with_the_list(out: str, tmp_path: Path, hard: Project) -> None:
    with pytest.raises(UserError, match="can be written") as caught:
        export(hard, tmp_path / out)
    assert "csv (.csv), parquet (.parquet), geojson (.geojson)" in caught.value.hint
    assert not (tmp_path / out).exists()


def test_a_name_and_an_ending_that_differ_are_refused(tmp_path: Path, hard: Project) -> None:
    with pytest.raises(UserError, match="ends like coco"):
        export(hard, tmp_path / "x.json", "csv")
    with pytest.raises(UserError, match="does not end in"):
        export(hard, tmp_path / "x.txt", "csv")
    with pytest.raises(UserError, match="no export format 'xlsx'"):
        export(hard, tmp_path / "x.xlsx", "xlsx")
    with pytest.raises(UserError, match="about one image"):
        export(hard, tmp_path / "x.geojson")


@pytest.mark.parametrize("name", ["geojson", "coco", "ome-zarr", "imagefolder", "parquet"])
def test_an_export_that_breaks_off_leaves_nothing_and_what_was_there_before(
    name: str, tmp_path: Path, hard: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "deep"
    place.mkdir()
    out = place / {**TABLES, **MASKED, "imagefolder": "crops"}[name]
    if name in ("coco", "parquet"):
        out.write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    monkeypatch.setattr("napari_cellsynth.project.formats.image_folder.write_image", full)
    monkeypatch.setattr("napari_cellsynth.project.formats.ome_zarr.objects_table", full)
    monkeypatch.setattr("pandas.DataFrame.to_parquet", full)
    with pytest.raises(UserError, match=f"{out.name} cannot be written: No space left"):
        export(hard, out, name)
    assert [file.name for file in place.iterdir()] == ([out.name] if name in ("coco", "parquet") else [])
    assert not out.exists() or out.read_bytes() == b"old"


def test_what_is_there_already_is_not_overwritten_by_a_folder(tmp_path: Path, hard: Project) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    for name in ("geojson", "imagefolder", "ome-zarr"):
        with pytest.raises(UserError, match="exists already"):
            export(hard, tmp_path / "mine", name)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def test_objects_that_overlap_come_as_boxes_and_it_is_said(tmp_path: Path, hard: Project) -> None:
    square = [[[10, 10], [30, 10], [30, 30], [10, 30], [10, 10]]]
    other = [[[20, 20], [44, 20], [44, 44], [20, 44], [20, 20]]]
    features = [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": ring}, "properties": {}}
        for ring in (square, other)
    ]
    file = tmp_path / "data" / "still.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    report = import_folder(hard, file)
    assert report.notices == ["1 object overlaps others, and a pixel belongs to one: it has a box without a mask."]
    assert hard.objects(image_id=2)["mask_label"].tolist() == [0, 0, 1, 0]
    assert import_folder(hard, file).objects == 0
