"""A small project: one series of three frames, two classes, four objects with masks in the first frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project

HEIGHT, WIDTH = 100, 120


def write_series(file: Path, frames: int = 3, seed: int = 0, channels: int = 1) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (frames, HEIGHT, WIDTH), dtype=np.uint8)
    if channels == 3:
        tifffile.imwrite(file, np.repeat(pixels[0][..., None], 3, axis=2), photometric="rgb")
    else:
        tifffile.imwrite(file, pixels, photometric="minisblack", metadata={"axes": "TYX"})
    return file


def four_objects() -> NDArray[np.int32]:
    mask = np.zeros((HEIGHT, WIDTH), np.int32)
    for number, (y, x) in enumerate([(5, 5), (5, 60), (50, 5), (50, 60)], start=1):
        mask[y : y + 30, x : x + 40] = number
    return mask


@pytest.fixture
def new_series(tmp_path: Path) -> Callable[..., Path]:
    """Writes another series: ``new_series("name.tif", seed=1)``."""

    def write(name: str, **options: int) -> Path:
        return write_series(tmp_path / name, **options)

    return write


@pytest.fixture
def mask() -> NDArray[np.int32]:
    return four_objects()


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write_series(tmp_path / "video.tif")


@pytest.fixture
def project(tmp_path: Path, series: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "p.cellsynth", classes=["Dense", "Spread"]) as made:
        [image] = made.add_images([series])
        made.set_objects(image, 0, boxes_of(four_objects()), four_objects())
        yield made
