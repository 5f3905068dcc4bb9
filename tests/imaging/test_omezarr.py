from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.omezarr import OmeZarrReader, tiles, write_pyramid
from napari_cellsynth.imaging.source import open_image
from napari_cellsynth.project import Project

SHAPE = (2, 3, 700, 1301)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 65535, SHAPE, dtype=np.uint16)


def write(place: Path, pixels: np.ndarray, **options: object) -> Path:
    places = [(t, c, *tile) for t in range(2) for c in range(3) for tile in tiles(700, 1301, 512)]
    blocks = ((index, pixels[index]) for index in places)
    write_pyramid(place, pixels.shape, pixels.dtype, "tcyx", blocks, **options)
    return place


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_image_comes_back_as_frames_and_windows_with_its_pixel_size(
    tmp_path: Path, pixels: np.ndarray, version: str
) -> None:
    place = write(tmp_path / "big.ome.zarr", pixels, version=version, pixel_size_um=0.65)
    source = open_image(place)
    assert (source.name, source.shape, str(source.dtype), source.pixel_size_um) == ("big", SHAPE, "uint16", 0.65)
    np.testing.assert_array_equal(source.frame(1), pixels[1])
    reader = OmeZarrReader(place)
    np.testing.assert_array_equal(reader.window(1, slice(600, 700), slice(1000, 1301)), pixels[1, :, 600:, 1000:])
    np.testing.assert_array_equal(source.lazy()[0, 2, 5:9].compute(), pixels[0, 2, 5:9])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_levels_are_means_of_four_pixels_and_of_labels_the_first(
    tmp_path: Path, pixels: np.ndarray, version: str
) -> None:
    import zarr

    place = write(tmp_path / "big.zarr", pixels, version=version)
    group = zarr.open_group(str(place), mode="r")
    assert sorted(group.array_keys()) == ["0", "1", "2", "3"]
    assert group["1"].shape == (2, 3, 350, 650)
    means = pixels[..., :1300].astype(float).reshape(2, 3, 350, 2, 650, 2).mean(axis=(3, 5))
    np.testing.assert_array_equal(group["1"][:], np.rint(means).astype(np.uint16))
    labels = pixels[:, 0].astype(np.int32)
    write_pyramid(tmp_path / "l.zarr", labels.shape, "int32", "tyx", iter([((), labels)]), version=version, labels={})
    np.testing.assert_array_equal(zarr.open_group(str(tmp_path / "l.zarr"))["1"][:], labels[:, :700:2, :1300:2])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.filterwarnings("ignore")
def test_what_is_written_opens_in_ngio(tmp_path: Path, pixels: np.ndarray, version: str) -> None:
    ngio = pytest.importorskip("ngio")
    container = ngio.open_ome_zarr_container(write(tmp_path / "i.zarr", pixels, version=version, pixel_size_um=0.5))
    image = container.get_image(path="0")
    np.testing.assert_array_equal(image.get_as_numpy(), pixels)
    assert (image.pixel_size.x, container.levels) == (0.5, 4)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.filterwarnings("ignore")
def test_what_ngio_writes_opens_here(tmp_path: Path, version: str) -> None:
    ngio = pytest.importorskip("ngio")
    pixels = np.random.default_rng(0).integers(0, 255, (2, 100, 80), dtype=np.uint8)
    ngio.create_ome_zarr_from_array(
        tmp_path / "n.zarr", pixels, pixelsize=0.3, axes_names=["c", "y", "x"], ngff_version=version
    )
    source = open_image(tmp_path / "n.zarr")
    assert (source.shape, source.pixel_size_um) == ((1, 2, 100, 80), 0.3)
    np.testing.assert_array_equal(source.frame(0), pixels)


def test_a_project_links_it_by_its_pixels_and_not_by_labels_beside_them(tmp_path: Path, pixels: np.ndarray) -> None:
    place = write(tmp_path / "i.zarr", pixels)
    with Project.create(tmp_path / "p") as project:
        [image] = project.add_images([place])
        write(place / "labels" / "objects", pixels)
        assert project.add_images([place]) == [image]
        np.testing.assert_array_equal(project.frame(image, 1), pixels[1])
        next(file for file in (place / "0").rglob("[0-9]") if file.is_file()).unlink()
        project._close_sources()
        with pytest.raises(UserError, match="has changed since"):
            project.frame(image, 0)


def spoilt(place: Path, **changes: object) -> None:
    file = place / "zarr.json"
    about = json.loads(file.read_text())
    about["attributes"]["ome"]["multiscales"][0] |= changes
    file.write_text(json.dumps(about))


WRONG = {
    "axes": ({"axes": [{"name": name} for name in "abyx"]}, "has the axes"),
    "volume": ({"axes": [{"name": name} for name in "tzyx"]}, "is a volume"),
    "outside": ({"datasets": [{"path": "../../other"}]}, "not that of an image"),
    "gone": ({"datasets": [{"path": "7"}]}, "not that of an image"),
    "nothing": ({"datasets": []}, "not that of an image"),
    "words": ({"axes": "tcyx", "datasets": "0"}, "not that of an image"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_description_that_is_wrong_is_one_line(tmp_path: Path, pixels: np.ndarray, kind: str) -> None:
    place = write(tmp_path / "i.zarr", pixels)
    spoilt(place, **WRONG[kind][0])
    with pytest.raises(UserError, match=WRONG[kind][1]):
        open_image(place)


def test_a_plate_and_damaged_metadata_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "p.zarr").mkdir()
    (tmp_path / "p.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    (tmp_path / "p.zarr" / ".zattrs").write_text('{"plate": {}}')
    with pytest.raises(UserError, match="a plate of many images"):
        open_image(tmp_path / "p.zarr")
    (tmp_path / "p.zarr" / ".zattrs").write_text("{")
    with pytest.raises(UserError, match="metadata cannot be read"):
        open_image(tmp_path / "p.zarr")
