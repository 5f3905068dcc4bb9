"""Chunk by chunk the objects are those of all at once, number for number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from scipy import ndimage

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.components import Components
from napari_cellsynth.imaging.mosaic import segment_mosaic, segment_within
from napari_cellsynth.imaging.omezarr import tiles, write_pyramid
from napari_cellsynth.imaging.segment import segment_colonies
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder

SETTINGS = {"radius": 4, "opening": 2, "min_area": 40}


def colonies(height: int, width: int, seed: int = 0, dtype: str = "uint8") -> np.ndarray:
    """Return rough blobs and rings, many of them over chunk borders, some with holes, some at the frame's border."""
    generator = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(generator.normal(size=(height, width)), 12)
    rough = (np.abs(field) > 0.7 * field.std()) ^ (field > 1.6 * field.std())
    pixels = 100 + generator.normal(0, 1, (height, width)) + rough * generator.normal(0, 30, (height, width))
    scale = {"uint8": 1, "uint16": 137, "float32": 0.01}[dtype]
    return (pixels.clip(0, 255) * scale).astype(dtype)


def written(place: Path, frames: np.ndarray, axes: str = "tcyx") -> Path:
    write_pyramid(place, frames.shape, frames.dtype, axes, iter([((), frames)]))
    return place


@pytest.mark.parametrize("chunk", [64, 97, 150, 400])
@pytest.mark.parametrize(("radius", "opening"), [(3, 2), (9, 5), (2, 0)])
def test_every_chunk_gives_the_objects_of_the_whole_frame(
    tmp_path: Path, chunk: int, radius: int, opening: int
) -> None:
    frame = colonies(330, 290)
    settings = {"radius": radius, "opening": opening, "min_area": 60}
    expected = segment_colonies(frame, **settings)
    assert expected.max() > 3
    source = written(tmp_path / "i.zarr", frame[None, None])
    report = segment_mosaic(source, tmp_path / "labels", **settings, chunk_px=chunk)
    assert report is not None
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "labels" / "0")[0], expected)
    assert report.objects == [expected.max()]


@pytest.mark.parametrize("kind", ["uint16", "float32", "color"])
def test_deep_frames_are_stretched_as_a_whole_and_colour_becomes_grey(tmp_path: Path, kind: str) -> None:
    if kind == "color":
        frames = np.stack([[colonies(200, 230, seed) for seed in range(3)]])
    else:
        frames = np.stack([[colonies(200, 230, seed, kind)] for seed in range(2)])
        frames[0, 0, 5, 7] *= 3  # one pixel of one chunk stretches all others
    segment_mosaic(written(tmp_path / "i.zarr", frames), tmp_path / "labels", **SETTINGS, chunk_px=90)
    for t, frame in enumerate(frames):
        expected = segment_colonies(frame, **SETTINGS)
        assert expected.max() > 0
        np.testing.assert_array_equal(zarr.open_array(tmp_path / "labels" / "0")[t], expected)


@pytest.mark.parametrize(
    "options", [{"tile": (64, 64)}, {"rowsperstrip": 16, "compression": "zlib"}, {"bigtiff": True}]
)
def test_a_tiff_in_tiles_or_strips_is_read_by_its_pieces(tmp_path: Path, options: dict) -> None:
    frame = colonies(260, 300, 3)
    tifffile.imwrite(tmp_path / "i.ome.tif", frame, metadata={"axes": "YX"}, **options)
    segment_mosaic(tmp_path / "i.ome.tif", tmp_path / "labels", **SETTINGS, chunk_px=100, version="0.4")
    labels = zarr.open_array(tmp_path / "labels" / "0")[0]
    np.testing.assert_array_equal(labels, segment_colonies(frame, **SETTINGS))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_go_into_the_image_itself_and_a_project_imports_them(tmp_path: Path, version: str) -> None:
    frame = colonies(260, 300, 5)
    write_pyramid(tmp_path / "i.ome.zarr", (1, 1, 260, 300), "uint8", "tcyx", iter([((0, 0), frame)]), version=version)
    segment_within(tmp_path / "i.ome.zarr", **SETTINGS)
    expected = segment_colonies(frame, **SETTINGS)
    with Project.create(tmp_path / "p") as project:
        report = import_folder(project, tmp_path / "i.ome.zarr")
        assert (report.images, report.objects) == (1, expected.max())
        np.testing.assert_array_equal(project.mask(1, 0), expected)
    with pytest.raises(UserError, match="exists already"):
        segment_within(tmp_path / "i.ome.zarr")


