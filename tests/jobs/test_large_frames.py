"""A frame too large to be read whole is segmented, cut and predicted in a project as one that is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Progress, Stopped
from napari_cellsynth.imaging import large
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.imaging.large import Large
from napari_cellsynth.imaging.mosaic_boxes import boxes_by_tiles
from napari_cellsynth.imaging.omezarr import write_pyramid
from napari_cellsynth.jobs.job import Job
from napari_cellsynth.jobs.run import do, run
from napari_cellsynth.project import Project
from napari_cellsynth.project.checking import check
from napari_cellsynth.project.exporting import export

SETTINGS = {"radius": 3, "opening": 2, "min_area": 60}


def colonies(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(generator.normal(size=(height, width)), 9)
    pixels = (
        100 + generator.normal(0, 1, (height, width)) + (field > field.std()) * generator.normal(0, 30, field.shape)
    )
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    frames = np.stack([colonies(330, 290, seed) for seed in range(2)])
    if getattr(request, "param", "") == "tiff":
        file = tmp_path / "slide.tif"
        tifffile.imwrite(file, frames, tile=(64, 64), metadata={"axes": "TYX"}, photometric="minisblack")
        return file
    write_pyramid(tmp_path / "slide.ome.zarr", frames.shape, "uint8", "tyx", iter([((), frames)]))
    return tmp_path / "slide.ome.zarr"


@pytest.fixture
def whole(image: Path, tmp_path: Path) -> Path:
    """A project whose frames are read whole."""
    return segmented(tmp_path / "whole.cellsynth", image)


@pytest.fixture
def by_parts(image: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose frames are taken for too large, as they are from here on."""
    monkeypatch.setattr(large, "FRAME_BYTES", 60_000)
    return segmented(tmp_path / "parts.cellsynth", image)


def segmented(place: Path, image: Path) -> Path:
    with Project.create(place, classes=["a", "b"]) as project:
        project.add_images([image])
    do(place, "segment", **SETTINGS)
    return place


@pytest.mark.parametrize("image", ["ome-zarr", "tiff"], indirect=True)
def test_the_objects_and_their_masks_are_those_of_the_frame_read_whole(whole: Path, by_parts: Path) -> None:
    with Project.open(by_parts) as project, Project.open(whole, read_only=True) as other:
        assert project.is_large(1) and len(project.objects()) > 10
        pd.testing.assert_frame_equal(project.objects(), other.objects())
        hashes = "SELECT mask_hash FROM objects ORDER BY id"
        assert project._db.read(hashes) == other._db.read(hashes)
        mask = project.mask(1, 1)
        assert isinstance(mask, Large)
        assert mask[3:99, 250:].tolist() == np.asarray(zarr_mask(whole, 1)[3:99, 250:]).tolist()


def zarr_mask(place: Path, frame: int) -> NDArray[np.int32]:
    import zarr

    return np.asarray(zarr.open_array(str(place / "masks.zarr" / "1" / "0"), mode="r")[frame])


@pytest.mark.parametrize("fit", ["window", "whole"])
@pytest.mark.parametrize("surround_px", [0, 7])
def test_crops_are_the_same_to_the_pixel(
    whole: Path, by_parts: Path, fit: str, surround_px: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"size": 40, "fit": fit, "surround_px": surround_px}
    with Project.open(by_parts, read_only=True) as project:
        ids = project.objects().index.tolist()
        crops = project.crops(ids, **asked)
    monkeypatch.setattr(large, "FRAME_BYTES", 1 << 30)
    with Project.open(whole, read_only=True) as other:
        for crop, expected in zip(crops, other.crops(ids, **asked), strict=True):
            np.testing.assert_array_equal(crop, expected)


