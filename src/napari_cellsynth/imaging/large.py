"""A frame larger than memory, or its label image: it looks like an array, and reads the parts that are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError

FRAME_BYTES = 512 << 20
"""Of a frame that is read whole: a few copies of it are made on the way, and all must fit beside everything else."""
PART_BYTES = 512 << 20
"""Of a part of a larger one, likewise."""


class Large:
    """Pixels (Y, X) or (C, Y, X) on the disk.

    Whatever takes windows of a frame (``frame[:, 10:90, 20:99]``) works with one of these; whatever needs all of it at
    once is refused in one line.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) or (C, Y, X).
    dtype : dtype
        Of what is read.
    read : callable
        Takes rows and columns (slices with both ends), returns these pixels with all channels.
    name : str
        What an error calls the frame.
    """

    nbytes = 0

    def __init__(
        self, shape: tuple[int, ...], dtype: Any, read: Callable[[slice, slice], NDArray[Any]], name: str
    ) -> None:
        self.shape, self.ndim, self.dtype = shape, len(shape), np.dtype(dtype)
        self._read, self._name = read, name

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read a part: slices of step 1, the channels by any index.

        Raises
        ------
        UserError
            When the part is too large, or cannot be read.
        """
        parts = key if isinstance(key, tuple) else (key,)
        whole = list(parts) + [slice(None)] * (self.ndim - len(parts))
        lead, rows, columns = whole[:-2], whole[-2], whole[-1]
        (y0, y1, _), (x0, x1, _) = rows.indices(self.shape[-2]), columns.indices(self.shape[-1])
        y1, x1 = max(y0, y1), max(x0, x1)
        if math.prod(self.shape[:-2]) * (y1 - y0) * (x1 - x0) * self.dtype.itemsize > PART_BYTES:
            raise UserError(
                f"A part of {self._name} of {x1 - x0} x {y1 - y0} pixels is needed at once, more than "
                f"{PART_BYTES >> 20} MB.",
                "This works on parts of a large frame only: smaller objects, or the image cut into tiles.",
            )
        pixels = self._read(slice(y0, y1), slice(x0, x1))
        return pixels[tuple(lead)] if lead else pixels

    def __iter__(self) -> NoReturn:
        """Refuse to be read whole."""
        self.__array__()

    def copy(self) -> NoReturn:
        """Refuse to be read whole."""
        self.__array__()

    def __array__(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse to be read whole."""
        raise UserError(
            f"{self._name} is larger than {FRAME_BYTES >> 20} MB, and this needs all of it at once.",
            "Cut it into tiles, or save it at a lower resolution.",
        )


def is_large(channels: int, height: int, width: int, dtype: Any) -> bool:
    """Whether a frame is read by parts and never whole."""
    return channels * height * width * int(np.dtype(dtype).itemsize) > FRAME_BYTES
