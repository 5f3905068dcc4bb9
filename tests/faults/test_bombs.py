"""Small files that ask for gigabytes are refused by what their headers say, before anything is unpacked."""

from __future__ import annotations

import struct
import subprocess
import sys
import textwrap
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.source import open_image
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder

MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Fail a test in which Python and NumPy take more than 100 MB at once."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * MEGABYTE, f"{peak / MEGABYTE:.0f} MB"


def png(width: int, height: int, bits: int = 8) -> bytes:
    def piece(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", zlib.compress(b"\0" * 1000)) + piece(b"IEND", b"")
    )


def refused(file: Path) -> str:
    with pytest.raises(UserError) as told:
        source = open_image(file)
        try:
            source.frame(0)
        finally:
            source.close()
    return told.value.message


@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_of_a_thousand_million_pixels(tmp_path: Path, bits: int) -> None:
    (tmp_path / "a.png").write_bytes(png(40_000, 25_000, bits))
    assert "40000 x 25000" in refused(tmp_path / "a.png")


def test_a_tiff_of_a_thousand_million_pixels(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, np.zeros((64, 64), np.uint8), compression="zlib", rowsperstrip=64)
    with tifffile.TiffFile(file, mode="r+") as tiff:
        for name in ("ImageWidth", "ImageLength"):
            tiff.pages[0].tags[name].overwrite(40_000, dtype="I")
    assert "40000 x 40000" in refused(file) or "cannot be read" in refused(file)


def test_a_tiff_whose_tiles_are_far_larger_than_its_image(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, np.zeros((64, 64), np.uint8), tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(file, mode="r+") as tiff:
        for name in ("TileWidth", "TileLength"):
            tiff.pages[0].tags[name].overwrite(60_000)
    assert "cannot be read" in refused(file)


def test_entities_in_ome_metadata_are_not_blown_up(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    text = f"<?xml version='1.0'?><!DOCTYPE OME [{laughs}]><OME><Image><Pixels>&l9;</Pixels></Image></OME>"
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((32, 32), np.uint8), description=text, metadata=None)
    assert "cannot be read" in refused(tmp_path / "a.ome.tif")


def test_a_mask_that_waits_and_unpacks_to_gigabytes(project: Project) -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(300)) + packer.flush()
    project._db.write("UPDATE masks SET waiting = ?", (bomb,))
    with pytest.raises(UserError, match="damaged"):
        project.mask(1, 0)


@pytest.mark.parametrize("array", ["masks.zarr/1/0", "patches.zarr/1x16x16_uint8"])
def test_a_chunk_that_unpacks_to_gigabytes(project: Project, array: str) -> None:
    import imagecodecs

    run = project.new_run("gan", "cellsynth", {}, groups=["video"], seed=0)
    [patch] = project.add_synthetic(run.id, "best", 1, 0, 0, np.zeros((1, 1, 16, 16), np.uint8))
    [chunk] = [file for file in (project.path / array / "c").rglob("0") if file.is_file()] or [None]
    if chunk is None:  # an all-zero chunk has no file
        chunk = project.path / array / "c/0/0/0/0"
        chunk.parent.mkdir(parents=True)
    chunk.write_bytes(imagecodecs.zstd_encode(bytes(120 * MEGABYTE)))
    tracemalloc.reset_peak()
    with pytest.raises(UserError, match="damaged"):
        project.mask(1, 0) if "mask" in array else project.read_synthetic([patch])


@pytest.mark.parametrize("shape", [[10**6, 10**6, 10**6], [3, 10**9, 10**9]])
def test_an_array_that_is_described_as_enormous(project: Project, shape: list[int]) -> None:
    import json

    file = project.path / "masks.zarr" / "1" / "0" / "zarr.json"
    told = json.loads(file.read_text())
    told["shape"] = shape
    told["chunk_grid"]["configuration"]["chunk_shape"] = [1, *shape[1:]]
    file.write_text(json.dumps(told))
    with pytest.raises(UserError, match="damaged"):
        project.mask(1, 0)


@pytest.mark.parametrize("what", ["pipe", "device"])
def test_pipes_and_devices_are_no_images(tmp_path: Path, what: str) -> None:
    import os

    if os.name != "posix":
        pytest.skip("no such files")
    os.mkfifo(tmp_path / "a.tif") if what == "pipe" else (tmp_path / "a.tif").symlink_to("/dev/zero")
    assert "not a file" in refused(tmp_path / "a.tif")


@pytest.mark.slow
def test_a_table_of_a_million_rows_is_imported_within_two_gigabytes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((1024, 1024), np.uint8))
    code = """
        import sys
        from pathlib import Path
        from napari_cellsynth.project import Project
        from napari_cellsynth.project.exchange import import_folder
        folder = Path(sys.argv[1])
        rows = (f"a.tif,{n % 1000},{n // 1000},{n % 1000 + 5},{n // 1000 + 5},Dense\\n" for n in range(1_000_000))
        with (folder / "objects.csv").open("w") as file:
            file.write("image,x0,y0,x1,y1,label\\n")
            file.writelines(rows)
        with Project.create(folder / "p") as project:
            assert import_folder(project, folder).objects == 1_000_000
        status = Path("/proc/self/status").read_text()  # getrusage would count the process that started this one
        print(int(status.split("VmHWM:")[1].split()[0]) * 1024)
    """
    tracemalloc.stop()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], capture_output=True, text=True, check=True
    )
    tracemalloc.start()
    assert int(done.stdout) < 2 << 30


def test_a_cell_of_a_hundred_thousand_letters_is_one_line(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((32, 32), np.uint8))
    (tmp_path / "objects.csv").write_text(f"image,x0,y0,x1,y1,label\na.tif,0,0,5,5,{'x' * 200_000}\n")
    with Project.create(tmp_path / "p") as project, pytest.raises(UserError):
        import_folder(project, tmp_path)
