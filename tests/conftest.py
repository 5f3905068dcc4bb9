"""What several folders of tests share: where real microscopy lies, and a small labelled project of crops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_cellsynth.project import Project

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real microscopy; the test is skipped where there is none."""
    folder = Path(os.environ.get("CELLSYNTH_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real microscopy in {folder} (set CELLSYNTH_DATA)")
    return folder


def write_crops(folder: Path, groups: int = 4, per_class: int = 5, size: int = 40) -> Path:
    """Write a data set of bright-blob and stripe crops, ``groups`` groups, with its objects.csv."""
    generator = np.random.default_rng(0)
    yy, xx = np.mgrid[:size, :size]
    rows = ["image,x0,y0,x1,y1,label,split,group"]
    (folder / "images").mkdir(parents=True)
    for group in range(groups):
        for number in range(per_class):
            for label in ("blob", "stripes"):
                cy, cx = generator.uniform(0.35, 0.65, 2) * size
                blob = 180 * np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 60)
                stripes = 90 * (1 + np.sin(xx * 0.9 + generator.uniform(0, 6)))
                pixels = (blob if label == "blob" else stripes) + generator.normal(30, 8, (size, size))
                name = f"images/{label}_{group}_{number}.tif"
                tifffile.imwrite(folder / name, pixels.clip(0, 255).astype(np.uint8))
                rows.append(f"{name},0,0,{size},{size},{label},{'test' if group == 0 else 'train'},g{group}")
    (folder / "objects.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_multi_label_crops(folder: Path, groups: int = 5, per_group: int = 14, size: int = 40) -> Path:
    """Write crops with a blob, stripes, a dark edge, or several of them, as ``blob|stripes`` in their objects.csv."""
    generator = np.random.default_rng(1)
    yy, xx = np.mgrid[:size, :size]
    rows = ["image,x0,y0,x1,y1,label,split,group"]
    (folder / "images").mkdir(parents=True)
    for group in range(groups):
        for number in range(per_group):
            has = generator.integers(1, 8)
            cy, cx = generator.uniform(0.35, 0.65, 2) * size
            pixels = 90 + generator.normal(0, 8, (size, size))
            pixels += (has & 1 > 0) * 110 * np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 40)
            pixels += (has & 2 > 0) * 35 * np.sin(xx * 1.2 + generator.uniform(0, 6))
            pixels -= (has & 4 > 0) * 60 * (yy < 8)
            name = f"images/{group}_{number}.tif"
            tifffile.imwrite(folder / name, pixels.clip(0, 255).astype(np.uint8))
            label = "|".join(word for bit, word in ((1, "blob"), (2, "stripes"), (4, "edge")) if has & bit)
            rows.append(f"{name},0,0,{size},{size},{label},{'test' if group == 0 else 'train'},g{group}")
    (folder / "objects.csv").write_text("\n".join(rows) + "\n")
    return folder


def dark_and_bright(folder: Path, per_movie: int = 8, *, noise: int = 80, brighter: int = 120) -> Path:
    """Return a project of noisy 32×32 crops of four movies, every other one of them brighter."""
    from napari_cellsynth.project.exchange import import_objects_csv

    crops = folder / "crops"
    crops.mkdir()
    generator = np.random.default_rng(0)
    rows = ["image,x0,y0,x1,y1,label,split,group"]
    for number in range(4 * per_movie):
        pixels = generator.integers(0, noise, (32, 32)) + brighter * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(crops / f"{number}.png")
        rows.append(f"{number}.png,0,0,32,32,{('dark', 'bright')[number % 2]},train,movie {number // per_movie}")
    (crops / "objects.csv").write_text("\n".join(rows) + "\n")
    with Project.create(folder / "tiny.cellsynth") as made:
        import_objects_csv(made, crops)
        return made.path


@pytest.fixture
def multi_label_folder(tmp_path: Path) -> Path:
    """An importable folder: 70 crops of 40×40 px with one to three classes each, five groups, one of them held out."""
    return write_multi_label_crops(tmp_path / "several")


@pytest.fixture
def crops_folder(tmp_path: Path) -> Path:
    """An importable folder: 40 crops of 40×40 px, two classes, four groups, one of them held out."""
    return write_crops(tmp_path / "crops")


@pytest.fixture
def crops_project(tmp_path: Path, crops_folder: Path) -> Iterator[Project]:
    """The crops folder as an open project."""
    from napari_cellsynth.project.exchange import import_folder

    with Project.create(tmp_path / "crops.cellsynth") as project:
        import_folder(project, crops_folder)
        yield project
