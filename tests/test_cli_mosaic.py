"""``segment-mosaic``: the command line finds what the whole frame would give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from typer.testing import CliRunner

import napari_cellsynth as cs
from napari_cellsynth.cli import app
from napari_cellsynth.imaging.omezarr import write_pyramid

SETTINGS = {"radius_px": 4, "opening_px": 2, "min_area_px": 40}
WORDS = [word for name, value in SETTINGS.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture
def frame() -> np.ndarray:
    """Two rough squares on smooth ground."""
    pixels = np.full((150, 200), 100, np.uint8)
    for top, left in ((20, 30), (80, 120)):
        pixels[top : top + 40, left : left + 50] += np.random.default_rng(0).integers(0, 99, (40, 50), np.uint8)
    return pixels


def test_a_tiled_tiff_gives_the_objects_of_the_whole_frame_in_a_place_that_is_named(
    tmp_path: Path, frame: np.ndarray
) -> None:
    tifffile.imwrite(tmp_path / "plate.tif", frame, tile=(64, 64))
    words = ["segment-mosaic", str(tmp_path / "plate.tif"), str(tmp_path / "objects.zarr"), *WORDS]
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    expected = cs.segment_colonies(frame, **SETTINGS)
    assert json.loads(done.stdout)["objects"] == int(expected.max()) == 2
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "objects.zarr" / "0")[0], expected)
    assert "exists already" in str(CliRunner().invoke(app, words).exception)


def test_without_a_place_the_labels_go_into_the_ome_zarr(tmp_path: Path, frame: np.ndarray) -> None:
    image = tmp_path / "plate.ome.zarr"
    write_pyramid(image, (1, 1, 150, 200), "uint8", "tcyx", iter([((0, 0), frame)]))
    CliRunner().invoke(app, ["segment-mosaic", str(image), *WORDS], catch_exceptions=False)
    made = zarr.open_array(image / "labels" / "objects" / "0")[0]
    np.testing.assert_array_equal(made, cs.segment_colonies(frame, **SETTINGS))
