"""Connected components of a map that is seen tile by tile, joined where they touch over the tiles' borders."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


class Components:
    """Components by sides, numbered from 1 in the order in which their tiles are added.

    Parameters
    ----------
    width : int
        Of the whole map; one row of numbers is kept, and one column.
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self._above = np.zeros(width, np.int64)
        self._left = np.zeros(0, np.int64)
        self._pairs: list[NDArray[np.int64]] = []

    def add(self, mask: NDArray[np.bool_], rows: slice, columns: slice) -> tuple[NDArray[np.int32], int]:
        """Label the next tile, the tiles going from left to right and then down.

        Parameters
        ----------
        mask : ndarray of bool, shape (y, x)
            The tile.
        rows, columns : slice
            Its place.

        Returns
        -------
        labels : ndarray of int32, shape (y, x)
            The components of this tile alone, from 1.
        first : int
            What is added to a label to make its number in the whole map.
        """
        labels, count = ndimage.label(mask)
        first = self.count
        if rows.start:
            self._join(self._above[columns], labels[0], first)
        if columns.start:
            self._join(self._left, labels[:, 0], first)
        self._above[columns] = np.where(labels[-1] > 0, labels[-1] + first, 0)
        self._left = np.where(labels[:, -1] > 0, labels[:, -1] + np.int64(first), 0)
        self.count += count
        return labels, first

    def _join(self, before: NDArray[np.int64], labels: NDArray[Any], first: int) -> None:
        touching = (before > 0) & (labels > 0)
        if touching.any():
            self._pairs.append(np.unique(np.stack([before[touching], labels[touching] + np.int64(first)]), axis=1))

    def joined(self) -> NDArray[np.int64]:
        """Return which of them are one, a number for each (count + 1); that of the background stands alone."""
        one, other = np.concatenate([np.zeros((2, 0), np.int64), *self._pairs], axis=1)
        graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(self.count + 1, self.count + 1))
        numbers: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
        return numbers
