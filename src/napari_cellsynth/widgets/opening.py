"""What napari opens by itself: a project folder, which goes into the docks, and an ``objects.csv`` as boxes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_cellsynth.errors import UserError

LayerData = tuple[Any, ...]
Reader = Callable[[Any], list[LayerData]]
_MOST_IMAGES = 20
_NOTHING: list[LayerData] = [(None,)]
"""How a reader tells napari that it has done its work without a layer."""


def project_reader(path: Any) -> Reader | None:
    """Return what opens ``NAME.cellsynth``; None where the path is none."""
    from napari_cellsynth.project import Project

    return read_project if isinstance(path, str) and Project.is_project(path) else None


def table_reader(path: Any) -> Reader | None:
    """Return what opens ``objects.csv``; None where the path is another CSV."""
    from napari_cellsynth.project.tables import REQUIRED

    if not isinstance(path, str) or not path.lower().endswith(".csv") or not Path(path).is_file():
        return None
    with open(path, encoding="utf-8-sig", errors="replace") as stream:
        columns = {cell.strip() for cell in stream.readline().replace(";", ",").split(",")}
    return read_table if columns.issuperset(REQUIRED) else None


def read_project(path: Any) -> list[LayerData]:
    """Open a project in the docks; without a window, return its first image and that one's objects as layers.

    Raises
    ------
    UserError
        When it cannot be opened, or has no image.
    """
    from napari import current_viewer

    viewer = current_viewer()
    if viewer is not None:
        from napari_cellsynth.widgets.session import session_for
        from napari_cellsynth.widgets.workspace import open_workspace

        open_workspace(viewer)
        session_for(viewer).open(path)
        return _NOTHING
    from napari_cellsynth.project import Project

    with Project.open(path, read_only=True) as project:
        images = project.images()
        if images.empty:
            raise UserError(f"{path} has no images.", "Add some in the docks.")
        image_id, name = int(images.index[0]), str(images["name"].iloc[0])
        frames = project.source(image_id).shape[0]
        masks = [project.mask(image_id, t) for t in range(frames)]
        blank = np.zeros(project.source(image_id).shape[2:], np.int32)
        layers = [_image(str(images["path"].iloc[0]), name)]
        if any(mask is not None for mask in masks):
            stack = np.stack([blank if mask is None else mask for mask in masks])
            layers.append((stack, {"name": f"{name} · objects"}, "labels"))
        return layers


def read_table(path: Any) -> list[LayerData]:
    """Return the images that an ``objects.csv`` names, each with its boxes, coloured by label.

    Raises
    ------
    UserError
        When something in it is wrong, or it names very many images.
    """
    from napari_cellsynth.project.classes import PALETTE
    from napari_cellsynth.project.tables import csv_rows, table_plan

    file = Path(path)
    plan = table_plan(file, (), csv_rows(file))
    if len(plan.facts) > _MOST_IMAGES:
        raise UserError(f"{file} names {len(plan.facts)} images.", "Import it into a project, and open that.")
    kinds = {label: number for number, label in enumerate(sorted({item.label for item in plan.objects}))}
    layers: list[LayerData] = []
    for number, facts in enumerate(plan.facts):
        items = [item for item in plan.objects if item.image == number]
        # Rectangles through the pixels' centres, corner by corner, each in its frame.
        corners = [
            [[item.frame, y, x] for y, x in _corners(item.y0 - 0.5, item.x0 - 0.5, item.y1 - 0.5, item.x1 - 0.5)]
            for item in items
        ]
        labels = [item.label or "unlabelled" for item in items]
        colors = [PALETTE[kinds[item.label] % len(PALETTE)] for item in items]
        shown = {"visible": number == 0}
        layers.append(_image(facts.path, facts.name, **shown))
        options = {
            "name": f"{facts.name} · boxes", "shape_type": "rectangle", "edge_color": colors, "edge_width": 2,
            "face_color": "transparent", "features": {"label": labels}, **shown,
        }  # fmt: skip
        layers.append((np.array(corners, float), options, "shapes"))
    return layers


def _corners(y0: float, x0: float, y1: float, x1: float) -> list[tuple[float, float]]:
    return [(y0, x0), (y0, x1), (y1, x1), (y1, x0)]


def _image(path: str, name: str, **options: Any) -> LayerData:
    from napari_cellsynth.imaging.source import open_image

    source = open_image(path)
    pixels = source.lazy()
    if source.shape[1] == 3 and source.dtype == np.uint8:
        return np.moveaxis(pixels, 1, -1), {"name": name, "rgb": True, **options}, "image"
    if source.shape[1] == 1:
        return pixels[:, 0], {"name": name, **options}, "image"
    return pixels, {"name": name, "channel_axis": 1, **options}, "image"
