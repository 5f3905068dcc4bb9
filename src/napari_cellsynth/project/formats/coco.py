"""COCO: boxes, run-length masks and categories in one JSON; what COCO has no place for stands in ``attributes``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import Box
from napari_cellsynth.imaging.outlines import filled
from napari_cellsynth.imaging.run_lengths import from_run_lengths, run_lengths
from napari_cellsynth.project.base import RESERVED_NAMES
from napari_cellsynth.project.export import objects_table
from napari_cellsynth.project.formats.place import file_beside
from napari_cellsynth.project.formats.reading import Reading, check_extent, fail, read_json, text
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.plan import ImportPlan, PlannedObject
from napari_cellsynth.project.project import Project


def write_coco(project: Project, out_path: str | Path) -> Path:
    """Write the objects as COCO: an image for each frame with objects, a run-length mask or a box for each object.

    Objects without a class belong to a category of the supercategory ``no class``, with the number 0 or less.

    Raises
    ------
    UserError
        When it cannot be written.
    """
    with file_beside(out_path) as (beside, out):
        beside.write_text(json.dumps(_collected(project, out.parent), ensure_ascii=False), encoding="utf-8")
    return out


def _collected(project: Project, folder: Path) -> dict[str, Any]:
    table, objects, images = objects_table(project, folder), project.objects(), project.images()
    made_images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for (image_id, frame), of_frame in objects.groupby(["image_id", "frame"]):
        about, first = images.loc[image_id], table.loc[of_frame.index[0]]
        height, width = int(about["height"]), int(about["width"])
        number = len(made_images) + 1
        made_images.append(
            {"id": number, "file_name": first["image"], "width": width, "height": height, "frame": int(frame),
             "group": first["group"], "split": first["split"]}
        )  # fmt: skip
        labels = project.mask(image_id, frame) if (of_frame["mask_label"] > 0).any() else None
        for object_id, row in of_frame.iterrows():
            box = Box(int(row.y0), int(row.x0), int(row.y1), int(row.x1))
            one = {
                "id": int(object_id),
                "image_id": number,
                "category_id": int(row.class_id),
                "bbox": [box.x0, box.y0, box.width, box.height],
                "area": float(row.area),
                "iscrowd": 0,
                "attributes": _attributes(table.loc[object_id]),
            }
            if labels is not None and row.mask_label > 0:
                mask = labels[box.y0 : box.y1, box.x0 : box.x1] == row.mask_label
                counts = run_lengths(mask, box, height, width)
                one["segmentation"] = {"counts": counts, "size": [height, width]}
            annotations.append(one)
    return {
        "info": {"description": project.path.name, "contributor": "napari-cellsynth"},
        "images": made_images,
        "annotations": annotations,
        "categories": _categories(project, set(objects["class_id"].tolist())),
    }


def _attributes(row: Any) -> dict[str, Any]:
    kept = {"label": row.label, "source": row.source, "user": row.user}
    return kept | ({"predicted": row.predicted, "confidence": float(row.confidence)} if row.predicted else {})


def _categories(project: Project, used: set[int]) -> list[dict[str, Any]]:
    known = [
        {"id": record.id, "name": record.name, "supercategory": "", "color": record.color}
        for record in project.classes()
    ]
    reserved = {number: name for number, name in RESERVED_NAMES.items() if number in used}
    return known + [{"id": number, "name": name, "supercategory": "no class"} for number, name in reserved.items()]


def is_coco(file: Path) -> bool:
    """Whether a JSON file is COCO's, by its first names."""
    try:
        collection = read_json(file)
    except UserError:
        return False
    return isinstance(collection, dict) and {"images", "annotations"} <= set(collection)


