"""Objects' boxes, the crops cut out along them, and the intensity scale that networks see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

from napari_cellsynth.errors import UserError

Fit = Literal["window", "whole"]

_LOW_PERCENTILE, _HIGH_PERCENTILE = 0.1, 99.9
_FLOAT_SAMPLES = 4_000_000


class Box(NamedTuple):
    """A rectangle of pixels: origin top left, ``y1`` and ``x1`` exclusive."""

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def height(self) -> int:
        """Rows in the box."""
        return self.y1 - self.y0

    @property
    def width(self) -> int:
        """Columns in the box."""
        return self.x1 - self.x0


def boxes_of(labels: NDArray[np.integer[Any]]) -> pd.DataFrame:
    """Return one row for every object of a label image.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background; every other value is one object.

    Returns
    -------
    DataFrame
        In the order of the labels: ``mask_label``, ``y0``, ``x0``, ``y1``, ``x1`` (pixels, ends exclusive), ``cy``,
        ``cx`` (centroid of the mask, pixels), ``area`` (pixels) and ``mask_hash`` (16 hex digits that depend on the
        mask's shape and on its place in the frame).
    """
    if labels.ndim != 2:
        raise ValueError(f"a label image has two dimensions, this one has {labels.ndim}")
    rows = []
    from scipy import ndimage

    for index, place in enumerate(ndimage.find_objects(labels)):
        if place is None:
            continue
        box = Box(place[0].start, place[1].start, place[0].stop, place[1].stop)
        rows.append((index + 1, *box, *facts_of(labels[place] == index + 1, box)))
    return box_table(rows)


def facts_of(mask: NDArray[np.bool_], box: Box) -> tuple[float, float, int, str]:
    """Return cy, cx, area and mask_hash of `boxes_of` for a mask (height, width) that fills its box."""
    in_rows, in_columns = mask.sum(axis=1), mask.sum(axis=0)
    area = int(in_rows.sum())
    cy = float(in_rows @ np.arange(box.y0, box.y1)) / area
    cx = float(in_columns @ np.arange(box.x0, box.x1)) / area
    return cy, cx, area, mask_hash(mask, box)


def box_table(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Return rows of mask_label, box and `facts_of` as the table that `boxes_of` describes."""
    frame = pd.DataFrame(rows, columns=["mask_label", "y0", "x0", "y1", "x1", "cy", "cx", "area", "mask_hash"])
    whole = ["mask_label", "y0", "x0", "y1", "x1", "area"]
    return frame.astype({**dict.fromkeys(whole, np.int64), "cy": np.float64, "cx": np.float64})


def mask_hash(mask: NDArray[np.bool_], box: Box) -> str:
    """Return 16 hex digits that depend on a mask's shape, bool (height, width), and on its place in the frame."""
    digest = hashlib.sha1(np.asarray(box, np.int64).tobytes(), usedforsecurity=False)
    digest.update(np.packbits(mask).tobytes())
    return digest.hexdigest()[:16]


def cut(frame: NDArray[Any], box: Box | Sequence[int], *, size: int, fit: Fit) -> NDArray[Any]:
    """Cut one object out of a frame.

    Parameters
    ----------
    frame : ndarray, shape (C, Y, X)
        Raw intensities.
    box : Box
        The object's box, pixels.
    size : int
        Side of the square that a network takes, pixels.
    fit : {"window", "whole"}
        ``"window"`` grows the box around its centre to at least ``size`` x ``size``, so that windows of that size can
        be taken out of the crop. ``"whole"`` cuts the square around the box, with the surroundings, and resizes it
        (anti-aliased) to ``size`` x ``size``. At the frame's border both are shifted inside; only where the frame
        itself is too small is it continued by reflection.

    Returns
    -------
    ndarray, shape (C, h, w)
        A copy in the frame's dtype and range; ``h`` and ``w`` are at least ``size`` (``"window"``) or exactly ``size``
        (``"whole"``).

    Raises
    ------
    UserError
        If the box does not overlap the frame.
    """
    box = _inside(frame, box)
    if fit == "window":
        return _window(frame, box, max(box.height, size), max(box.width, size))
    if fit == "whole":
        side = max(box.height, box.width)
        return _resize(_window(frame, box, side, side), size)
    raise ValueError(f"fit is 'window' or 'whole', not {fit!r}")


def cut_context(frame: NDArray[Any], box: Box | Sequence[int], margin: float) -> tuple[NDArray[Any], Box]:
    """Cut an object with its surroundings, for a person to look at.

    Parameters
    ----------
    frame : ndarray, shape (C, Y, X)
        Raw intensities.
    box : Box
        The object's box, pixels.
    margin : float
        How much to add on every side, as a share of the box's longer side (0.5 = half a box).

    Returns
    -------
    crop : ndarray, shape (C, h, w)
        A copy in the frame's dtype.
    Box
        The pixels that were cut (the grown box, clipped to the frame).

    Raises
    ------
    UserError
        If the box does not overlap the frame.
    """
    box = _inside(frame, box)
    grow = round(margin * max(box.height, box.width))
    grown = _inside(frame, Box(box.y0 - grow, box.x0 - grow, box.y1 + grow, box.x1 + grow))
    return frame[:, grown.y0 : grown.y1, grown.x0 : grown.x1].copy(), grown


def _inside(frame: NDArray[Any], box: Box | Sequence[int]) -> Box:
    if frame.ndim != 3:
        raise ValueError(f"a frame has the axes (C, Y, X), this one has {frame.ndim} dimensions")
    height, width = frame.shape[1:]
    y0, x0, y1, x1 = (int(edge) for edge in box)
    clipped = Box(max(y0, 0), max(x0, 0), min(y1, height), min(x1, width))
    if clipped.height <= 0 or clipped.width <= 0:
        raise UserError(
            f"The box {(y0, x0, y1, x1)} lies outside of its {height} x {width} frame.",
            "Check that the boxes belong to this image.",
        )
    return clipped


def _window(frame: NDArray[Any], box: Box, height: int, width: int) -> NDArray[Any]:
    rows, pad_rows = _span(box.y0, box.y1, height, frame.shape[1])
    columns, pad_columns = _span(box.x0, box.x1, width, frame.shape[2])
    piece = frame[:, rows, columns]
    if any(pad_rows + pad_columns):
        return np.pad(piece, ((0, 0), pad_rows, pad_columns), mode="reflect")
    return piece.copy()


def _span(start: int, stop: int, length: int, limit: int) -> tuple[slice, tuple[int, int]]:
    """Grow start..stop around its centre to ``length`` within 0..limit; what does not fit becomes padding."""
    if length > limit:
        before = (length - limit) // 2
        return slice(0, limit), (before, length - limit - before)
    first = start - (length - (stop - start)) // 2
    first = min(max(first, 0), limit - length)
    return slice(first, first + length), (0, 0)


def _resize(piece: NDArray[Any], size: int) -> NDArray[Any]:
    if piece.shape[1:] == (size, size):
        return piece
    out = np.empty((piece.shape[0], size, size), piece.dtype)
    for channel, plane in enumerate(piece):
        # Pillow widens the bicubic kernel when it shrinks, so this is anti-aliased; the kernel overshoots, hence the
        # clip.
        from PIL import Image

        image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
        small = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC)).clip(plane.min(), plane.max())
        out[channel] = np.rint(small) if piece.dtype.kind in "iu" else small
    return out


