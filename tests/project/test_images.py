from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project, images

Writer = Callable[..., Path]


def test_a_series_is_linked_with_its_facts(project: Project, series: Path) -> None:
    row = project.images().loc[1]
    assert (row["name"], row["path"], row["group"], row["split"]) == ("video", str(series), "video", "")
    assert list(row[["frames", "channels", "height", "width"]]) == [3, 1, 100, 120]
    assert (row["dtype"], row["missing"]) == ("uint8", False)
    np.testing.assert_array_equal(project.frame(1, 2), tifffile.imread(series)[2][None])
    with pytest.raises(UserError, match="frames 0 to 2, not 3"):
        project.frame(1, 3)
    with pytest.raises(UserError, match="no image with the id 7"):
        project.source(7)


def test_the_same_content_is_linked_once(project: Project, series: Path, tmp_path: Path, new_series: Writer) -> None:
    shutil.copy(series, tmp_path / "copy.tif")
    other = new_series("other.tif", seed=1)
    assert project.add_images([tmp_path / "copy.tif", other, other]) == [1, 2, 2]
    assert list(project.images()["name"]) == ["video", "other"]


def test_series_of_the_same_name_stay_apart(project: Project, tmp_path: Path, new_series: Writer) -> None:
    (tmp_path / "well2").mkdir()
    project.add_images([new_series("well2/video.tif", seed=2)])
    assert list(project.images()["name"]) == ["video", "well2/video"]
    assert list(project.splits()) == ["video", "well2/video"]


def test_groups_come_from_the_path(project: Project, tmp_path: Path, new_series: Writer) -> None:
    files = [new_series(f"plate{n // 2}_{n}.tif", seed=n + 1) for n in range(4)]
    project.add_images(files, group_by=r"(plate\d)")
    assert list(project.images()["group"])[1:] == ["plate0", "plate0", "plate1", "plate1"]


@pytest.mark.parametrize("pattern", ["(plate", "plate", "(a)(b)", "(nothing-like-it)"])
def test_a_wrong_expression_is_one_line_and_adds_nothing(
    project: Project, tmp_path: Path, pattern: str, new_series: Writer
) -> None:
    with pytest.raises(UserError) as caught:
        project.add_images([new_series("plate1.tif", seed=1)], group_by=pattern)
    assert pattern in str(caught.value)
    assert len(project.images()) == 1


def test_one_broken_file_adds_none(project: Project, tmp_path: Path, new_series: Writer) -> None:
    (tmp_path / "text.tif").write_text("no image")
    with pytest.raises(UserError):
        project.add_images([new_series("good.tif", seed=1), tmp_path / "text.tif"])
    assert len(project.images()) == 1


def test_images_are_found_when_everything_moved(tmp_path: Path, new_series: Writer) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with Project.create(home / "p") as project:
        project.add_images([new_series("home/video.tif")])
    home.rename(tmp_path / "moved")
    with Project.open(tmp_path / "moved" / "p") as project:
        assert not project.images().loc[1, "missing"]
        assert project.frame(1, 0).shape == (1, 100, 120)


def test_images_are_found_when_the_project_alone_moved(tmp_path: Path, new_series: Writer) -> None:
    (tmp_path / "a").mkdir()
    with Project.create(tmp_path / "a" / "p") as project:
        project.add_images([new_series("video.tif")])
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "p.cellsynth").rename(tmp_path / "b" / "c" / "p.cellsynth")
    with Project.open(tmp_path / "b" / "c" / "p") as project:
        assert project.frame(1, 0).shape == (1, 100, 120)


def test_a_missing_file_is_said_and_relinked(
    project: Project, series: Path, tmp_path: Path, new_series: Writer
) -> None:
    series.rename(tmp_path / "renamed.tif")
    assert project.images().loc[1, "missing"]
    with pytest.raises(UserError, match="Relink"):
        project.frame(1, 0)
    with pytest.raises(UserError, match="content differs"):
        project.relink(1, new_series("wrong.tif", seed=9))
    project.relink(1, tmp_path / "renamed.tif")
    assert project.frame(1, 0).shape == (1, 100, 120)
    assert len(project.objects(image_id=1)) == 4


def test_a_changed_file_is_refused_and_a_touched_one_is_not(project: Project, series: Path, new_series: Writer) -> None:
    os.utime(series, ns=(1, 1))
    assert project.frame(1, 0).shape == (1, 100, 120)
    project._close_sources()
    new_series("video.tif", seed=5)
    with pytest.raises(UserError, match="has changed"):
        project.frame(1, 0)


def test_a_long_series_is_hashed_by_samples_and_compared_whole(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_series: Writer
) -> None:
    monkeypatch.setattr(images, "_WHOLE_HASH_BYTES", 1000)
    monkeypatch.setattr(images, "_SAMPLE_BYTES", 64)
    first = new_series("long.tif", seed=1)
    other = tmp_path / "long2.tif"
    content = bytearray(first.read_bytes())
    content[len(content) // 4] ^= 255  # Where no sample is taken.
    other.write_bytes(content)
    shutil.copy(first, tmp_path / "long3.tif")
    assert images.read_facts(first).content_hash.startswith("sampled:")
    assert project.add_images([first, other, tmp_path / "long3.tif"]) == [2, 3, 2]


def test_the_default_pixel_size_is_for_images_without_one(tmp_path: Path, new_series: Writer) -> None:
    with Project.create(tmp_path / "p", pixel_size_um=0.5) as project:
        project.add_images([new_series("video.tif")])
        assert project.images().loc[1, "pixel_size_um"] == 0.5
    with pytest.raises(UserError, match="not a pixel size"):
        Project.create(tmp_path / "q", pixel_size_um=-1)
