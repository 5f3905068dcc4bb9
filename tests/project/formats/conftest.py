"""A project that is hard to write down: odd names, masks with holes, parts and borders, three 16-bit channels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import BAD_SEGMENTATION, UNSURE, Project

NAMES = ['=cmd("x")', 'a, "b" & c', "größe/Zelle 細胞"]


def hard_mask() -> np.ndarray:
    mask = np.zeros((90, 110), np.int32)
    mask[0:30, 0:40] = 1  # touches two borders
    mask[5:20, 8:30] = 0  # has a hole
    mask[8:12, 12:18] = 2  # and another object in it
    mask[40:60, 10:20] = mask[65:80, 30:50] = 3  # two parts
    mask[np.arange(40, 60), np.arange(60, 80)] = 4  # pixels that touch by corners alone
    mask[0:90, 100:110] = 5  # a whole side of the frame
    return mask


def fill(project: Project, folder: Path) -> None:
    """Add a film of three frames with masks in two and boxes in one, label it, and hold it out."""
    generator = np.random.default_rng(0)
    film = generator.integers(0, 65535, (3, 3, 90, 110), dtype=np.uint16)
    tifffile.imwrite(folder / "film; 1.tif", film, metadata={"axes": "TCYX"}, photometric="minisblack")
    still = generator.integers(0, 65535, (1, 3, 60, 50), dtype=np.uint16)
    tifffile.imwrite(folder / "still.tif", still, metadata={"axes": "TCYX"}, photometric="minisblack")
    first, second = project.add_images([folder / "film; 1.tif", folder / "still.tif"], groups=["=well 1", "w,2"])
    for frame in (0, 2):
        mask = np.roll(hard_mask(), frame, axis=1) if frame else hard_mask()
        project.set_objects(first, frame, boxes_of(mask), mask)
    boxes = pd.DataFrame({"y0": [3, 0], "x0": [2, 40], "y1": [30, 60], "x1": [28, 50]})
    project.add_boxes(second, 0, boxes)
    project.set_split({"=well 1": "test", "w,2": "train"})


@pytest.fixture
def hard(tmp_path: Path) -> Iterator[Project]:
    place = tmp_path / "data"
    place.mkdir()
    with Project.create(tmp_path / "hard.cellsynth", classes=NAMES) as project:
        fill(project, place)
        objects = project.objects().index.tolist()
        project.label(objects[0:2], 1, user="anna")
        project.label(objects[2:4], 2, user="bernd")
        project.label([objects[5], objects[-1]], 3, source="bulk", user="anna")
        project.label([objects[6]], UNSURE, user="anna")
        project.label([objects[7]], BAD_SEGMENTATION)
        yield project


@pytest.fixture
def several(tmp_path: Path) -> Iterator[Project]:
    place = tmp_path / "data"
    place.mkdir()
    with Project.create(tmp_path / "several.cellsynth", classes=NAMES, multi_label=True) as project:
        fill(project, place)
        objects = project.objects().index.tolist()
        project.label(objects[0:2], [1, 3])
        project.label([objects[2]], 2)
        project.label([objects[3]], [1, 2, 3])
        yield project


def content(project: Project, *, masks: bool = True) -> list[tuple[object, ...]]:
    """Return all that an exchange is about, in an order of its own."""
    objects, images = project.objects(), project.images()
    found = []
    for number, row in objects.iterrows():
        mask = project.mask(row.image_id, row.frame) if masks and row.mask_label else None
        pixels = b"" if mask is None else (mask == row.mask_label).tobytes()
        names = sorted(project.label_words(row.label).split("|"))
        group, box = (row.group, row.split), (row.frame, row.y0, row.x0, row.y1, row.x1)
        name = Path(images.loc[row.image_id, "path"]).name
        found.append((name, *box, *names, *group, project.labelled_by().get(number, ""), pixels))
    return sorted(found)
