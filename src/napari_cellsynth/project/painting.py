"""Painting imported masks into the label images of their frames."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.crop import mask_hash
from napari_cellsynth.project.plan import PlannedObject
from napari_cellsynth.project.project import Project

_UPDATE = "UPDATE objects SET mask_label = ?, mask_hash = ?, cy = ?, cx = ?, area = ? WHERE id = ?"


def paint(project: Project, objects: Sequence[tuple[int, PlannedObject]], image_ids: Sequence[int]) -> list[str]:
    """Give objects that were just inserted their masks; to be called inside a transaction.

    Parameters
    ----------
    project : Project
        Open for writing.
    objects : sequence of (int, PlannedObject)
        Ids with what was planned.
    image_ids : sequence of int
        The images' ids by their place in the plan.

    Returns
    -------
    list of str
        What is to be said. A pixel belongs to one object in a label image: what overlaps an object that was there
        before stays a box without a mask.
    """
    masked = [(image_ids[item.image], item.frame, number, item) for number, item in objects if item.mask is not None]
    masked.sort(key=lambda row: row[:3])
    overlapping = 0
    for (image_id, frame), rows in groupby(masked, key=lambda row: row[:2]):
        labels = _labels(project, image_id, frame)
        used = int(labels.max())
        for _, _, number, item in rows:
            assert item.mask is not None
            within = labels[item.y0 : item.y1, item.x0 : item.x1]
            if within[item.mask].any():
                overlapping += 1
                continue
            used += 1
            within[item.mask] = used
            y, x = np.nonzero(item.mask)
            facts = used, mask_hash(item.mask, item.box), item.y0 + y.mean(), item.x0 + x.mean(), float(len(y))
            project._db.write(_UPDATE, (*facts, number))
        project._put_mask(image_id, frame, labels)
    if not overlapping:
        return []
    overlap, have = (
        ("1 object overlaps", "it has") if overlapping == 1 else (f"{overlapping} objects overlap", "they have")
    )
    return [f"{overlap} others, and a pixel belongs to one: {have} a box without a mask."]


def _labels(project: Project, image_id: int, frame: int) -> NDArray[np.int32]:
    labels = project.mask(image_id, frame)
    height, width = project._image_row(image_id, "height, width")
    return np.zeros((height, width), np.int32) if labels is None else labels
