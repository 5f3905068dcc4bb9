"""A plate is its fields, grouped by well; a folder of videos is its videos."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from typer.testing import CliRunner

from napari_cellsynth.cli import app
from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.omezarr import write_pyramid
from napari_cellsynth.imaging.series import series_in
from napari_cellsynth.project import Project

WELLS = ["A/1", "A/2", "B/1"]


def frames(seed: int, count: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (count, 40, 50), dtype=np.uint8)


def plate(place: Path, version: str = "0.5") -> Path:
    """Write a plate of three wells with two fields each, as the specification has it."""

    def described(folder: str, about: dict) -> None:
        group = zarr.open_group(str(place / folder), mode="a", zarr_format=2 if version == "0.4" else 3)
        group.attrs.update(about if version == "0.4" else {"ome": {"version": "0.5", **about}})

    wells = [{"path": well, "rowIndex": "AB".index(well[0]), "columnIndex": int(well[2]) - 1} for well in WELLS]
    rows, columns = [{"name": "A"}, {"name": "B"}], [{"name": "1"}, {"name": "2"}]
    described("", {"plate": {"name": "test", "rows": rows, "columns": columns, "wells": wells, "version": version}})
    for number, well in enumerate(WELLS):
        described(well, {"well": {"images": [{"path": "0"}, {"path": "1"}], "version": version}})
        for field in range(2):
            pixels = frames(10 * number + field)
            write_pyramid(
                place / well / str(field), pixels.shape, "uint8", "tyx", iter([((), pixels)]), version=version
            )
    return place


def video(folder: Path, seed: int, count: int = 3) -> Path:
    folder.mkdir(parents=True)
    for t, frame in enumerate(frames(seed, count)):
        tifffile.imwrite(folder / f"t{t}.tif", frame)
    return folder


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_fields_of_a_plate_are_grouped_by_their_wells(tmp_path: Path, version: str) -> None:
    place = plate(tmp_path / "screen.ome.zarr", version)
    with Project.create(tmp_path / "p.cellsynth") as project:
        ids = project.add_images([place])
        images = project.images()
        assert images["group"].tolist() == [f"screen/{well}" for well in WELLS for _ in range(2)]
        assert ids == images.index.tolist() and images["name"].is_unique
        np.testing.assert_array_equal(project.frame(4, 0)[0], frames(11)[0])
    assert series_in(place).notices == [f"{place} is a plate: 6 fields of 3 wells; the well is the group."]
    assert [one.group for one in series_in(place / "B" / "1").series] == ["screen/B/1"] * 2
    assert len(series_in(place / "B" / "1" / "0").series) == 1


def test_a_folder_of_folders_is_a_video_each(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    for number, name in enumerate(["day1/left", "day1/right", "day2/left"]):
        video(videos / name, number, count=2 + number)
    (videos / "notes").mkdir()
    (videos / "notes" / "readme.txt").write_text("nothing to see")
    with Project.create(tmp_path / "p.cellsynth") as project:
        project.add_images([videos])
        images = project.images()
        assert images["frames"].tolist() == [2, 3, 4]
        assert images["group"].tolist() == images["name"].tolist() == ["left", "right", "day2/left"]
    assert series_in(videos).notices == [
        f"{videos} holds 3 series: day1/left, day1/right, day2/left; each a group of its own.",
        f"1 folder of {videos} without images left out: notes.",
    ]


def test_files_of_several_frames_side_by_side_are_videos_and_single_frames_a_time_lapse(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / "a").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "a" / f"{number}.tif", frames(number, 4), photometric="minisblack")
    assert len(series_in(tmp_path / "a").series) == 2
    one = video(tmp_path / "b", 3)
    assert series_in(one) == ([(str(one), "")], [])


def test_groups_asked_for_go_before_those_found(tmp_path: Path) -> None:
    place = plate(tmp_path / "screen.zarr")
    with Project.create(tmp_path / "p.cellsynth") as project:
        project.add_images([place], group_by=r"zarr/([AB])/")
        assert set(project.images()["group"]) == {"A", "B"}
    with Project.create(tmp_path / "q.cellsynth") as project:
        project.add_images([place], groups=["donor 1"])
        assert set(project.images()["group"]) == {"donor 1"}


def test_the_command_line_says_what_it_took(tmp_path: Path) -> None:
    place = plate(tmp_path / "screen.zarr")
    told = CliRunner().invoke(app, ["init", str(tmp_path / "p"), str(place), "--json"])
    assert told.exit_code == 0
    assert "6 fields of 3 wells" in told.stderr and json.loads(told.stdout)["images"] == 6


@pytest.mark.parametrize("wells", [[{"path": "../elsewhere"}], [{}], "A/1", [], [{"path": "C/7"}]])
def test_a_damaged_plate_is_refused_in_one_line(tmp_path: Path, wells: object) -> None:
    group = zarr.open_group(str(tmp_path / "p.zarr"), mode="a", zarr_format=3)
    group.attrs["ome"] = {"version": "0.5", "plate": {"wells": wells}}
    with pytest.raises(UserError):
        series_in(tmp_path / "p.zarr")


def test_a_folder_without_images_is_refused_as_before(tmp_path: Path) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    with (
        Project.create(tmp_path / "p.cellsynth") as project,
        pytest.raises(UserError, match="holds no image"),
    ):
        project.add_images([tmp_path / "empty"])
