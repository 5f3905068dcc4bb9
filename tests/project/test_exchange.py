from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import UNSURE, Project
from napari_cellsynth.project.exchange import export_csv, import_folder, import_objects_csv

HEAD = "image,x0,y0,x1,y1,label,split,group"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "data"
    (place / "images").mkdir(parents=True)
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (60, 80), dtype=np.uint8)
        tifffile.imwrite(place / "images" / f"i{number}.tif", pixels)
    return place


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "empty")


def write(folder: Path, *rows: str, head: str = HEAD, encoding: str = "utf-8") -> None:
    (folder / "objects.csv").write_text("\n".join([head, *rows]) + "\n", encoding=encoding)


def test_boxes_labels_groups_and_splits_come_in(folder: Path, empty: Project) -> None:
    write(
        folder,
        "images/i0.tif,1,2,30,40,Dense,train,well1",
        "images/i0.tif,0,0,80,60,unlabelled,train,well1",
        "images/i1.tif,5,5,9,9,Spread,test,well2",
        "images/i2.tif,5,5,9,9,unsure,none,well3",
        "images/i3.tif,5,5,9,9,,,",
    )
    with empty as project:
        report = import_folder(project, folder)
        assert (report.images, report.objects, report.classes, report.notices) == (4, 5, ("Dense", "Spread"), [])
        found = project.objects()
        assert list(found["class_id"]) == [1, 0, 2, UNSURE, 0]
        assert list(found.iloc[0][["x0", "y0", "x1", "y1"]]) == [1, 2, 30, 40]
        assert project.splits() == {"well1": "train", "well2": "test", "well3": "", "i3": ""}
        assert list(project.test_objects()["group"]) == ["well2"]
        assert set(project.history(1)["source"]) == {"import"}
        assert project.undo() == []


def test_importing_twice_adds_nothing_and_touches_no_label(folder: Path, empty: Project) -> None:
    write(folder, "images/i0.tif,1,2,30,40,Dense,train,a", "images/i1.tif,1,2,30,40,Dense,test,b")
    with empty as project:
        import_folder(project, folder)
        project.label([1], UNSURE)
        project.set_split({"b": "train"})
        report = import_folder(project, folder)
        assert (report.images, report.objects) == (0, 0)
        assert report.notices == [
            "2 boxes were in the project already and were left out.",
            "1 of them comes with another label and kept the project's label (--relabel takes the imported one); the "
            "first is images/i0.tif, x 1 to 30, y 2 to 40: unsure here, Dense there.",
            "The split column differs for b: the project kept the split that it had.",
        ]
        assert list(project.objects()["class_id"]) == [UNSURE, 1]
        assert project.splits()["b"] == "train"


def test_a_split_that_straddles_a_group_is_ignored_and_said(folder: Path, empty: Project) -> None:
    write(
        folder,
        "images/i0.tif,1,2,30,40,Dense,train,a",
        "images/i1.tif,1,2,30,40,Dense,test,a",
        "images/i2.tif,1,2,30,40,Dense,test,b",
        "images/i3.tif,1,2,30,40,Dense,val,c",
    )
    with empty as project:
        report = import_folder(project, folder)
        assert project.splits() == {"a": "", "b": "test", "c": ""}
        assert any("ignored for a:" in notice for notice in report.notices)
        assert any("val" in notice for notice in report.notices)


