from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.relinking import relink_folder

NewSeries = Callable[..., Path]


def test_a_moved_image_is_found_by_its_name_and_can_be_read(project: Project, series: Path, tmp_path: Path) -> None:
    before = project.frame(1, 2).copy()
    project._forget_source(1)
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    moved = shutil.move(series, tmp_path / "elsewhere" / "deep" / series.name)
    assert project.images()["missing"].all()
    told = relink_folder(project, tmp_path / "elsewhere")
    assert told.found == {1: str(moved)} and told.words() == "1 of 1 missing images found and relinked"
    np.testing.assert_array_equal(project.frame(1, 2), before)


def test_a_file_of_the_same_name_with_other_pixels_is_refused_and_named(
    project: Project, series: Path, new_series: NewSeries, tmp_path: Path
) -> None:
    series.unlink()
    (tmp_path / "other").mkdir()
    impostor = new_series("other/video.tif", seed=7)
    told = relink_folder(project, tmp_path / "other")
    assert told.found == {} and told.differing == {"video": str(impostor)}
    assert "other pixels under the name of video" in told.words() and "not taken" in told.words()
    assert project.images()["missing"].all()


def test_among_several_of_one_name_the_same_content_is_taken(
    project: Project, series: Path, new_series: NewSeries, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / "other" / folder).mkdir(parents=True)
    new_series("other/a/video.tif", seed=7)
    shutil.move(series, tmp_path / "other" / "b" / "video.tif")
    assert relink_folder(project, tmp_path / "other").found == {1: str(tmp_path / "other" / "b" / "video.tif")}


def test_a_renamed_image_is_found_by_its_size_and_content(project: Project, series: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    renamed = shutil.move(series, tmp_path / "other" / "position 3.tif")
    assert relink_folder(project, tmp_path / "other").found == {1: str(renamed)}


def test_folders_and_patterns_of_frames_are_found(tmp_path: Path) -> None:
    for well, seed in (("well1", 0), ("well2", 50)):
        (tmp_path / "old" / well).mkdir(parents=True)
        for t in range(2):
            tifffile.imwrite(tmp_path / "old" / well / f"t{t}.tif", np.full((30, 30), seed + t, np.uint8))
    with Project.create(tmp_path / "p.cellsynth") as project:
        project.add_images([tmp_path / "old" / "well1", tmp_path / "old" / "well2" / "*.tif"])
        shutil.move(tmp_path / "old", tmp_path / "new")
        assert project.images()["missing"].all()
        told = relink_folder(project, tmp_path / "new")
        assert sorted(told.found) == [1, 2] and project.frame(2, 1)[0, 0, 0] == 51


def test_what_is_not_there_is_named_and_nothing_missing_is_said(project: Project, series: Path, tmp_path: Path) -> None:
    assert relink_folder(project, tmp_path).words() == "No image is missing."
    series.unlink()
    (tmp_path / "empty").mkdir()
    assert relink_folder(project, tmp_path / "empty").words().endswith("not there: video")


def test_a_wrong_folder_and_a_read_only_project_are_one_sentence(
    project: Project, series: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="There is no folder"):
        relink_folder(project, tmp_path / "nowhere")
    with Project.open(project.path, read_only=True) as opened, pytest.raises(UserError, match="read-only"):
        relink_folder(opened, tmp_path)


def test_a_project_copied_elsewhere_with_its_images_opens_and_reads_the_copies(
    project: Project, series: Path, tmp_path: Path
) -> None:
    before = project.frame(1, 0).copy()
    project.close()
    other = tmp_path / "other computer"
    other.mkdir()
    shutil.copytree(project.path, other / project.path.name)
    shutil.move(series, other / series.name)
    with Project.open(other / project.path.name) as opened:
        assert opened.images()["path"].tolist() == [str(other / series.name)] and not opened.images()["missing"].any()
        np.testing.assert_array_equal(opened.frame(1, 0), before)
