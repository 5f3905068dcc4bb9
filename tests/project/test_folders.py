from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_class_folders, import_folder, import_label_images


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "empty")


def write(file: Path, seed: int = 0, dtype: str = "uint8") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(file, np.random.default_rng(seed).integers(0, 255, (40, 50)).astype(dtype))


def labels(dtype: str = "uint16", first: int = 1) -> np.ndarray:
    mask = np.zeros((40, 50), dtype)
    mask[5:15, 5:15] = first
    mask[20:30, 20:40] = first + 4
    return mask


def test_a_folder_a_class_becomes_one_object_an_image(tmp_path: Path, empty: Project) -> None:
    data = tmp_path / "data"
    for number, name in enumerate(["Dense/a_p1.tif", "Dense/b_p2.tif", "Spread/a_p1.tif"]):
        write(data / name, number)
    (data / "notes").mkdir()
    (data / "Dense" / "notes.txt").write_text("x")
    with empty as project:
        report = import_folder(project, data)
        assert (report.images, report.objects, report.classes) == (3, 3, ("Dense", "Spread"))
        assert list(project.objects()["class_id"]) == [1, 1, 2]
        assert list(project.objects().iloc[0][["y0", "x0", "y1", "x1"]]) == [0, 0, 40, 50]
        assert list(project.splits()) == ["Dense/a_p1", "Dense/b_p2", "Spread/a_p1"]
        assert "group of its own" in report.notices[0]


def test_groups_are_told_by_the_path(tmp_path: Path, empty: Project) -> None:
    for number, name in enumerate(["Dense/a_p1.tif", "Spread/b_p2.tif", "Spread/a_p1.tif"]):
        write(tmp_path / "data" / name, number)
    with empty as project:
        report = import_class_folders(project, tmp_path / "data", group_by=r"_(p\d)")
        assert list(project.images()["group"]) == ["p1", "p1", "p2"]
        assert report.notices == []


def test_one_broken_image_imports_nothing(tmp_path: Path, empty: Project) -> None:
    write(tmp_path / "data" / "Dense" / "a.tif")
    (tmp_path / "data" / "Dense" / "b.tif").write_bytes((tmp_path / "data" / "Dense" / "a.tif").read_bytes()[:100])
    with empty as project:
        with pytest.raises(UserError, match=r"b\.tif"):
            import_folder(project, tmp_path / "data")
        assert len(project.images()) == len(project.classes()) == 0


@pytest.mark.parametrize(("dtype", "first"), [("uint8", 1), ("uint16", 1), ("int32", 70000), ("float32", 3)])
@pytest.mark.parametrize("layout", ["beside", "folders"])
def test_label_images_become_masks(tmp_path: Path, empty: Project, layout: str, dtype: str, first: int) -> None:
    data = tmp_path / "data"
    image, mask = ("a.tif", "a_masks.tif") if layout == "beside" else ("images/a.tif", "masks/a.tif")
    write(data / image)
    (data / mask).parent.mkdir(exist_ok=True)
    tifffile.imwrite(data / mask, labels(dtype, first))
    with empty as project:
        report = import_folder(project, data)
        assert (report.images, report.objects) == (1, 2)
        np.testing.assert_array_equal(project.mask(1, 0) > 0, labels() > 0)
        assert list(project.objects()["area"]) == [100, 200]


@pytest.mark.parametrize(
    ("mask", "words"),
    [(labels()[:30], "30 x 50"), (labels("float32") + 0.5, "fractions"), (labels("float32") - 1, "negative")],
)
def test_a_mask_that_does_not_fit_imports_nothing(tmp_path: Path, empty: Project, mask: np.ndarray, words: str) -> None:
    data = tmp_path / "data"
    for name in ("a", "b"):
        write(data / f"{name}.tif", seed=ord(name))
    tifffile.imwrite(data / "a_masks.tif", labels())
    tifffile.imwrite(data / "b_masks.tif", mask)
    with empty as project:
        with pytest.raises(UserError, match=words):
            import_label_images(project, data)
        assert len(project.images()) == len(project.objects()) == 0
        assert not (project.path / "masks.zarr").exists()


def test_one_image_in_two_classes_is_named(tmp_path: Path, empty: Project) -> None:
    for name in ("Dense/a.tif", "Spread/b.tif", "Dense/c.tif"):
        write(tmp_path / "data" / name)
    with empty as project:
        report = import_class_folders(project, tmp_path / "data")
        assert (report.images, report.objects) == (1, 1)
        assert list(project.objects()["class_id"]) == [project.class_named("Dense").id]
        assert [n for n in report.notices if "a.tif" in n and "b.tif" in n and "Dense" in n and "Spread" in n]
        assert "The same image as Dense/a.tif, and counted once: Dense/c.tif." in report.notices
        assert not any("group that the project had" in notice for notice in report.notices)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such names")
def test_a_file_whose_name_is_no_text_is_one_line(tmp_path: Path, empty: Project) -> None:
    write(tmp_path / "data" / "Dense" / "a.tif")
    (tmp_path / "data" / "Dense" / "a.tif").rename(os.fsdecode(os.fsencode(tmp_path / "data" / "Dense") + b"/\xff.tif"))
    with empty as project:
        with pytest.raises(UserError, match="not valid UTF-8") as caught:
            import_folder(project, tmp_path / "data")
        str(caught.value).encode()
        assert len(project.images()) == 0
