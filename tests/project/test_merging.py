from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished, Stopped
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_objects_csv
from napari_cellsynth.project.merge_report import merge_report
from napari_cellsynth.project.merging import merge
from napari_cellsynth.project.sources import read_sources
from napari_cellsynth.project.types import read_types, write_types

BOXES = [(5, 5, 35, 35), (40, 8, 70, 38), (10, 45, 40, 75), (45, 45, 75, 75)]
COLUMNS = ["image", "x0", "y0", "x1", "y1", "label", "split", "group"]


def field(seed: int) -> np.ndarray:
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, (80, 80, 3)), (2, 2, 0))
    return np.clip(128 + 300 * rough, 0, 255).astype(np.uint8)


def source(folder: Path, images: dict[str, np.ndarray], types, boxes=None, group=lambda name: name) -> Path:
    """Write a source: the same four boxes in every image (or those given for it), of these types in turn."""
    folder.mkdir(parents=True)
    rows = []
    for name, pixels in images.items():
        Image.fromarray(pixels).save(folder / name)
        for number, (x0, y0, x1, y1) in enumerate((boxes or {}).get(name, BOXES)):
            rows.append((name, x0, y0, x1, y1, types[number % len(types)], "train", group(name)))
    pd.DataFrame(rows, columns=COLUMNS).to_csv(folder / "objects.csv", index=False)
    return folder


def merged(path, sources, types=None) -> dict:
    *_, last = merge(path, sources, types)
    assert isinstance(last, Finished)
    return last.result


