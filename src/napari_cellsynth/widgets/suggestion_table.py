"""What is suggested for tens of thousands of objects, as arrays: a mapping that need not be made entry by entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

Suggested = Mapping[int, tuple[int, float]]
"""Object id to the class id that is suggested and its confidence in [0, 1]."""


class SuggestionTable(Mapping[int, tuple[int, float]]):
    """Suggestions that do not change any more; making one of 50,000 takes a few milliseconds, a dict takes thirty.

    Parameters
    ----------
    object_ids, class_ids : array_like of int, shape (N,)
        The objects, in any order, and what is suggested for them.
    confidence : array_like of float, shape (N,)
        In [0, 1].
    """

    def __init__(self, object_ids: ArrayLike, class_ids: ArrayLike, confidence: ArrayLike) -> None:
        ids = np.asarray(object_ids, np.int64)
        order = np.argsort(ids)
        self._ids: NDArray[np.int64] = ids[order]
        self._classes: NDArray[np.int64] = np.asarray(class_ids, np.int64)[order]
        self._confidence: NDArray[np.float64] = np.asarray(confidence, np.float64)[order]

    def __getitem__(self, object_id: int) -> tuple[int, float]:
        place = int(np.searchsorted(self._ids, object_id))
        if place == len(self._ids) or self._ids[place] != object_id:
            raise KeyError(object_id)
        return int(self._classes[place]), float(self._confidence[place])

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids.tolist())

    def __len__(self) -> int:
        return len(self._ids)

    def of(self, object_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the classes and the confidence of objects; 0 and not-a-number where nothing is suggested."""
        if not len(self._ids):
            return np.zeros(len(object_ids), np.int64), np.full(len(object_ids), np.nan)
        place = np.minimum(np.searchsorted(self._ids, object_ids), len(self._ids) - 1)
        known = self._ids[place] == object_ids
        return np.where(known, self._classes[place], 0), np.where(known, self._confidence[place], np.nan)

    def with_class(self, class_id: int) -> list[int]:
        """Return the objects for which a class is suggested."""
        found: list[int] = self._ids[self._classes == class_id].tolist()
        return found


def as_table(suggested: Suggested) -> SuggestionTable:
    """Return suggestions as a table."""
    if isinstance(suggested, SuggestionTable):
        return suggested
    told = np.array(list(suggested.values()), np.float64).reshape(-1, 2)
    return SuggestionTable(list(suggested), told[:, 0], told[:, 1])


class SuggestedClasses(Mapping[int, int]):
    """The classes alone of suggestions."""

    def __init__(self, suggested: Suggested) -> None:
        self._suggested = suggested

    def __getitem__(self, object_id: int) -> int:
        return self._suggested[object_id][0]

    def __iter__(self) -> Iterator[int]:
        return iter(self._suggested)

    def __len__(self) -> int:
        return len(self._suggested)