def intensity_range(crops: Sequence[NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the intensities that become -1 and 1, learned from the training crops alone.

    Parameters
    ----------
    crops : sequence of ndarray, each of shape (C, h, w)
        The *training* crops, raw intensities; their heights and widths may differ.

    Returns
    -------
    low, high : ndarray of float32, shape (C,)
        The 0.1 and 99.9 percentiles of each channel over all crops (not-a-number and infinite pixels are left out);
        for uint8 too, because phase contrast fills a small part of 0 … 255 and a network would see it as all but
        flat. Where a channel is constant, ``high`` is ``low + 1``.

    Raises
    ------
    UserError
        If there are no crops, or if they differ in channels.
    """
    if len(crops) == 0:
        raise UserError("There are no crops to learn the intensity range from.", "Label some objects first.")
    channels = {crop.shape[0] for crop in crops}
    if len(channels) > 1:
        raise UserError(
            f"The crops have {' and '.join(str(c) for c in sorted(channels))} channels.",
            "Train on images that have the same channels.",
        )
    count = channels.pop()
    low, high = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for channel in range(count):
        low[channel], high[channel] = _percentiles([crop[channel].ravel() for crop in crops])
        if not high[channel] > low[channel]:
            high[channel] = low[channel] + 1
    return low, high


def _percentiles(planes: list[NDArray[Any]]) -> tuple[float, float]:
    if all(plane.dtype in (np.uint8, np.uint16) for plane in planes):
        counts = np.zeros(65536, np.int64)
        for plane in planes:
            counts += np.bincount(plane, minlength=65536)
        below = np.cumsum(counts)
        ranks = np.array([_LOW_PERCENTILE, _HIGH_PERCENTILE]) / 100 * (below[-1] - 1)
        low, high = np.searchsorted(below, np.rint(ranks), side="right")
        return float(low), float(high)
    # A percentile needs no more than some millions of pixels, and so many crops need not be in memory twice.
    step = max(1, sum(plane.size for plane in planes) // _FLOAT_SAMPLES)
    values = np.concatenate([plane[::step] for plane in planes])
    values = values[np.isfinite(values)]
    if values.size == 0:
        raise UserError("The crops hold no finite pixel.", "Segment again on images without missing values.")
    low, high = np.percentile(values, [_LOW_PERCENTILE, _HIGH_PERCENTILE])
    return float(low), float(high)


def to_unit(raw: NDArray[Any], low: NDArray[np.floating[Any]], high: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Scale raw intensities to what the networks see.

    Parameters
    ----------
    raw : ndarray, shape (..., C, h, w)
        Raw intensities.
    low, high : ndarray, shape (C,)
        The intensities that become -1 and 1 (see `intensity_range`).

    Returns
    -------
    ndarray of float32, same shape
        In [-1, 1]; what lies outside of low..high is clipped.
    """
    bottom = np.asarray(low, np.float32)[:, None, None]
    top = np.asarray(high, np.float32)[:, None, None]
    unit = np.asarray(raw, np.float32) - bottom
    unit *= 2 / (top - bottom)
    unit -= 1
    return np.clip(unit, -1, 1, out=unit)


def from_unit(
    unit: NDArray[np.floating[Any]],
    low: NDArray[np.floating[Any]],
    high: NDArray[np.floating[Any]],
    dtype: DTypeLike,
) -> NDArray[Any]:
    """Scale a network's output back to raw intensities.

    Parameters
    ----------
    unit : ndarray, shape (..., C, h, w)
        Values in [-1, 1].
    low, high : ndarray, shape (C,)
        The intensities that -1 and 1 stand for (see `intensity_range`).
    dtype : dtype
        The raw dtype; integers are rounded and clipped to the dtype's range.

    Returns
    -------
    ndarray of ``dtype``, same shape
    """
    bottom = np.asarray(low, np.float64)[:, None, None]
    top = np.asarray(high, np.float64)[:, None, None]
    raw = (np.asarray(unit, np.float64) + 1) / 2 * (top - bottom) + bottom
    target = np.dtype(dtype)
    if target.kind in "iu":
        limits = np.iinfo(target)
        raw = np.clip(np.rint(raw), limits.min, limits.max)
    return raw.astype(target)