def coco_plan(file: Path) -> ImportPlan:
    """Return what an import of a COCO file would write: boxes, masks of run lengths or polygons, categories as classes.

    Images lie where ``file_name`` says, seen from the file, or in ``images`` beside it.

    Raises
    ------
    UserError
        Naming the annotation or image that is wrong.
    """
    collection = read_json(file)
    parts = [collection.get(name) for name in ("images", "annotations", "categories")]
    if not all(isinstance(part, list) and all(isinstance(one, dict) for one in part) for part in parts):
        raise UserError(f"{file} is no COCO file.", "It needs images, annotations and categories.")
    reading = Reading()
    images: dict[Any, tuple[int, int]] = {}
    for number, entry in enumerate(parts[0], start=1):
        where = _image_place(file, text(entry.get("file_name")), f"image {number}")
        place = reading.image(where, group=text(entry.get("group")), split=text(entry.get("split")))
        frame, frames = entry.get("frame", 0), reading.shape(place)[0]
        if not isinstance(frame, int) or not 0 <= frame < frames:
            fail(file, f"image {number}", f"the image has frames 0 to {frames - 1}, not {frame!r}")
        _check_size(entry, where.name, *reading.shape(place)[1:], file, f"image {number}")
        if str(entry.get("id")) in images:
            fail(file, f"image {number}", f"another image has the id {entry.get('id')!r} too")
        images[str(entry.get("id"))] = place, frame
    categories: dict[str, str] = {}
    for number, entry in enumerate(parts[2], start=1):
        name = text(entry.get("name")).strip()
        if not name:
            fail(file, f"category {number}", "it has no name")
        if str(entry.get("id")) in categories:
            fail(file, f"category {number}", f"another category has the id {entry.get('id')!r} too")
        categories[str(entry.get("id"))] = name
        reading.plan.colors[name] = text(entry.get("color"))
    for number, entry in enumerate(parts[1], start=1):
        where_ = f"annotation {number}"
        if str(entry.get("image_id")) not in images:
            fail(file, where_, f"there is no image {entry.get('image_id')!r}")
        if str(entry.get("category_id")) not in categories:
            fail(file, where_, f"there is no category {entry.get('category_id')!r}")
        place, frame = images[str(entry.get("image_id"))]
        kept = entry.get("attributes")
        kept = kept if isinstance(kept, dict) else {}
        label = text(kept.get("label")) or categories[str(entry.get("category_id"))]
        box, mask = _area(entry, *reading.shape(place)[1:], file, where_)
        reading.plan.objects.append(PlannedObject(place, frame, *box, label, mask, text(kept.get("user"))))
    return reading.plan


def _check_size(entry: Mapping[str, Any], name: str, height: int, width: int, file: Path, where: str) -> None:
    """Refuse an image of another size than the file says: all that is drawn on it would lie elsewhere."""
    said = entry.get("width"), entry.get("height")
    if any(side not in (None, 0, real, str(real)) for side, real in zip(said, (width, height), strict=True)):
        fail(file, where, f"{name} has {width} x {height} pixels, not {said[0]} x {said[1]}")


def _image_place(file: Path, name: str, where: str) -> Path:
    if not name:
        fail(file, where, "its file_name is missing")
    here = [folder / name for folder in (file.parent, file.parent / "images", file.parent.parent / "images")]
    found = next((path for path in here if usable(path).exists()), None)
    if found is None:
        fail(file, where, f"{here[0]} does not exist")
    return found


def _area(
    entry: Mapping[str, Any], height: int, width: int, file: Path, where: str
) -> tuple[Box, NDArray[np.bool_] | None]:
    """Return an annotation's box, and its mask where it has one."""
    drawn = entry.get("segmentation")
    try:
        if isinstance(drawn, dict):
            if list(drawn["size"]) != [height, width]:
                fail(file, where, f"its mask is {drawn['size']}, its image {[height, width]} pixels")
            found = _cropped(from_run_lengths(drawn["counts"], height, width))
        elif drawn:
            rings = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in drawn]
            if not all(np.isfinite(ring).all() for ring in rings):
                fail(file, where, "its polygons are no numbers")
            for ring in rings:
                check_extent(ring, height, width, file, where)
            found = filled([[ring] for ring in rings], height, width)
        else:
            return _box(entry, height, width, file, where), None
    except (ValueError, TypeError, LookupError):
        fail(file, where, "its segmentation is damaged")
    if found is None:
        fail(file, where, "its mask is empty")
    return found


def _cropped(frame: NDArray[np.bool_]) -> tuple[Box, NDArray[np.bool_]] | None:
    rows, columns = np.flatnonzero(frame.any(axis=1)), np.flatnonzero(frame.any(axis=0))
    if not len(rows):
        return None
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return box, frame[box.y0 : box.y1, box.x0 : box.x1]


def _box(entry: Mapping[str, Any], height: int, width: int, file: Path, where: str) -> Box:
    try:
        x, y, w, h = (float(value) for value in entry["bbox"])
    except (ValueError, TypeError, LookupError, OverflowError):
        fail(file, where, "its bbox is not four numbers")
    if not np.isfinite([x, y, w, h]).all():
        fail(file, where, f"its box {entry['bbox']} holds no pixel of the image")
    if w > width + 1 or h > height + 1:  # a box that goes over the border a little is cut off there
        fail(file, where, f"its box {entry['bbox']} is larger than its {width} x {height} image")
    ends = np.floor([y, x]), np.ceil([y + h, x + w])
    (y0, x0), (y1, x1) = (np.clip(end, 0, (height, width)).astype(int).tolist() for end in ends)
    if y1 <= y0 or x1 <= x0:
        fail(file, where, f"its box {entry['bbox']} holds no pixel of the image")
    return Box(y0, x0, y1, x1)
