"""The objects of a label image as flat arrays of pixels, so that a figure of all of them is one sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[np.float64]]
"""Figures by name, one value an object (n,)."""


@dataclass(frozen=True)
class Objects:
    """The n objects of a label image, in the order of their labels.

    Attributes
    ----------
    ids : ndarray of int, shape (n,)
        Their labels.
    place : ndarray of int, shape (Y, X)
        Which object a pixel belongs to, 0..n-1; -1 is background.
    y, x, of : ndarray of int, shape (P,)
        Row, column and object of every pixel that belongs to one, in raster order.
    area : ndarray of float, shape (n,)
        Pixels of each object; never 0.
    """

    ids: NDArray[np.int64]
    place: NDArray[np.int64]
    y: NDArray[np.int64]
    x: NDArray[np.int64]
    of: NDArray[np.int64]
    area: NDArray[np.float64]

    @classmethod
    def of_labels(cls, labels: NDArray[np.integer[Any]]) -> Objects:
        """Read a label image (Y, X); 0 is background, every other value is one object."""
        if labels.ndim != 2:
            raise ValueError(f"a label image has two dimensions, this one has {labels.ndim}")
        y, x = np.nonzero(labels)
        ids, of = np.unique(labels[y, x], return_inverse=True)
        place = np.full(labels.shape, -1, np.int64)
        place[y, x] = of
        return cls(ids.astype(np.int64), place, y, x, of, np.bincount(of, minlength=len(ids)).astype(np.float64))

    def __len__(self) -> int:
        return len(self.ids)

    def sum(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum of each object over its pixels' values (P,)."""
        return np.asarray(np.bincount(self.of, weights=values, minlength=len(self)), np.float64)

    def mean(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the mean of each object over its pixels' values (P,)."""
        return self.sum(values) / self.area

    def greatest(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the greatest of each object's pixels' values (P,)."""
        found = np.full(len(self), -np.inf)
        np.maximum.at(found, self.of, values)
        return found

    def shares(self, codes: NDArray[np.integer[Any]], bins: int) -> NDArray[np.float64]:
        """Return which share of each object's pixels has which code 0..bins-1, shape (n, bins)."""
        counts = np.bincount(self.of * bins + codes, minlength=len(self) * bins)
        return counts.reshape(len(self), bins) / self.area[:, None]


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return part / whole, and 0 where the whole is 0: a table of features holds no NaN."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def numbered(name: str, table: NDArray[np.float64]) -> Columns:
    """Return the columns of a table (n, m) as ``name_00``, ``name_01`` and so on."""
    return {f"{name}_{number:02d}": column for number, column in enumerate(table.T)}
