"""CZI, ND2 and LIF through bioio: what it reads, and what is said where it, or a plugin of it, is not there."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging import large
from napari_cellsynth.imaging.bioio_reader import BioioReader
from napari_cellsynth.imaging.source import open_image
from napari_cellsynth.project import Project

PIXELS = np.random.default_rng(0).integers(0, 4000, (3, 2, 1, 60, 70), dtype=np.uint16)


class Unsupported(Exception):
    pass


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """Something in the place of bioio that knows one file; counts the pixels that are read."""
    told = SimpleNamespace(pixels=PIXELS, scenes=("Image:0",), read=0, file=tmp_path / "cells.czi")
    told.file.write_bytes(b"ZISRAWFILE")

    def block(block_id: tuple[int, ...]) -> np.ndarray:
        told.read += 1
        place = tuple(slice(20 * k, 20 * k + 20) for k in block_id[3:5])
        return told.pixels[block_id[0] : block_id[0] + 1, :, :, *place]

    class BioImage:
        physical_pixel_sizes = SimpleNamespace(Z=None, Y=0.65, X=0.65)

        def __init__(self, path: Path) -> None:
            if Path(path).suffix == ".lif":
                raise Unsupported("no plugin")
            if Path(path).stat().st_size == 0:
                raise ValueError("not a CZI\nat all")
            self.scenes = told.scenes

        @property
        def dask_data(self) -> Any:
            t, *rest = told.pixels.shape
            chunks = (
                (1,) * t,
                *((side,) for side in rest[:2]),
                (20, 20, 20),
                (20, 20, 20, 10),
                *[(n,) for n in rest[4:]],
            )
            return da.map_blocks(block, chunks=chunks, dtype=told.pixels.dtype, meta=np.empty((0,) * (len(rest) + 1)))

    main, base, errors = (ModuleType(name) for name in ("bioio", "bioio_base", "bioio_base.exceptions"))
    main.BioImage, errors.UnsupportedFileFormatError, base.exceptions = BioImage, Unsupported, errors  # type: ignore[attr-defined]
    for module in (main, base, errors):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return told


def test_a_file_is_a_series_of_frames_with_channels_and_a_pixel_size(stand_in: SimpleNamespace, tmp_path: Path) -> None:
    with Project.create(tmp_path / "p.cellsynth") as project:
        project.add_images([stand_in.file])
        about = project.images().loc[1]
        assert (about["name"], about["frames"], about["channels"], about["pixel_size_um"]) == ("cells", 3, 2, 0.65)
        np.testing.assert_array_equal(project.frame(1, 2), PIXELS[2, :, 0])


def test_only_the_pieces_that_a_window_touches_are_read(
    stand_in: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "FRAME_BYTES", 1000)
    source = open_image(stand_in.file)
    assert source.large and stand_in.read == 0
    np.testing.assert_array_equal(source.frame(1)[:, 15:30, 62:69], PIXELS[1, :, 0, 15:30, 62:69])
    assert stand_in.read == 2


def test_a_colour_photograph_has_three_channels(stand_in: SimpleNamespace) -> None:
    stand_in.pixels = np.random.default_rng(1).integers(0, 255, (1, 1, 1, 60, 70, 4), dtype=np.uint8)
    np.testing.assert_array_equal(
        open_image(stand_in.file).frame(0), stand_in.pixels[0, 0, 0, ..., :3].transpose(2, 0, 1)
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scenes": tuple("abcdefg")}, "holds 7 scenes: a, b, c, d, e and 2 more"),
        ({"pixels": np.zeros((1, 1, 5, 60, 70), np.uint8)}, r"volume \(5 planes"),
    ],
)
def test_what_is_no_single_series_is_refused_in_one_line(stand_in: SimpleNamespace, change: dict, said: str) -> None:
    vars(stand_in).update(change)
    with pytest.raises(UserError, match=said):
        open_image(stand_in.file)


def test_a_damaged_file_is_refused_in_one_line(stand_in: SimpleNamespace) -> None:
    stand_in.file.write_bytes(b"")
    with pytest.raises(UserError, match=r"cells.czi cannot be read: not a CZI at all\. It"):
        open_image(stand_in.file)


def test_a_missing_plugin_is_named_with_the_command_that_installs_it(stand_in: SimpleNamespace) -> None:
    file = stand_in.file.rename(stand_in.file.with_suffix(".lif"))
    with pytest.raises(UserError, match=r"needs bioio-lif\. Install it: pip install bioio-lif"):
        open_image(file)


@pytest.mark.parametrize("ending", ["czi", "nd2", "LIF"])
def test_without_bioio_the_command_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setitem(sys.modules, "bioio", None)
    (tmp_path / f"a.{ending}").write_bytes(b"x")
    with pytest.raises(
        UserError, match=rf'needs bioio and bioio-{ending.lower()}.*pip install "napari-cellsynth\[bioio'
    ):
        open_image(tmp_path / f"a.{ending}")


@pytest.mark.filterwarnings("ignore")
def test_bioio_itself_gives_the_pixels_that_tifffile_wrote(tmp_path: Path) -> None:
    pytest.importorskip("bioio_ome_tiff")
    file = tmp_path / "a.ome.tiff"
    metadata = {"axes": "TCYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5}
    tifffile.imwrite(file, PIXELS[:, :, 0], metadata=metadata, photometric="minisblack", tile=(16, 16))
    reader = BioioReader(file)
    assert (reader.frames, reader.channels, reader.height, reader.width) == (3, 2, 60, 70)
    assert reader.pixel_size_um == 0.5
    np.testing.assert_array_equal(reader.read(1), PIXELS[1, :, 0])
    np.testing.assert_array_equal(reader.window(2, slice(5, 20), slice(30, 70)), PIXELS[2, :, 0, 5:20, 30:70])
