"""OME-Zarr: pixels, objects as a label image, and their table as ngio has it, one ``.ome.zarr`` an image.

A label image numbers objects by their ids, so that they are told apart over all frames. Tables follow the Fractal
tables specification, version 1 (BioVisionCenter, ngio's documentation): a ``feature_table`` with the ``csv`` backend.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.imaging.omezarr import (
    OmeZarrReader,
    Version,
    attributes_of,
    is_ome_zarr,
    label_images,
    put_metadata,
    tiles,
    write_pyramid,
)
from napari_cellsynth.project.export import objects_table, safe_cell
from napari_cellsynth.project.formats.place import folder_beside
from napari_cellsynth.project.formats.reading import Reading, fail, text
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.plan import ImportPlan, PlannedObject
from napari_cellsynth.project.project import Project
from napari_cellsynth.project.tables import csv_rows

ENDING = ".ome.zarr"
_OURS = "napari_cellsynth"
_OBJECTS = "objects"
_MOST_FRAME_BYTES = 1 << 29


def write_ome_zarr(project: Project, out_path: str | Path, *, version: Version = "0.5") -> Path:
    """Write images with their objects as OME-Zarr: one where the path ends in ``.zarr``, else a folder of them.

    Parameters
    ----------
    project : Project
        Open.
    out_path : str or Path
        What to make.
    version : {"0.4", "0.5"}
        Of OME-Zarr.

    Raises
    ------
    UserError
        When one image is asked for and several have objects, an image is gone, or it cannot be written.
    """
    objects = project.objects()
    images = sorted(set(objects["image_id"]))
    one = Path(out_path).suffix.lower() == ".zarr"
    if one and len(images) != 1:
        raise UserError(
            f"An OME-Zarr holds one image; {project.path.name} has objects in {len(images)}.",
            "Name a folder: the format ome-zarr, and no ending.",
        )
    with folder_beside(out_path) as (beside, out):
        for image_id in images:
            name = f"{image_id:04d}_{project.images().loc[image_id, 'name']}".replace("/", "_")
            place, final = (beside, out) if one else (beside / (name + ENDING), out / (name + ENDING))
            _write_image(project, image_id, place, final, version)
    return out


def write_ome_zarr_04(project: Project, out_path: str | Path) -> Path:
    """Write OME-Zarr 0.4; see `write_ome_zarr`."""
    return write_ome_zarr(project, out_path, version="0.4")


def _write_image(project: Project, image_id: int, place: Path, final: Path, version: Version) -> None:
    import zarr

    about = project.images().loc[image_id]
    objects = project.objects(image_id=image_id)
    frames, channels, height, width = (int(about[name]) for name in ("frames", "channels", "height", "width"))
    size = None if pd.isna(about["pixel_size_um"]) else float(about["pixel_size_um"])
    pixels = (
        ((t, slice(None), *tile), project.frame(image_id, t)[:, *tile])
        for t in range(frames)
        for tile in tiles(height, width)
    )
    write_pyramid(
        place, (frames, channels, height, width), about["dtype"], "tcyx", pixels, version=version, pixel_size_um=size
    )
    root: Any = zarr.open_group(str(place), mode="a")  # as it is now: attributes are kept from the time of opening
    labels = root.create_group("labels")
    instances = _numbered(project, image_id, objects, objects.index.to_series())
    drawn: dict[str, tuple[Any, dict[str, Any]]] = {_OBJECTS: (instances, {})}
    predicted = project.predictions(image_id=image_id)
    records = project.classes()
    if len(predicted):
        colors = [
            {"label-value": each.id, "rgba": [*bytes.fromhex(each.color[1:]), 255]}
            for each in records
        ]  # fmt: skip
        names = [{"label-value": record.id, "class": record.name} for record in records]
        answers = predicted["class_id"].reindex(objects.index).fillna(0).astype(np.int64)
        numbered = _numbered(project, image_id, objects, answers)
        drawn["predicted"] = (numbered, {"colors": colors, "properties": names})
    for name, (blocks, about_labels) in drawn.items():
        shape = (frames, height, width)
        write_pyramid(
            place / "labels" / name, shape, "int32", "tyx", blocks, version=version, pixel_size_um=size,
            labels=about_labels,
        )  # fmt: skip
    put_metadata(labels, {"labels": list(drawn)}, version)
    _write_table(root, place, objects_table(project, final).loc[objects.index], objects)
    root.attrs[_OURS] = {
        "image": objects_table(project, final)["image"].loc[objects.index[0]],
        "group": str(objects["group"].iloc[0]),
        "split": str(objects["split"].iloc[0]),
        "classes": {record.name: record.color for record in records},
    }


def _numbered(
    project: Project, image_id: int, objects: pd.DataFrame, values: pd.Series
) -> Iterator[tuple[tuple[Any, ...], NDArray[np.int32]]]:
    """Yield the frames with masks, every object's pixels with its value."""
    for frame, rows in objects[objects["mask_label"] > 0].groupby("frame"):
        mask = project.mask(image_id, int(frame))
        if mask is None:
            continue
        known = int(rows["mask_label"].max())
        look_up = np.zeros(known + 2, np.int32)  # the last place stands for numbers beyond the table
        look_up[rows["mask_label"]] = values.loc[rows.index]
        for place in tiles(*mask.shape):
            yield (int(frame), *place), look_up[np.minimum(mask[place], known + 1)]


