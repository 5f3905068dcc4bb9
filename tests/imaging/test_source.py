"""Opening images: what is read, what is not read, and what is refused in one clear sentence."""

from __future__ import annotations

import logging
import pickle
import tracemalloc
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.source import open_image

RNG = np.random.default_rng(0)
FILM = RNG.integers(0, 4000, (5, 64, 48)).astype(np.uint16)


def test_a_grey_tiff_without_axes_is_a_time_lapse(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "film.tif", FILM)
    with_source = open_image(tmp_path / "film.tif")
    assert with_source.name == "film"
    assert with_source.shape == (5, 1, 64, 48)
    assert with_source.dtype == np.uint16
    for t in range(5):
        np.testing.assert_array_equal(with_source.frame(t)[0], FILM[t])


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_frames_are_the_same_however_the_file_stores_them(
    tmp_path: Path, compression: str | None, byteorder: str
) -> None:
    path = tmp_path / "film.tif"
    tifffile.imwrite(path, FILM, compression=compression, byteorder=byteorder, photometric="minisblack", metadata=None)
    source = open_image(path)
    np.testing.assert_array_equal(np.stack([source.frame(t)[0] for t in range(5)]), FILM)
    assert source.frame(0).dtype.isnative


def test_pages_written_one_by_one_are_one_series(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "film.tif") as writer:
        for plane in FILM:
            writer.write(plane)
    source = open_image(tmp_path / "film.tif")
    np.testing.assert_array_equal(source.lazy()[:, 0].compute(), FILM)


@pytest.mark.parametrize("frames", [1, 4])
def test_colour_planes_that_the_file_calls_channels_are_all_read(tmp_path: Path, frames: int) -> None:
    film = np.random.default_rng(0).integers(0, 255, (frames, 3, 20, 30), np.uint8)
    stored, axes = (film[0], "CYX") if frames == 1 else (film, "TCYX")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig="separate", metadata={"axes": axes})
    source = open_image(tmp_path / "a.tif")
    assert source.shape == film.shape
    for number, frame in enumerate(film):
        np.testing.assert_array_equal(source.frame(number), frame)


@pytest.mark.parametrize("axes", ["TCYX", "CTYX"])
def test_ome_axes_are_brought_into_order(tmp_path: Path, axes: str) -> None:
    film = RNG.integers(0, 255, (5, 2, 32, 40)).astype(np.uint8)
    stored = film if axes == "TCYX" else film.swapaxes(0, 1)
    meta = {"axes": axes, "PhysicalSizeX": 650, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", stored, metadata=meta)
    source = open_image(tmp_path / "a.ome.tif")
    assert source.name == "a"
    assert source.pixel_size_um == pytest.approx(0.65)
    np.testing.assert_array_equal(source.lazy().compute(), film)


def test_imagej_hyperstacks_and_their_pixel_size_are_read(tmp_path: Path) -> None:
    film = RNG.integers(0, 255, (3, 2, 32, 40)).astype(np.uint8)
    meta = {"axes": "TCYX", "unit": "um"}
    tifffile.imwrite(tmp_path / "ij.tif", film, imagej=True, resolution=(2, 2), metadata=meta)
    source = open_image(tmp_path / "ij.tif")
    np.testing.assert_array_equal(source.lazy().compute(), film)
    assert source.pixel_size_um == pytest.approx(0.5)


def test_a_screen_resolution_is_no_pixel_size(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", FILM[0], resolution=(72, 72), resolutionunit="INCH")
    assert open_image(tmp_path / "a.tif").pixel_size_um is None


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colour_becomes_three_channels_and_alpha_is_dropped(tmp_path: Path, planar: str) -> None:
    rgba = RNG.integers(0, 255, (4, 32, 40)).astype(np.uint8)
    stored = rgba if planar == "separate" else np.moveaxis(rgba, 0, -1)
    tifffile.imwrite(tmp_path / "c.tif", stored, photometric="rgb", planarconfig=planar, extrasamples=["unassalpha"])
    source = open_image(tmp_path / "c.tif")
    assert source.shape == (1, 3, 32, 40)
    np.testing.assert_array_equal(source.frame(0), rgba[:3])


def test_channels_of_a_crop_stay_channels(tmp_path: Path) -> None:
    crop = RNG.integers(0, 4000, (3, 40, 40)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "crop.tif", crop, photometric="minisblack", metadata={"axes": "CYX"})
    np.testing.assert_array_equal(open_image(tmp_path / "crop.tif").frame(0), crop)


@pytest.mark.parametrize(
    ("stored", "read"),
    [("bool", "uint8"), ("float64", "float32"), ("float16", "float32"), ("int16", "float32"), ("uint32", "float32")],
)
def test_other_pixel_types_are_converted_without_losing_values(tmp_path: Path, stored: str, read: str) -> None:
    plane = (RNG.random((32, 40)) * 2).astype(stored)
    tifffile.imwrite(tmp_path / "a.tif", plane)
    source = open_image(tmp_path / "a.tif")
    assert source.dtype == source.frame(0).dtype == read
    factor = 255 if stored == "bool" else 1
    np.testing.assert_allclose(source.frame(0)[0], plane.astype(float) * factor, rtol=1e-6)


@pytest.mark.parametrize(
    ("mode", "shape"), [("L", (32, 40)), ("LA", (32, 40, 2)), ("RGB", (32, 40, 3)), ("RGBA", (32, 40, 4))]
)
def test_pngs_lose_their_alpha_only(tmp_path: Path, mode: str, shape: tuple[int, ...]) -> None:
    pixels = RNG.integers(0, 255, shape).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    source = open_image(tmp_path / "a.png")
    wanted = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)[: 1 if mode == "LA" else 3]
    np.testing.assert_array_equal(source.frame(0), wanted)


@pytest.mark.parametrize("shape", [(32, 40), (32, 40, 3)])
def test_sixteen_bit_pngs_keep_all_their_bits(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = RNG.integers(0, 65535, shape).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels))
    frame = open_image(tmp_path / "a.png").frame(0)
    np.testing.assert_array_equal(np.moveaxis(frame, 0, -1).reshape(shape), pixels)


