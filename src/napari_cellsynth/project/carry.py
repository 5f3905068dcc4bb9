"""Which object of a new segmentation is which of the old one: by overlap, one to one, the best pairs first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.project.base import numeric

MIN_IOU = 0.5
_AT_A_TIME = 256


def box_iou(old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.float64]:
    """Return the intersection over union of every old with every new box (y0, x0, y1, x1), shape (old, new)."""
    low = np.maximum(old[:, None, :2], new[None, :, :2])
    high = np.minimum(old[:, None, 2:], new[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_old = (old[:, 2:] - old[:, :2]).prod(axis=1)
    area_new = (new[:, 2:] - new[:, :2]).prod(axis=1)
    return np.asarray(shared / (area_old[:, None] + area_new[None, :] - shared), np.float64)


def mask_iou(
    old: NDArray[np.integer[Any]], new: NDArray[np.integer[Any]], old_labels: list[int], new_labels: list[int]
) -> NDArray[np.float64]:
    """Return the intersection over union of objects of two masks (Y, X), shape (old, new)."""
    old_size, new_size = _sizes(old), _sizes(new)
    both = (old > 0) & (new > 0)
    pairs = old[both].astype(np.int64) * len(new_size) + new[both]
    found, counts = np.unique(pairs, return_counts=True)
    shared = {(int(p // len(new_size)), int(p % len(new_size))): int(n) for p, n in zip(found, counts, strict=True)}
    iou = np.zeros((len(old_labels), len(new_labels)))
    rows = {label: row for row, label in enumerate(old_labels)}
    columns = {label: column for column, label in enumerate(new_labels)}
    for (a, b), n in shared.items():
        if a in rows and b in columns:
            iou[rows[a], columns[b]] = n / (old_size[a] + new_size[b] - n)
    return iou


def overlap(
    old_boxes: NDArray[Any],
    new_boxes: NDArray[Any],
    old_labels: list[int],
    new_labels: list[int],
    old_mask: NDArray[np.integer[Any]] | None,
    new_mask: NDArray[np.integer[Any]] | None,
) -> NDArray[np.float64]:
    """Return the overlap of old with new objects, of their masks where both have one, else of their boxes."""
    by_box = box_iou(old_boxes, new_boxes)
    if old_mask is None or new_mask is None or not by_box.size:
        return by_box
    by_mask = mask_iou(old_mask, new_mask, old_labels, new_labels)
    masked = numeric([(label > 0,) for label in old_labels], 1) * numeric([(label > 0,) for label in new_labels], 1).T
    return np.where(masked > 0, by_mask, by_box)


def candidates_of(iou: NDArray[np.float64], least: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs (old, new) that overlap at least so much, shape (n, 2), and by how much each does."""
    candidates = np.argwhere(iou >= least)
    return candidates, iou[candidates[:, 0], candidates[:, 1]]


def box_candidates(old: NDArray[Any], new: NDArray[Any], least: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return `candidates_of` boxes, without the table of all pairs, which for 10⁵ objects has 10¹⁰ cells.

    Old boxes are taken in the order of their tops, and only new ones at the same height are compared with them.
    """
    order = np.argsort(old[:, 0], kind="stable")
    found: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    for start in range(0, len(order), _AT_A_TIME):
        some = order[start : start + _AT_A_TIME]
        near = np.flatnonzero((new[:, 2] > old[some, 0].min()) & (new[:, 0] < old[some, 2].max()))
        pairs, iou = candidates_of(box_iou(old[some], new[near]), least)
        found.append((np.stack([some[pairs[:, 0]], near[pairs[:, 1]]], axis=1), iou))
    pairs, iou = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], iou[order]


def best_pairs(
    candidates: NDArray[np.int64], iou: NDArray[np.float64], first: NDArray[np.bool_] | None = None
) -> dict[int, int]:
    """Return ``{old: new}`` pairs among candidates, each object at most once, the greatest overlaps first.

    The old ones that `first` marks choose before the others: where a labelled object and one without a label become
    one, the label is not lost.
    """
    late = np.zeros(len(candidates), bool) if first is None else ~first[candidates[:, 0]]
    order = np.lexsort((-iou, late))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for old, new in candidates[order].tolist():
        if old not in pairs and new not in taken:
            pairs[old] = new
            taken.add(new)
    return pairs


def _sizes(mask: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    return np.bincount(mask.ravel(), minlength=1).astype(np.int64)
