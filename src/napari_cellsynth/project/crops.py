"""Real objects' crops, every frame read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import Box, cut
from napari_cellsynth.project.base import as_json
from napari_cellsynth.project.groups import Groups
from napari_cellsynth.project.journal import unknown_object


class Crops(Groups):
    """Cutting objects out of their frames."""

    def crops(self, object_ids: Sequence[int], *, size: int, fit: Literal["window", "whole"]) -> list[NDArray[Any]]:
        """Cut objects out of their frames, raw intensities.

        Parameters
        ----------
        object_ids : sequence of int
            Any objects, superseded ones too.
        size : int
            Side of the network's patch, pixels.
        fit : {"window", "whole"}
            ``"window"``: the box grown to at least `size` x `size`; ``"whole"``: all of it, resized to `size` x `size`.

        Returns
        -------
        list of ndarray, each of shape (C, h, w)
            In the order of `object_ids`, in the images' dtype.

        Raises
        ------
        UserError
            When an object is unknown or synthetic, a file is gone, or the images differ in channels or bit depth.
        """
        wanted = [int(number) for number in object_ids]
        rows = self._db.read(
            "SELECT o.id, image_id, frame, y0, x0, y1, x1, channels, dtype "
            "FROM objects o JOIN images i ON i.id = image_id "
            "WHERE o.id IN (SELECT value FROM json_each(?)) ORDER BY image_id, frame",
            (as_json(wanted),),
        )
        kinds = sorted({(row[7], row[8]) for row in rows})
        if len(kinds) > 1:
            raise UserError(
                "These objects come from images with "
                + " and ".join(f"{channels} channel{'s' * (channels > 1)} of {dtype}" for channels, dtype in kinds)
                + ".",
                "Keep images of different kinds in projects of their own.",
            )
        found = {
            number: cut(self.frame(image_id, frame), Box(*box), size=size, fit=fit)
            for number, image_id, frame, *box, _, _ in rows
        }
        for number in wanted:
            if number not in found:
                raise unknown_object(number)
        return [found[number] for number in wanted]