def test_a_folder_is_one_series_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "well B3"
    folder.mkdir()
    for t in (10, 2, 1):
        tifffile.imwrite(folder / f"t{t}.tif", np.full((20, 20), t, np.uint8))
    (folder / "notes.txt").write_text("not an image")
    (folder / ".t3.tif").write_text("left behind by a copy")
    source = open_image(folder)
    assert source.name == "well B3"
    assert [int(source.frame(t)[0, 0, 0]) for t in range(3)] == [1, 2, 10]
    assert source.lazy().chunks[0] == (1, 1, 1)


def test_a_glob_picks_one_position_out_of_a_folder(tmp_path: Path) -> None:
    for position in "AB":
        for t in range(3):
            tifffile.imwrite(tmp_path / f"pos{position}_t{t}.tif", np.full((20, 20), ord(position) + t, np.uint8))
    source = open_image(tmp_path / "posB_*.tif")
    assert source.name == "posB"
    assert [int(source.frame(t)[0, 0, 0]) for t in range(3)] == [66, 67, 68]


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_only_the_frame_asked_for_is_read(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "long.tif"
    film = np.zeros((150, 512, 512), np.uint16)
    film[-1] = 7
    tifffile.imwrite(path, film, compression=compression, photometric="minisblack")
    del film
    tracemalloc.start()
    try:
        source = open_image(path)
        opened = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert source.frame(149).min() == 7
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    frame = 512 * 512 * 2
    assert opened < 4 * frame
    assert read < opened + 4 * frame  # the series has 150


def test_the_hash_follows_the_bytes_and_not_the_place(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", FILM)
    (tmp_path / "b.tif").write_bytes((tmp_path / "a.tif").read_bytes())
    assert open_image(tmp_path / "a.tif").content_hash() == open_image(tmp_path / "b.tif").content_hash()
    tifffile.imwrite(tmp_path / "b.tif", FILM + 1)
    assert open_image(tmp_path / "a.tif").content_hash() != open_image(tmp_path / "b.tif").content_hash()


def test_a_source_survives_pickling_and_closing(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", FILM)
    source = open_image(tmp_path / "a.tif")
    source.close()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).frame(1), source.frame(1))


def refused(path: Path, caplog: pytest.LogCaptureFixture) -> str:
    """Return the one line that a refused image gives; opening and reading may not warn or log."""
    with caplog.at_level(logging.WARNING), pytest.raises(UserError) as caught:
        source = open_image(path)
        for t in range(source.shape[0]):
            source.frame(t)
    assert not caplog.records
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.3, 0.7, 0.97])
@pytest.mark.parametrize("kind", ["plain", "zlib", "imagej", "ome", "paged"])
def test_a_cut_off_tiff_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, share: float) -> None:
    path = tmp_path / "film.tif"
    if kind == "paged":
        pages = [Image.fromarray(plane.astype(np.uint8)) for plane in FILM]
        pages[0].save(path, save_all=True, append_images=pages[1:])
    elif kind == "ome":
        tifffile.imwrite(path, FILM, ome=True, metadata={"axes": "TYX"})
    else:
        tifffile.imwrite(path, FILM, compression="zlib" if kind == "zlib" else None, imagej=kind == "imagej")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "film.tif" in refused(path, caplog)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_missing_pixels_are_noticed_when_the_file_is_opened(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "film.tif"
    tifffile.imwrite(path, FILM[0], compression=compression)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UserError, match="ends 300 bytes too early"):
        open_image(path)


