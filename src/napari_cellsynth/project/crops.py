"""Real objects' crops, every frame read once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.alone import Alone
from napari_cellsynth.imaging.crop import Box, cut
from napari_cellsynth.project.base import as_json
from napari_cellsynth.project.groups import Groups
from napari_cellsynth.project.journal import unknown_object
from napari_cellsynth.project.masks import Masks
from napari_cellsynth.project.values import telling_damage

if TYPE_CHECKING:
    from napari_cellsynth.imaging.enhance import Method


class Crops(Groups, Masks):
    """Cutting objects out of their frames."""

    @telling_damage
    def require_one_kind(self, object_ids: Sequence[int]) -> None:
        """Raise a `UserError` where objects come from images that differ in channels or bit depth."""
        rows = self._db.read(
            "SELECT DISTINCT channels, dtype FROM objects o JOIN images i ON i.id = image_id "
            "WHERE o.id IN (SELECT value FROM json_each(?))",
            (as_json([int(number) for number in object_ids]),),
        )
        _require_one_kind(set(rows))

    @telling_damage
    def crops(
        self,
        object_ids: Sequence[int],
        *,
        size: int,
        fit: Literal["window", "whole"],
        enhance: Method = "none",
        surround_px: int = 0,
        masked: bool = False,
        with_size: bool = False,
    ) -> list[NDArray[Any]]:
        """Cut objects out of their frames, raw intensities.

        Parameters
        ----------
        object_ids : sequence of int
            Any objects, superseded ones too.
        size : int
            Side of the network's patch, pixels.
        fit : {"window", "whole"}
            ``"window"``: the box grown to at least `size` x `size`; ``"whole"``: all of it, resized to `size` x `size`.
        enhance : {"none", "he", "ahe", "clahe"}
            How the contrast of every channel of a frame is evened out before it is cut (S1).
        surround_px : int
            By how much the object's box is grown on every side first, as far as the frame goes.
        masked : bool
            Whether all pixels but the object's own become background (`imaging.alone`).
        with_size : bool
            Whether a last channel is added that holds the longer side of the object's box everywhere, pixels. The crops
            of uint8 images are then uint16, so that it fits.

        Returns
        -------
        list of ndarray, each of shape (C, h, w)
            In the order of `object_ids`, in the images' dtype.

        Raises
        ------
        UserError
            When an object is unknown or synthetic, or has no mask where one is needed, when a file is gone, or when the
            images differ in channels or bit depth.
        """
        wanted = [int(number) for number in object_ids]
        rows = self._db.read(
            "SELECT o.id, image_id, frame, y0, x0, y1, x1, mask_label * active, channels, dtype "
            "FROM objects o JOIN images i ON i.id = image_id "
            "WHERE o.id IN (SELECT value FROM json_each(?)) ORDER BY image_id, frame",
            (as_json(wanted),),
        )
        _require_one_kind({(row[8], row[9]) for row in rows})
        found: dict[int, NDArray[Any]] = {}
        for (image_id, frame), objects in groupby(rows, key=lambda row: (row[1], row[2])):
            pixels = _evened(self.frame(image_id, frame), enhance, frame)
            alone = self._alone(image_id, frame, pixels) if masked else None
            for number, _, _, y0, x0, y1, x1, label, _, _ in objects:
                box = Box(y0, x0, y1, x1)
                seen = pixels if alone is None else alone.of(label, box)
                if seen is None:
                    raise _maskless(number)
                grown = Box(y0 - surround_px, x0 - surround_px, y1 + surround_px, x1 + surround_px)
                crop = cut(seen, grown, size=size, fit=fit)
                found[number] = _sized(crop, box) if with_size else crop
        for number in wanted:
            if number not in found:
                raise unknown_object(number)
        return [found[number] for number in wanted]

    def _alone(self, image_id: int, frame: int, pixels: NDArray[Any]) -> Alone:
        labels = self.mask(image_id, frame)
        return Alone(pixels, np.zeros(pixels.shape[1:], np.int32) if labels is None else labels)


def _evened(pixels: NDArray[Any], method: Method, frame: int) -> NDArray[Any]:
    if method == "none":
        return pixels
    from napari_cellsynth.imaging.enhance import enhance  # scikit-image takes a second to load

    return np.stack([enhance(plane, method, name=f"Frame {frame + 1}") for plane in pixels])


def _sized(crop: NDArray[Any], box: Box) -> NDArray[Any]:
    """Return a crop with a further channel that says how large its object is."""
    dtype = np.result_type(crop.dtype, np.uint16)
    side = np.full((1, *crop.shape[1:]), max(box.height, box.width), dtype)
    return np.concatenate([crop.astype(dtype), side])


def _maskless(number: int) -> UserError:
    return UserError(
        f"Object {number} has no mask, so its surroundings cannot be masked.",
        "Segment the images, or take crops unmasked: imported boxes have no masks, nor have replaced objects.",
    )


def _require_one_kind(kinds: set[tuple[int, str]]) -> None:
    if len(kinds) > 1:
        told = [f"{channels} channel{'s' * (channels > 1)} of {dtype}" for channels, dtype in sorted(kinds)]
        raise UserError(
            f"These objects come from images with {' and '.join(told)}.",
            "Keep images of different kinds in projects of their own.",
        )