def test_a_flat_frame_has_no_object(tmp_path: Path) -> None:
    source = written(tmp_path / "i.zarr", np.full((1, 1, 100, 90), 7, np.uint16))
    report = segment_mosaic(source, tmp_path / "labels", chunk_px=40)
    assert report is not None
    assert report.objects == [0]
    assert not zarr.open_array(tmp_path / "labels" / "0")[:].any()


def test_stopping_and_failing_leave_nothing_and_a_taken_place_stays(tmp_path: Path) -> None:
    source = written(tmp_path / "i.zarr", colonies(200, 200)[None, None])
    calls = iter([False] * 20 + [True] * 99)
    place = tmp_path / "out"
    place.mkdir()
    assert segment_mosaic(source, place / "labels", chunk_px=50, stop=lambda: next(calls)) is None
    assert list(place.iterdir()) == []
    broken = written(tmp_path / "n.zarr", np.full((1, 1, 60, 60), np.nan, np.float32))
    with pytest.raises(UserError, match="not numbers"):
        segment_mosaic(broken, place / "labels")
    assert list(place.iterdir()) == []
    with pytest.raises(UserError, match="exists already"):
        segment_mosaic(source, place)
    with pytest.raises(UserError, match="texture radius"):
        segment_mosaic(source, tmp_path / "x", radius=0)


def test_an_image_that_would_have_to_be_read_whole_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_cellsynth.imaging.windows._LARGEST_PIECE", 1000)
    tifffile.imwrite(tmp_path / "i.tif", colonies(100, 100), compression="zlib", rowsperstrip=100)
    with pytest.raises(UserError, match="pieces of"):
        segment_mosaic(tmp_path / "i.tif", tmp_path / "x")
    (tmp_path / "i.png").write_bytes(b"x")
    with pytest.raises(UserError, match="cannot be read by parts"):
        segment_mosaic(tmp_path / "i.png", tmp_path / "x")


def test_pixels_that_are_no_real_numbers_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    frame = np.ones((64, 64), np.complex64)
    tifffile.imwrite(tmp_path / "i.tif", frame, rowsperstrip=16)
    with pytest.raises(UserError, match=r"i\.tif has pixels of the kind complex64"):
        segment_mosaic(tmp_path / "i.tif", tmp_path / "new" / "labels")
    written(tmp_path / "i.ome.zarr", frame[None, None])
    with pytest.raises(UserError, match="pixels of the kind complex64"):
        segment_within(tmp_path / "i.ome.zarr")
    assert not (tmp_path / "new").exists() and not (tmp_path / "i.ome.zarr" / "labels").exists()


@pytest.mark.parametrize("share", [0.3, 0.55, 0.6, 0.9])
def test_components_of_tiles_are_those_of_scipy(share: float) -> None:
    mask = np.random.default_rng(int(share * 100)).random((83, 71)) < share
    components = Components(71)
    found = np.zeros(mask.shape, np.int64)
    for rows, columns in tiles(83, 71, 16):
        labels, first = components.add(mask[rows, columns], rows, columns)
        found[rows, columns] = np.where(labels > 0, labels + first, 0)
    joined = components.joined()[found]
    expected, count = ndimage.label(mask)
    pairs = np.unique(np.stack([joined.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == count + 1  # one to one, the background with it


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_mosaic_of_36_megapixels_has_the_same_objects(tmp_path: Path) -> None:
    frame = colonies(6000, 6000)
    source = written(tmp_path / "i.zarr", frame[None, None])
    segment_mosaic(source, tmp_path / "labels", chunk_px=1024)
    expected = segment_colonies(frame)
    assert expected.max() > 50
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "labels" / "0")[0], expected)