BAD = {
    "outside": (
        "images/i1.tif,1,2,81,40,Dense,,",
        "line 3: the box x 1 to 81, y 2 to 40 is outside of its 80 x 60 image",
    ),
    "negative": ("images/i1.tif,-1,2,8,40,Dense,,", "line 3: the box"),
    "empty": ("images/i1.tif,9,2,9,40,Dense,,", "line 3: the box x 9 to 9, y 2 to 40 is empty"),
    "swapped": ("images/i1.tif,1,9,8,2,Dense,,", "line 3: the box"),
    "word": ("images/i1.tif,1,two,8,9,Dense,,", "line 3: y0 is 'two', not a number"),
    "fraction": ("images/i1.tif,1.5,2,8,9,Dense,,", "line 3: x0 is '1.5', not a whole number"),
    "nan": ("images/i1.tif,nan,2,8,9,Dense,,", "line 3: x0 is 'nan'"),
    "infinite": ("images/i1.tif,inf,2,8,9,Dense,,", "line 3: x0 is 'inf'"),
    "no cell": ("images/i1.tif,,2,8,9,Dense,,", "line 3: x0 is ''"),
    "missing": ("images/i9.tif,1,2,8,9,Dense,,", "line 3: .*i9.tif"),
    "no image": (",1,2,8,9,Dense,,", "line 3: the image is missing"),
    "short": ("images/i1.tif,1,2,8,9", "line 3: 5 cells for 8 columns"),
    "two groups": ("images/i0.tif,1,2,8,9,Dense,,other", "line 3: images/i0.tif is in the groups"),
    "quotes": ('images/i1.tif,1,2,8,9,"Den"se,,', "line 3"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_names_file_and_line_and_imports_nothing(folder: Path, empty: Project, kind: str) -> None:
    row, words = BAD[kind]
    write(folder, "images/i0.tif,1,2,30,40,New,train,a", row)
    with empty as project:
        with pytest.raises(UserError, match=words) as caught:
            import_folder(project, folder)
        assert "objects.csv" in caught.value.message
        assert "\n" not in str(caught.value)
        assert len(project.images()) == len(project.objects()) == len(project.classes()) == len(project.splits()) == 0


def test_a_reserved_class_in_the_middle_rolls_everything_back(folder: Path, empty: Project) -> None:
    write(folder, "images/i0.tif,1,2,30,40,Good,,", 'images/i1.tif,1,2,30,40,"two\nlines",,')
    with empty as project:
        with pytest.raises(UserError, match="one line"):
            import_folder(project, folder)
        assert len(project.images()) == len(project.objects()) == len(project.classes()) == 0


def test_missing_columns_encodings_and_empty_tables_are_one_line(folder: Path, empty: Project) -> None:
    with empty as project:
        write(folder, "images/i0.tif,1,2,3,Dense", head="image,x0,y0,x1,label")
        with pytest.raises(UserError, match="line 1: the column is missing: y1"):
            import_folder(project, folder)
        write(folder)
        with pytest.raises(UserError, match="no rows"):
            import_folder(project, folder)
        (folder / "objects.csv").write_bytes(b"image,x0\xff")
        with pytest.raises(UserError, match="UTF-8"):
            import_folder(project, folder)
        (folder / "objects.csv").unlink()
        with pytest.raises(UserError, match=r"neither an objects\.csv"):
            import_folder(project, folder)
        with pytest.raises(UserError, match="no folder"):
            import_folder(project, folder / "nowhere")


def test_spreadsheets_write_marks_and_semicolons(folder: Path, empty: Project) -> None:
    write(folder, "images/i0.tif;1;2;3.0;4;Dense;;", head=HEAD.replace(",", ";"), encoding="utf-8-sig")
    with empty as project:
        assert import_objects_csv(project, folder).objects == 1


def test_the_export_can_be_imported_and_holds_no_formula(folder: Path, empty: Project, tmp_path: Path) -> None:
    write(
        folder,
        "images/i0.tif,1,2,30,40,=HYPERLINK(1),test,@a",
        "images/i0.tif,3,2,30,40,bad segmentation,test,@a",
        "images/i1.tif,5,5,9,9,Spread,train,-b",
    )
    with empty as project:
        import_folder(project, folder)
        project.set_predictions("classifier-0001", [3], np.array([[0.25, 0.75]]), [1, 2])
        before = project.objects().drop(columns="mask_label")
        export_csv(project, tmp_path / "objects.csv")
    with (tmp_path / "objects.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["label"] == "'=HYPERLINK(1)"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert (rows[2]["predicted"], rows[2]["confidence"], rows[0]["predicted"]) == ("Spread", "0.75", "")
    with Project.create(tmp_path / "again") as project:
        import_folder(project, tmp_path)
        assert [c.name for c in project.classes()] == ["=HYPERLINK(1)", "Spread"]
        assert project.objects().drop(columns="mask_label").equals(before)


def test_an_export_that_cannot_be_written_is_one_line(empty: Project, tmp_path: Path) -> None:
    with empty as project, pytest.raises(UserError, match="cannot be written"):
        export_csv(project, tmp_path / "nowhere" / "out.csv")


REAL = {
    "bccd_fov": (292, 3941, 3, {"train": 205, "test": 87}),
    "mitocheck_crops": (3277, 3277, 16, {"train": 37, "test": 40}),
    "jurkat_crops": (717, 717, 7, {"": 2}),
    "hipsc_colonies_unlabelled": (6, 6, 0, {"": 2}),
    "t98g_phase_contrast": (2, 142, 1, {"": 2}),
    "phase_contrast_extra": (3, None, 0, {"": 3}),
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_real_data_comes_in_whole(name: str, real_data: Path, empty: Project) -> None:
    images, objects, classes, splits = REAL[name]
    with empty as project:
        report = import_folder(project, real_data / name)
        assert (report.images, len(report.classes)) == (images, classes)
        assert objects is None or report.objects == objects
        found = list(project.splits().values())
        assert {split: found.count(split) for split in set(found)} == splits
        assert bool(report.notices) == (name == "jurkat_crops")


@pytest.mark.parametrize("image", ["images/i0.tif", "./images/i0.tif"])
@pytest.mark.parametrize("label", ["Spread", "", "unsure"])
def test_one_box_with_two_labels_imports_nothing(folder: Path, empty: Project, image: str, label: str) -> None:
    write(
        folder,
        "images/i0.tif,1,2,30,40,Dense,,",
        "images/i0.tif,1,2,31,40,Spread,,",
        f"{image},1,2,30,40,{label},,",
    )
    words = f"objects.csv, line 4: it labels the box of line 2 as {label or 'unlabelled'}, not Dense"
    with empty as project:
        with pytest.raises(UserError, match=words):
            import_folder(project, folder)
        assert len(project.images()) == len(project.objects()) == len(project.classes()) == 0


def test_a_box_given_twice_counts_once_and_the_notice_is_true(folder: Path, empty: Project) -> None:
    write(folder, *["images/i0.tif,1,2,30,40,Dense,,"] * 2)
    with empty as project:
        assert import_folder(project, folder).notices == ["1 box was given more than once and counted once."]
        assert len(project.objects()) == 1
        write(folder, "images/i0.tif,1,2,30,40,Dense,,g")
        assert import_folder(project, folder).notices == [
            "1 image kept the group that the project had for it.",
            "1 box was in the project already and was left out.",
        ]


@pytest.mark.parametrize("column", ["label", "x0", "group", "note"])
def test_a_column_that_occurs_twice_is_refused(folder: Path, empty: Project, column: str) -> None:
    write(folder, "images/i0.tif,1,2,30,40,Dense,,,a,b", head=f"{HEAD},note,{column}")
    with empty as project, pytest.raises(UserError, match=f"line 1: the column {column} occurs twice"):
        import_folder(project, folder)


@pytest.mark.parametrize(
    ("image", "words"),
    [(".", "folder"), ("images", "folder"), ("images/*.tif", "does not exist"), ("x" * 300, "cannot be used"),
     ("x/" * 3000, "cannot be used"), ("a\0b", "UTF-8")],
)  # fmt: skip
def test_an_image_cell_names_one_file(folder: Path, empty: Project, image: str, words: str) -> None:
    write(folder, f"{image},1,2,8,9,Dense,,")
    with empty as project, pytest.raises(UserError, match=f"objects.csv, line 2: .*{words}") as caught:
        import_folder(project, folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["bad\udcff.tif", "x" * 300 + ".tif"])
def test_a_file_name_that_cannot_be_stored_is_one_line(folder: Path, empty: Project, name: str) -> None:
    with empty as project:
        with pytest.raises(UserError) as caught:
            project.add_images([folder / "images" / name])
        str(caught.value).encode()
        with pytest.raises(UserError):
            import_folder(project, folder / name)


def test_files_of_the_same_pixels_are_named_once(tmp_path: Path, empty: Project) -> None:
    crops, rng = tmp_path / "crops", np.random.default_rng(0)
    for name in ("Dense", "Spread"):
        (crops / name).mkdir(parents=True)
        tifffile.imwrite(crops / name / "c0.tif", rng.integers(0, 9, (16, 16), np.uint8))
    for file in [*(f"Dense/c{number}.tif" for number in range(1, 8)), "Spread/s.tif"]:  # empty crops
        tifffile.imwrite(crops / file, np.zeros((16, 16), np.uint8))
    with empty as project:
        report = import_folder(project, crops)
        assert report.objects == len(project.objects()) == 3
    named = ", ".join(f"Dense/c{number}.tif" for number in range(2, 7))
    assert f"The same image as Dense/c1.tif, and counted once: {named} and 1 more." in report.notices
    words = "Dense/c1.tif and Spread/s.tif are the same image in the classes Dense and Spread: Dense was kept."
    assert words in report.notices
    assert not any("more than once" in notice for notice in report.notices)


def test_two_files_of_the_same_pixels_with_two_labels_are_both_named(folder: Path, empty: Project) -> None:
    shutil.copy(folder / "images" / "i0.tif", folder / "images" / "copy.tif")
    write(folder, "images/i0.tif,1,2,30,40,Dense,,", "images/copy.tif,1,2,30,40,Spread,,")
    words = r"line 3: .* line 2 as Spread, not Dense \(images/copy.tif is the same image as images/i0.tif\)"
    with empty as project, pytest.raises(UserError, match=words):
        import_folder(project, folder)


def test_a_split_that_has_changed_since_is_not_taken_over_and_told(folder: Path, empty: Project) -> None:
    write(folder, "images/i0.tif,1,2,30,40,Dense,train,a", "images/i1.tif,1,2,30,40,Dense,test,b")
    with empty as project:
        import_folder(project, folder)
        write(folder, "images/i0.tif,1,2,30,40,Dense,test,a", "images/i1.tif,1,2,30,40,Dense,test,b")
        notices = import_folder(project, folder).notices
        assert "The split column differs for a: the project kept the split that it had." in notices
        assert project.splits() == {"a": "train", "b": "test"}
