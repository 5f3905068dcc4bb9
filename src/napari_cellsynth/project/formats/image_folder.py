"""Labelled crops in one folder a class (torchvision's ``ImageFolder``), with an ``objects.csv`` that says the rest."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import Box
from napari_cellsynth.project.export import objects_table, safe_cell
from napari_cellsynth.project.formats.place import folder_beside
from napari_cellsynth.project.project import Project

_LEAST_SIDE = 8
_UNSAFE = set('\\/:*?"<>|%') | {chr(code) for code in range(32)}
_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}
_COLUMNS = ["image", "x0", "y0", "x1", "y1", "label", "split", "group", "user"]


def write_image_folder(project: Project, out_path: str | Path) -> Path:
    """Write every object that has a class as an image of its box: ``CLASS/NUMBER.png``, raw intensities.

    Where groups are held out, the classes' folders lie in ``train`` and ``test``. Boxes of less than 8 px a side are
    grown to that. Images are PNG where that can hold them (8 bits, one or three channels, or 16 bits, one channel),
    else TIFF (C, Y, X).

    Raises
    ------
    UserError
        When no object has a class, an image is gone, or the folder is there or cannot be written.
    """
    with folder_beside(out_path) as (beside, out):
        table = objects_table(project, out)
        objects = project.objects()
        chosen = objects[objects["label"] > 0]
        if chosen.empty:
            raise UserError(f"No object of {project.path.name} has a class.", "Label some first.")
        names = class_folders(table.loc[chosen.index, "label"])
        halves = (objects["split"] == "test").any()
        rows: list[list[object]] = [list(_COLUMNS)]
        for (image_id, frame), of_frame in chosen.groupby(["image_id", "frame"]):
            pixels = project.frame(image_id, frame)
            for number, row in of_frame.iterrows():
                about = table.loc[number]
                half = ("test" if row.split == "test" else "train",) if halves else ()
                crop = _cut(pixels, Box(int(row.y0), int(row.x0), int(row.y1), int(row.x1)))
                place = Path(*half, names[about["label"]])
                (beside / place).mkdir(parents=True, exist_ok=True)
                file = write_image(beside / place / f"{number:06d}", crop)
                kept = [about["label"], about["split"], about["group"], about["user"]]
                image = file.relative_to(beside).as_posix()
                rows.append([safe_cell(cell) for cell in [image, 0, 0, crop.shape[2], crop.shape[1], *kept]])
        with (beside / "objects.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return out


def class_folders(labels: Iterable[str]) -> dict[str, str]:
    """Return a folder's name for each label that every file system takes, no two alike but for their case."""
    found: dict[str, str] = {}
    for label in sorted(set(labels)):
        name = "".join(f"%{ord(letter):02X}" if letter in _UNSAFE else letter for letter in label)
        if name.startswith(".") or name.endswith((".", " ")) or name.casefold().partition(".")[0] in _DEVICES:
            name = f"%{name}"
        taken = {other.casefold() for other in found.values()}
        number = 2
        unique = name
        while unique.casefold() in taken:
            unique, number = f"{name}%{number}", number + 1
        found[label] = unique
    return found


def write_image(stem: Path, pixels: NDArray[Any]) -> Path:
    """Write an image (C, Y, X) as PNG where that holds its pixels, else as TIFF, and return the file."""
    channels, dtype = pixels.shape[0], pixels.dtype
    if (dtype == np.uint8 and channels in (1, 3)) or (dtype == np.uint16 and channels == 1):
        file = stem.with_name(stem.name + ".png")
        Image.fromarray(pixels[0] if channels == 1 else np.moveaxis(pixels, 0, 2)).save(file)
        return file
    file = stem.with_name(stem.name + ".tif")
    tifffile.imwrite(file, pixels, photometric="minisblack", metadata={"axes": "CYX"})
    return file


def _cut(pixels: NDArray[Any], box: Box) -> NDArray[Any]:
    """Return the pixels of a box, grown within the frame where it is smaller than an image may be."""
    ends = []
    for low, high, most in ((box.y0, box.y1, pixels.shape[1]), (box.x0, box.x1, pixels.shape[2])):
        more = max(0, _LEAST_SIDE - (high - low))
        first = min(max(0, low - more // 2), max(0, most - max(high - low, _LEAST_SIDE)))
        ends.append(slice(first, first + max(high - low, _LEAST_SIDE)))
    return np.ascontiguousarray(pixels[:, ends[0], ends[1]])
