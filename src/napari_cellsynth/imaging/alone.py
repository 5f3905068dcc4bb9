"""One object at a time on an empty background, for networks that shall see nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.crop import Box


class Alone:
    """A frame of which one object is seen and all else is background (S4, section 8.5: cropped and masked).

    The background is each channel's median over the frame and not 0 as in S4, so that the mask's edge is no edge of
    its own where the background of the image is grey.

    Parameters
    ----------
    frame : ndarray, shape (C, Y, X)
        Raw intensities.
    labels : ndarray of int, shape (Y, X)
        The frame's instance mask.
    """

    def __init__(self, frame: NDArray[Any], labels: NDArray[np.int32]) -> None:
        self._frame, self._labels = frame, labels
        self._background = np.median(frame, axis=(1, 2)).astype(frame.dtype)[:, None, None]
        self._seen = np.broadcast_to(self._background, frame.shape).copy()
        self._box = (slice(0), slice(0))

    def of(self, label: int, box: Box) -> NDArray[Any] | None:
        """Return the frame (C, Y, X) with this object alone, until the next call; None where its mask is empty.

        ``box`` is the object's own; what of the mask lies outside of it is left out.
        """
        self._seen[:, *self._box] = self._background
        self._box = slice(max(box.y0, 0), box.y1), slice(max(box.x0, 0), box.x1)
        inside = self._labels[self._box] == label
        if label == 0 or not inside.any():
            return None
        self._seen[:, *self._box] = np.where(inside, self._frame[:, *self._box], self._background)
        return self._seen