def copies(result) -> list[dict[str, str]]:
    with Path(result["copies"]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def first(tmp_path):
    return source(tmp_path / "one", {f"{n}.png": field(n) for n in range(8)}, ["red", "white"])


def test_sources_without_copies_keep_everything_and_groups_of_one_name_stay_apart(tmp_path, first):
    second = source(
        tmp_path / "two", {f"{n}.png": field(n + 50) for n in range(3)}, ["red"], group=lambda name: "0.png"
    )
    result = merged(tmp_path / "m", [first, second])
    assert (result["images"], result["objects"]) == (11, 44)
    assert (result["identical"], result["near_identical"], result["conflicts"]) == (0, 0, 0)
    with Project.open(tmp_path / "m") as project:
        assert {"one/0.png", "two/0.png"} <= set(project.splits())
        assert (project.objects()["group"] == "two/0.png").sum() == 12
        assert set(project.splits().values()) == {"train"}


def test_planted_copies_of_images_are_left_out_and_listed_by_what_they_are(tmp_path, first):
    brighter = np.clip(field(1) * 1.1 + 8, 0, 255).astype(np.uint8)
    half = np.asarray(Image.fromarray(field(2)).resize((40, 40), Image.Resampling.LANCZOS))
    images = {"new.png": field(60), "same.png": field(0), "brighter.png": brighter, "half.png": half}
    boxes = {"half.png": [tuple(round(edge / 2) for edge in box) for box in BOXES]}
    second = source(tmp_path / "two", images, ["red", "white"], boxes)
    result = merged(tmp_path / "m", [first, second])
    assert (result["images"], result["objects"]) == (9, 36)
    assert (result["identical"], result["near_identical"], result["conflicts"]) == (4, 8, 0)
    told = {(Path(row["kept_image"]).name, Path(row["image"]).name, row["copy"]) for row in copies(result)}
    assert told == {
        ("0.png", "same.png", "identical"),
        ("1.png", "brighter.png", "nearly"),
        ("2.png", "half.png", "nearly"),
    }
    assert result["types"]["red"] == {"class": "red", "before": 24, "after": 18}


def test_a_cell_cut_out_of_the_other_sources_field_is_found_and_boxes_that_only_the_copy_has_are_kept(tmp_path, first):
    x0, y0, x1, y1 = BOXES[2]
    images = {"cell.png": field(3)[y0:y1, x0:x1], "again.png": field(4)}
    boxes = {"cell.png": [(0, 0, 30, 30)], "again.png": [(6, 5, 36, 36), (20, 20, 44, 44)]}
    second = source(tmp_path / "two", images, ["red"], boxes)
    result = merged(tmp_path / "m", [first, second])
    assert (result["images"], result["objects"]) == (8, 33)
    with Project.open(tmp_path / "m") as project:
        of_image = project.objects()[project.objects()["group"] == "one/4.png"]
    assert [20, 20, 44, 44] in of_image[["x0", "y0", "x1", "y1"]].to_numpy().tolist()


def test_a_copy_of_another_class_is_told_and_types_of_one_class_do_not_conflict(tmp_path, first):
    second = source(tmp_path / "two", {"same.png": field(0)}, ["erythrocyte", "platelet"])
    types = tmp_path / "types.csv"
    types.write_text("type,class\nred,RBC\nerythrocyte,RBC\nwhite,WBC\nplatelet,platelet\n", encoding="utf-8")
    result = merged(tmp_path / "m", [first, second], types)
    assert (result["identical"], result["conflicts"]) == (4, 2)
    assert [row["type"] for row in copies(result) if row["conflict"]] == ["platelet", "platelet"]
    with Project.open(tmp_path / "m") as project:
        assert [record.name for record in project.classes()] == ["RBC", "WBC"]
        assert merge_report(project.path)["conflicts"] == 2


def test_an_unlabelled_object_takes_the_label_of_its_copy(tmp_path, first):
    other = source(tmp_path / "two", {"same.png": field(0), "new.png": field(9)}, [""])
    result = merged(tmp_path / "m", [other, first])
    assert result["conflicts"] == 0
    with Project.open(tmp_path / "m") as project:
        counts = {record.name: project.label_counts().get(record.id, 0) for record in project.classes()}
        assert counts == {"red": 16, "white": 16}
        assert project.label_counts()[0] == 4


def test_the_first_mapping_names_every_type_and_an_empty_class_leaves_its_objects_unlabelled(tmp_path, first):
    second = source(tmp_path / "two", {"x.png": field(70)}, ["lymphocyte, atypical", "=smudge"])
    file = write_types(tmp_path / "types.csv", read_sources([first, second]))
    assert read_types(file) == {name: name for name in ("red", "white", "lymphocyte, atypical", "=smudge")}
    table = pd.read_csv(file)
    assert dict(zip(table["type"], table["objects"], strict=True))["red"] == 16
    table.loc[table["type"] == "white", "class"] = ""
    table.to_csv(file, index=False)
    merged(tmp_path / "m", [first, second], file)
    with Project.open(tmp_path / "m") as project:
        assert project.label_counts()[0] == 16
        assert "white" not in [record.name for record in project.classes()]


def test_a_project_and_a_folder_a_class_are_sources_too(tmp_path, first):
    with Project.create(tmp_path / "labelled") as project:
        import_objects_csv(project, first)
        project.label([int(project.objects().index[0])], 0)
    by_class = tmp_path / "by class" / "monocyte"
    by_class.mkdir(parents=True)
    Image.fromarray(field(80)).save(by_class / "a.png")
    result = merged(tmp_path / "m", [tmp_path / "labelled.cellsynth", by_class.parent])
    assert result["objects"] == 33
    with Project.open(tmp_path / "m") as project:
        assert "labelled/0.png" in project.splits()
        assert project.label_counts()[0] == 1


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("type,class\nred,RBC\n", "says nothing of white"),
        ("type,group\nred,RBC\n", "line 1: the column class is missing"),
        ("type,class\nred,RBC\nred,WBC\n", "line 3: red is WBC here, and RBC above"),
        ("type,class\n,RBC\n", "line 2: the type is empty"),
    ],
)
def test_a_mapping_that_does_not_fit_is_told_in_one_line_and_nothing_is_made(tmp_path, first, table, words):
    second = source(tmp_path / "two", {"x.png": field(70)}, ["red"])
    (tmp_path / "types.csv").write_text(table, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        list(merge(tmp_path / "m", [first, second], tmp_path / "types.csv"))
    assert not (tmp_path / "m.cellsynth").exists()


def test_sources_that_cannot_be_merged_are_told_in_one_line(tmp_path, first):
    grey = source(tmp_path / "grey", {"x.png": field(70)[..., 0]}, ["red"])
    for sources, words in [
        ([first], "two sources or more"),
        ([first, first / "objects.csv"], "is given twice"),
        ([first, tmp_path / "nowhere"], "There is no folder"),
        ([first, grey], "one has images of 3 channels of uint8, grey of 1"),
    ]:
        with pytest.raises(UserError, match=words):
            list(merge(tmp_path / "m", sources))
        assert not (tmp_path / "m.cellsynth").exists()
    with Project.create(tmp_path / "m"), pytest.raises(UserError, match="exists already"):
        second = source(tmp_path / "two", {"y.png": field(71)}, ["red"])
        list(merge(tmp_path / "m", [first, second]))
    assert Project.is_project(tmp_path / "m")


def test_a_merge_that_is_stopped_leaves_nothing_behind(tmp_path, first):
    second = source(tmp_path / "two", {"x.png": field(70)}, ["red"])
    *_, last = merge(tmp_path / "m", [first, second], stop=lambda: True)
    assert isinstance(last, Stopped)
    assert not (tmp_path / "m.cellsynth").exists()


def test_objects_of_a_multi_label_project_keep_all_of_their_classes(tmp_path, first):
    several = source(tmp_path / "several", {"new.png": field(77)}, ["cell|dividing", "cell"])
    with Project.create(tmp_path / "several.cellsynth") as project:
        import_objects_csv(project, several)
        assert project.multi_label
    sources = read_sources([tmp_path / "several.cellsynth", first])
    labels = [item.label for item in sources[0].plan.objects]
    assert sorted(labels) == ["cell", "cell", "cell|dividing", "cell|dividing"]