def test_damaged_pixels_are_told_with_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "film.tif"
    tifffile.imwrite(path, FILM[0], compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[0].dataoffsets[0]
    damaged = bytearray(path.read_bytes())
    damaged[start : start + 200] = b"\x07" * 200
    path.write_bytes(bytes(damaged))
    assert "film.tif" in refused(path, caplog)


@pytest.mark.parametrize("ending", [".tif", ".png", ".jpg"])
def test_a_text_file_under_an_image_s_name_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    path = tmp_path / f"notes{ending}"
    path.write_text("frame 1: nothing to see\n" * 20)
    assert "cannot be read" in refused(path, caplog)


def test_a_cut_off_png_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(RNG.integers(0, 255, (64, 64)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    assert "a.png" in refused(path, caplog)


@pytest.mark.parametrize("kind", ["imagej", "ome", "volumetric"])
def test_a_volume_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    path = tmp_path / "stack.tif"
    if kind == "volumetric":
        tifffile.imwrite(path, FILM, volumetric=True)
    else:
        tifffile.imwrite(path, FILM, **{kind: True}, metadata={"axes": "ZYX"})
    assert "volume" in refused(path, caplog)


def test_a_single_pixel_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tifffile.imwrite(tmp_path / "dot.tif", np.zeros((1, 1), np.uint8))
    assert "1 x 1" in refused(tmp_path / "dot.tif", caplog)


def test_an_empty_folder_a_missing_file_and_another_kind_of_file_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "film.czi").write_bytes(b"ZISRAWFILE")
    assert "no image" in refused(tmp_path / "empty", caplog)
    assert "does not exist" in refused(tmp_path / "gone.tif", caplog)
    assert "No image matches" in refused(tmp_path / "*.png", caplog)
    assert "film.czi" in refused(tmp_path / "film.czi", caplog)


def test_frames_of_different_shapes_are_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as writer:
        writer.write(np.zeros((20, 30), np.uint8))
        writer.write(np.zeros((21, 30), np.uint8))
    assert "different shapes" in refused(tmp_path / "mixed.tif", caplog)
    folder = tmp_path / "frames"
    folder.mkdir()
    tifffile.imwrite(folder / "t1.tif", np.zeros((20, 30), np.uint8))
    tifffile.imwrite(folder / "t2.tif", np.zeros((20, 31), np.uint8))
    assert "t2.tif differs from t1.tif" in refused(folder, caplog)
    tifffile.imwrite(folder / "t2.tif", np.zeros((2, 20, 30), np.uint8), photometric="minisblack")
    assert "holds 2 frames" in refused(folder, caplog)


def test_a_frame_that_vanished_is_told(tmp_path: Path) -> None:
    for t in range(2):
        tifffile.imwrite(tmp_path / f"t{t}.tif", np.zeros((20, 30), np.uint8))
    source = open_image(tmp_path)
    (tmp_path / "t1.tif").unlink()
    with pytest.raises(UserError, match="does not exist"):
        source.frame(1)
    with pytest.raises(IndexError, match="frames 0 to 1"):
        source.frame(2)
