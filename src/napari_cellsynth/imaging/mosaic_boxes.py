"""The objects of a label image larger than memory: the table of `crop.boxes_of`, tile by tile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from napari_cellsynth.imaging.crop import Box, box_table, facts_of
from napari_cellsynth.imaging.large import Large
from napari_cellsynth.imaging.omezarr import tiles

TILE = 2048


def boxes_by_tiles(labels: Large | NDArray[Any], side: int = TILE) -> pd.DataFrame:
    """Return one row for every object, equal to `crop.boxes_of` of the whole label image.

    Parameters
    ----------
    labels : Large or ndarray of int, shape (Y, X)
        0 is background; every other value is one object.
    side : int
        Of a tile, pixels. Objects at a tile's border are read once more, each with its own box.

    Raises
    ------
    UserError
        When an object is too large to be read whole.
    """
    whole: dict[int, tuple[Any, ...]] = {}
    split: dict[int, Box] = {}
    height, width = labels.shape
    for in_y, in_x in tiles(height, width, side):
        tile = np.asarray(labels[in_y, in_x])
        present, inverse = np.unique(tile, return_inverse=True)
        small = inverse.reshape(tile.shape) + (1 if present[0] else 0)
        numbers = present[present > 0].tolist()
        for label, place in zip(numbers, ndimage.find_objects(small), strict=True):
            at_border = any(
                part.start == 0 or part.stop == length for part, length in zip(place, tile.shape, strict=True)
            )
            y, x = in_y.start, in_x.start
            box = Box(y + place[0].start, x + place[1].start, y + place[0].stop, x + place[1].stop)
            before = Box(*whole.pop(label)[1:5]) if label in whole else split.get(label)
            if at_border or before is not None:
                split[label] = _around(box, before or box)
            else:
                whole[label] = (label, *box, *facts_of(tile[place] == label, box))
    rows = list(whole.values())
    for label, box in split.items():
        rows.append((label, *box, *facts_of(labels[box.y0 : box.y1, box.x0 : box.x1] == label, box)))
    return box_table(sorted(rows))


def _around(one: Box, other: Box) -> Box:
    return Box(min(one.y0, other.y0), min(one.x0, other.x0), max(one.y1, other.y1), max(one.x1, other.x1))
