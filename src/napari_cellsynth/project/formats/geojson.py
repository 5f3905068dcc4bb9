"""GeoJSON as QuPath has it: polygons in pixels of the full image, ``properties.classification`` with name and colour.

A file is about one image. What QuPath itself does not know stands where its reader leaves it: in a feature's
``metadata``, and beside ``features``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import Box
from napari_cellsynth.imaging.outlines import filled, outlines
from napari_cellsynth.project.base import RESERVED_NAMES
from napari_cellsynth.project.classes import SEPARATOR
from napari_cellsynth.project.export import objects_table
from napari_cellsynth.project.formats.place import file_beside, folder_beside
from napari_cellsynth.project.formats.reading import Reading, check_extent, fail, image_beside, read_json, text
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.plan import ImportPlan, PlannedObject
from napari_cellsynth.project.project import Project

ENDING = ".geojson"
_OURS = "napari_cellsynth"
_NAMES = uuid.UUID("6f0c1c1e-6a3b-4f0e-9d4e-2b8f5f1f6a10")
_GREY = (170, 170, 170)


def write_geojson(project: Project, out_path: str | Path) -> Path:
    """Write the objects as GeoJSON: one file where the path ends so, else a folder with a file for each image.

    Raises
    ------
    UserError
        When one file is asked for objects of several images, or it cannot be written.
    """
    images = project.images()
    with_objects = sorted(set(project.objects()["image_id"]))
    if Path(out_path).suffix.lower() != ENDING:
        with folder_beside(out_path) as (beside, out):
            table = objects_table(project, out)
            for image_id, name in zip(with_objects, _file_names(images.loc[with_objects]), strict=True):
                _write(beside / name, _collection(project, image_id, table))
        return out
    if len(with_objects) > 1:
        raise UserError(
            f"A GeoJSON file is about one image; {project.path.name} has objects in {len(with_objects)}.",
            "Name a folder: the format geojson, and no ending.",
        )
    with file_beside(out_path) as (beside, out):
        table = objects_table(project, out.parent)
        _write(beside, _collection(project, with_objects[0] if with_objects else None, table))
    return out


def _write(file: Path, collection: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")


def _file_names(images: pd.DataFrame) -> list[str]:
    """Return a file's name for each image: its own file's stem, a number behind it where two have one."""
    names: list[str] = []
    for path, title in zip(images["path"], images["name"], strict=True):
        stem = (Path(path).stem if Path(path).is_file() else Path(path).name) or title.replace("/", "_")
        number = sum(name.casefold().startswith(f"{stem}{ENDING}".casefold()) for name in names)
        unique = stem if not number else f"{stem} ({len(names) + 1})"
        names.append(unique + ENDING)
    return names


def _collection(project: Project, image_id: int | None, table: pd.DataFrame) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "FeatureCollection", "features": []}
    if image_id is None:
        return made
    objects = project.objects(image_id=image_id)
    first = table.loc[objects.index[0]]
    colors = {record.name: record.color for record in project.classes()}
    made[_OURS] = {name: str(first[name]) for name in ("image", "group", "split")} | {"classes": colors}
    frames = int(project.images().loc[image_id, "frames"])
    for frame, of_frame in objects.groupby("frame"):
        labels = project.mask(image_id, int(frame)) if (of_frame["mask_label"] > 0).any() else None
        for number, row in of_frame.iterrows():
            box = Box(row.y0, row.x0, row.y1, row.x1)
            geometry = _geometry(box, labels, int(row.mask_label))
            if frames > 1:
                geometry["plane"] = {"c": -1, "z": 0, "t": int(frame)}
            made["features"].append(_feature(int(number), geometry, table.loc[number], row.mask_label > 0, colors))
    return made


def _geometry(box: Box, labels: NDArray[np.int32] | None, label: int) -> dict[str, Any]:
    if labels is None or not label:
        mask = np.ones((box.height, box.width), bool)
    else:
        mask = labels[box.y0 : box.y1, box.x0 : box.x1] == label
    polygons = outlines(mask, (box.y0, box.x0))
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _feature(number: int, geometry: Any, row: Any, masked: bool, colors: Mapping[str, str]) -> dict[str, Any]:
    properties: dict[str, Any] = {"objectType": "detection"}
    if row.label != RESERVED_NAMES[0]:
        properties["classification"] = _classification(row.label, colors)
    kept = {"object_id": number, "frame": row.frame, "source": row.source, "user": row.user, "mask": masked}
    if row.predicted:
        kept["predicted"] = row.predicted
        properties["measurements"] = {"confidence": float(row.confidence)}
    properties["metadata"] = {name: str(value) for name, value in kept.items()}
    identity = str(uuid.uuid5(_NAMES, f"{row.image}/{number}"))
    return {"type": "Feature", "id": identity, "geometry": geometry, "properties": properties}


def _classification(label: str, colors: Mapping[str, str]) -> dict[str, Any]:
    names = label.split(SEPARATOR)
    code = colors.get(names[0])
    color = [int(code[at : at + 2], 16) for at in (1, 3, 5)] if code else list(_GREY)
    if len(names) > 1:
        return {"names": names, "color": color}
    return {"name": label, "color": color}


def geojson_plan(files: Iterable[Path], images: Mapping[str, str]) -> ImportPlan:
    """Return what an import of GeoJSON files would write.

    Parameters
    ----------
    files : iterable of Path
        Each about one image: the one that it names, else one of the same name beside it, in ``images`` there, or among
        ``images``.
    images : mapping of str to str
        Paths by the names of images that are known already.

    Raises
    ------
    UserError
        Naming the file and the feature that is wrong.
    """
    reading = Reading()
    skipped = 0
    for file in files:
        collection = read_json(file)
        features = collection.get("features") if isinstance(collection, dict) else collection
        if not isinstance(features, list):
            raise UserError(f"{file} is no GeoJSON of features.", "In QuPath: File, Export objects as GeoJSON.")
        about = collection.get(_OURS, {}) if isinstance(collection, dict) else {}
        about = about if isinstance(about, dict) else {}
        colors = about.get("classes")
        reading.plan.colors |= {name: text(code) for name, code in colors.items()} if isinstance(colors, dict) else {}
        image = reading.image(
            _image_of(file, text(about.get("image")), images),
            group=text(about.get("group")),
            split=text(about.get("split")),
        )
        for number, feature in enumerate(features, start=1):
            planned = _planned(reading, image, feature, file, f"feature {number}")
            if planned is None:
                skipped += 1
            else:
                reading.plan.objects.append(planned)
    if skipped:
        what = "1 feature was" if skipped == 1 else f"{skipped} features were"
        reading.plan.notices.append(f"{what} left out: no area within the image.")
    return reading.plan


def _image_of(file: Path, named: str, images: Mapping[str, str]) -> Path:
    if named and usable(file.parent / named).exists():
        return file.parent / named
    beside = image_beside(file, file.stem)
    if beside is not None:
        return beside
    stem = Path(named).stem if named else file.stem
    if stem in images:
        return Path(images[stem])
    raise UserError(
        f"The image of {file} is not known.", f"Put it beside the file as {file.stem}.tif, or add it to the project."
    )


def _planned(reading: Reading, image: int, feature: Any, file: Path, where: str) -> PlannedObject | None:
    """Return a feature's object; None where it has no area, as points and lines."""
    if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
        fail(file, where, "it has no geometry")
    geometry, properties = feature["geometry"], feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    kept = properties.get("metadata")
    kept = kept if isinstance(kept, dict) else {}
    frames, height, width = reading.shape(image)
    plane = geometry.get("plane")
    frame = plane.get("t", 0) if isinstance(plane, dict) else 0
    if not isinstance(frame, int) or not 0 <= frame < frames:
        fail(file, where, f"the image has frames 0 to {frames - 1}, not {frame!r}")
    polygons = _polygons(geometry, file, where)
    for ring in (ring for polygon in polygons for ring in polygon):
        check_extent(ring, height, width, file, where)
    found = filled(polygons, height, width)
    if found is None:
        return None
    box, mask = found
    label = _label(properties.get("classification"), reading.plan, file, where)
    boxed = kept.get("mask") == "False"
    return PlannedObject(image, frame, *box, label, None if boxed else mask, text(kept.get("user")))