def test_labels_stay_when_a_large_frame_is_segmented_again(by_parts: Path) -> None:
    with Project.open(by_parts) as project:
        ids = project.objects().index.tolist()
        project.label(ids[:6], 1)
        folders = set((by_parts / "large_masks").iterdir())
    again = do(by_parts, "segment", **SETTINGS)
    assert (again["carried"], again["orphans"]) == (0, [])
    with Project.open(by_parts) as project:
        assert project.objects().index.tolist() == ids
        assert project.objects()["class_id"].tolist()[:6] == [1] * 6
        now = set((by_parts / "large_masks").iterdir())
    assert len(now) == 2 and not now & folders
    other = do(by_parts, "segment", **SETTINGS | {"opening": 3})
    assert other["carried"] + len(other["orphans"]) <= 6
    with Project.open(by_parts) as project:
        assert (project.objects()["class_id"] == 1).sum() >= other["carried"] > 0


def test_a_stopped_segmentation_leaves_the_project_as_it_was(by_parts: Path) -> None:
    with Project.open(by_parts, read_only=True) as project:
        before = project.objects()
    job = Job(kind="segment", project=by_parts, parameters=SETTINGS)
    assert isinstance(list(run(job, iter([False, *[True] * 1000]).__next__))[-1], Stopped)
    events = run(job)
    assert isinstance(next(events), Progress)
    events.close()  # type: ignore[attr-defined]
    with Project.open(by_parts, read_only=True) as project:
        pd.testing.assert_frame_equal(project.objects(), before)
    assert len(list((by_parts / "large_masks").iterdir())) == 2


def test_what_needs_the_frame_at_once_is_refused_in_one_line(by_parts: Path) -> None:
    for setting in ({"split_touching": True}, {"enhance": "clahe"}, {"flat_field_px": 50.0}):
        with pytest.raises(UserError, match=f"too large for {next(iter(setting))}"):
            do(by_parts, "segment", **SETTINGS | setting)
    with Project.open(by_parts, read_only=True) as project:
        ids = project.objects().index.tolist()
        for asked in ({"masked": True}, {"enhance": "he"}):
            with pytest.raises(UserError):
                project.crops(ids, size=32, fit="window", **asked)


def test_a_mask_that_is_gone_is_found_and_let_go_of(by_parts: Path) -> None:
    assert not check(by_parts)
    shutil.rmtree(next(iter((by_parts / "large_masks").glob("1-0-*"))))
    assert [finding for finding in check(by_parts) if "does not fit" in finding.message]
    check(by_parts, mend=True)
    assert not check(by_parts)


@pytest.mark.parametrize("ending", [".ome.zarr", ".geojson", ".json"])
def test_exports_are_those_of_the_frame_read_whole(
    whole: Path, by_parts: Path, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = []
    for number, (place, limit) in enumerate([(by_parts, 60_000), (whole, 1 << 30)]):
        monkeypatch.setattr(large, "FRAME_BYTES", limit)
        out = tmp_path / str(number) / f"out{ending}"
        out.parent.mkdir()
        with Project.open(place, read_only=True) as project:
            export(project, out)
        files = sorted(file for file in out.rglob("*") if file.is_file()) or [out]
        texts = [file.read_bytes().replace(place.name.encode(), b"") for file in files]
        contents.append(([file.relative_to(out) for file in files], texts))
    assert contents[0] == contents[1]


def test_boxes_by_tiles_are_those_of_the_whole_label_image() -> None:
    labels, _ = ndimage.label(colonies(150, 170) > 112)
    labels[labels % 3 == 0] = 0  # numbers that are missing
    labels[100:120, 5:20] = 4  # an object in two parts, in other tiles
    for side in (32, 50, 500):
        pd.testing.assert_frame_equal(boxes_by_tiles(labels, side), boxes_of(labels))


def test_a_picture_that_cannot_be_read_by_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    Image.fromarray(colonies(300, 300)).save(tmp_path / "a.png")
    monkeypatch.setattr(large, "FRAME_BYTES", 60_000)
    with (
        Project.create(tmp_path / "p.cellsynth") as project,
        pytest.raises(UserError, match=r"cannot be read by parts.*tiled TIFF"),
    ):
        project.add_images([tmp_path / "a.png"])