def _write_table(root: Any, place: Path, table: pd.DataFrame, objects: pd.DataFrame) -> None:
    tables = root.create_group("tables")
    tables.attrs["tables"] = [_OBJECTS]
    made = tables.create_group(_OBJECTS)
    made.attrs.update(
        {
            "type": "feature_table", "table_version": "1", "backend": "csv", "index_key": "label", "index_type": "int",
            "instance_key": "label", "region": {"path": f"../labels/{_OBJECTS}"},
        }
    )  # fmt: skip
    columns = table.drop(columns="image").rename(columns={"label": "class"})
    columns = columns.join(objects[["cy", "cx", "area"]]).assign(mask=objects["mask_label"] > 0)
    columns = columns.rename_axis("label").reset_index()
    with (place / "tables" / _OBJECTS / "table.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([safe_cell(name) for name in columns])
        for row in columns.astype(object).itertuples(index=False):
            writer.writerow(["" if cell != cell else safe_cell(cell) for cell in row])


def find_ome_zarr(place: Path) -> list[Path]:
    """Return the OME-Zarr images with labels that a folder is, or holds."""
    places = [place] if is_ome_zarr(place) else sorted(each for each in place.glob("*.zarr") if is_ome_zarr(each))
    return [each for each in places if label_images(each)]


def ome_zarr_plan(places: Iterable[Path], images: Mapping[str, str]) -> ImportPlan:
    """Return what an import of OME-Zarr images with labels would write.

    Parameters
    ----------
    places : iterable of Path
        Images. The label image ``objects`` is taken, else the only one. Where `write_ome_zarr` wrote it and the image
        that it came from is there, objects come to that one.
    images : mapping of str to str
        Paths by the names of images that are known already.

    Raises
    ------
    UserError
        When labels do not fit their image, are several, or are damaged.
    """
    reading = Reading()
    for place in places:
        ours = attributes_of(place).get(_OURS, {})
        ours = ours if isinstance(ours, dict) else {}
        colors = ours.get("classes")
        reading.plan.colors |= {name: text(code) for name, code in colors.items()} if isinstance(colors, dict) else {}
        named = text(ours.get("image"))
        original = place / named if named and usable(place / named).exists() else None
        if original is None and Path(named).stem in images:
            original = Path(images[Path(named).stem])
        image = reading.image(original or place, group=text(ours.get("group")), split=text(ours.get("split")))
        reading.plan.objects += _objects(reading, image, place)
    return reading.plan


def _objects(reading: Reading, image: int, place: Path) -> Iterator[PlannedObject]:
    names = label_images(place)
    if _OBJECTS not in names and len(names) > 1:
        raise UserError(f"{place} has the label images {', '.join(names)}.", f"Call the one that is meant {_OBJECTS}.")
    name = _OBJECTS if _OBJECTS in names else names[0]
    labels = OmeZarrReader(place / "labels" / name)
    frames, height, width = reading.shape(image)
    if (labels.frames, labels.channels, labels.height, labels.width) != (frames, 1, height, width):
        fail(place, f"labels/{name}", f"it is {labels.width} x {labels.height} pixels, its image {width} x {height}")
    if height * width * labels.dtype.itemsize > _MOST_FRAME_BYTES or labels.dtype.kind not in "iu":
        fail(place, f"labels/{name}", "it is no label image that fits into memory")
    file = place / "tables" / name / "table.csv"
    rows = {row.get("label", ""): row for _, row in csv_rows(file, ("label", "class"))} if file.is_file() else {}
    for frame in range(frames):
        numbers, compact = _compact(labels.read(frame)[0])
        for box in boxes_of(compact).itertuples(index=False):
            mask = compact[box.y0 : box.y1, box.x0 : box.x1] == box.mask_label
            row = rows.get(str(numbers[box.mask_label]), {})
            about = row.get("class", ""), mask, row.get("user", "")
            yield PlannedObject(image, frame, box.y0, box.x0, box.y1, box.x1, *about)
    yield from _boxes(reading, image, rows, file)


def _compact(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Return the numbers in a label image, 0 first, and the image with their places; a band of rows at a time."""
    found = {0}.union(*(np.unique(pixels[rows]).tolist() for rows, _ in tiles(len(pixels), 1)))
    numbers = np.array([0, *sorted(found - {0})], pixels.dtype if pixels.min() >= 0 else np.int64)
    order = np.argsort(numbers)
    compact = np.empty(pixels.shape, np.int32)
    for rows, _ in tiles(len(pixels), 1):
        compact[rows] = order[np.searchsorted(numbers, pixels[rows], sorter=order)]
    return numbers, compact


def _boxes(reading: Reading, image: int, rows: Mapping[str, dict[str, str]], file: Path) -> Iterator[PlannedObject]:
    """Yield the objects that are boxes without a mask, which the table alone has."""
    frames, height, width = reading.shape(image)
    for row in rows.values():
        if row.get("mask") == "False":
            try:
                y0, x0, y1, x1, frame = (int(row[key]) for key in ("y0", "x0", "y1", "x1", "frame"))
            except (ValueError, KeyError):
                fail(file, f"label {row.get('label')}", "its box is not four whole numbers")
            if not (0 <= y0 < y1 <= height and 0 <= x0 < x1 <= width and 0 <= frame < frames):
                fail(file, f"label {row.get('label')}", "its box lies outside of the image")
            yield PlannedObject(image, frame, y0, x0, y1, x1, row["class"], user=row.get("user", ""))