def _polygons(geometry: Mapping[str, Any], file: Path, where: str) -> list[Any]:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        return []
    polygons = [coordinates] if kind == "Polygon" else coordinates
    try:
        rings = [[np.asarray(ring, np.float64) for ring in polygon] for polygon in polygons]  # type: ignore[union-attr]
        good = all(ring.ndim == 2 and ring.shape[1] >= 2 and np.isfinite(ring).all() for each in rings for ring in each)
    except (TypeError, ValueError):
        good = False
    if not good:
        fail(file, where, "its coordinates are no numbers")
    return [[ring[:, :2] for ring in polygon] for polygon in rings]


def _label(classification: Any, plan: ImportPlan, file: Path, where: str) -> str:
    """Return the label of a classification, and keep its colour in the plan."""
    kept = {} if classification is None else classification
    if not isinstance(kept, dict):
        fail(file, where, "its classification has no name")
    names = ["" if kept.get("name") is None else kept["name"]] if kept.get("names") is None else kept["names"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        fail(file, where, "the name of its classification is no text")
    names = [name.strip() for name in names if name.strip()]
    color = kept.get("color")
    parts = color if isinstance(color, list) else []
    if len(names) == 1 and len(parts) == 3 and all(isinstance(part, int) and 0 <= part < 256 for part in parts):
        plan.colors.setdefault(names[0], "#{:02x}{:02x}{:02x}".format(*parts))
    return SEPARATOR.join(names)
