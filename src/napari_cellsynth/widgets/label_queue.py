"""The order in which objects are labelled, and where the person is in it; arrays only, no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.imaging.crop import Box
from napari_cellsynth.project import UNLABELLED

UNLABELLED_FIRST, ACQUISITION, RANDOM, LEAST_CERTAIN = "Unlabelled first", "Acquisition", "Random", "Least certain"
NEXT, MISLABELLED = "Label these next", "Likely mislabelled"
MOST_CERTAIN = "Most certain, class by class"
SIMILAR, DIVERSE = "Most similar to the selected", "Different ones first"
AS_GIVEN = ""
"""No order of its own: as the objects come in the table."""
ORDERS = (
    UNLABELLED_FIRST, ACQUISITION, RANDOM, DIVERSE, SIMILAR, LEAST_CERTAIN, MOST_CERTAIN, NEXT, MISLABELLED,
)  # fmt: skip
BY_ADVICE = (NEXT, MISLABELLED, SIMILAR, DIVERSE)
BY_CERTAINTY = (LEAST_CERTAIN, MOST_CERTAIN)


Suggested = Mapping[int, tuple[int, float]]
"""Object id to the class id that is suggested and its confidence in [0, 1]."""


@dataclass(frozen=True)
class Entry:
    """One object of the queue."""

    object_id: int
    image_id: int
    frame: int
    box: Box
    cy: float
    cx: float
    mask_label: int
    label: int
    repeated: bool = False
    """Whether the person is asked again; `label` is then what was answered so far."""


class LabelQueue:
    """Walks through objects.

    Parameters
    ----------
    objects : DataFrame
        As `Project.objects` returns it.
    order : str
        One of `ORDERS`. Acquisition is by image, frame and place; random is the same every time.
    suggested : mapping, optional
        Object id to the suggested class id and its confidence in [0, 1], for the orders by certainty; objects without a
        suggestion come last there.
    advised : sequence of int
        The objects that come first in the orders by advice, in their order.

    Attributes
    ----------
    position : int
        Where the person is.
    finished : bool
        Whether the last label left none to go on to, and the person is still there.
    asked : int or None
        The object that is asked again in between; the position stays.
    """

    def __init__(
        self, objects: pd.DataFrame, order: str, suggested: Suggested | None = None, advised: Sequence[int] = ()
    ) -> None:
        if order != AS_GIVEN:
            objects = objects.sort_values(["image_id", "frame", "cy", "cx"], kind="stable")
        if order == RANDOM:
            objects = objects.iloc[np.random.default_rng(0).permutation(len(objects))]
        elif order == UNLABELLED_FIRST:
            objects = objects.iloc[np.argsort(objects["label"].to_numpy() != 0, kind="stable")]
        elif order in BY_CERTAINTY:
            objects = objects.iloc[_by_certainty(objects.index.to_numpy(np.int64), order, suggested or {})]
        elif order in BY_ADVICE:
            place = pd.Series(range(len(advised)), index=list(advised), dtype=float).reindex(objects.index)
            objects = objects.iloc[np.argsort(place.fillna(len(advised)).to_numpy(), kind="stable")]
        self.order = order
        self._ids: NDArray[np.int64] = objects.index.to_numpy(np.int64)
        self._classes: NDArray[np.int64] = objects["label"].to_numpy(np.int64).copy()
        self._whole = objects[["image_id", "frame", "y0", "x0", "y1", "x1", "mask_label"]].to_numpy(np.int64)
        self._centres = objects[["cy", "cx"]].to_numpy(np.float64)
        self._place = {int(object_id): i for i, object_id in enumerate(self._ids)}
        # Labels in doubt are revised from the first one on; all other work begins where a label is missing.
        self.position = 0 if order == MISLABELLED else self._unlabelled_from(0, 0)
        self.finished = False
        self.asked: int | None = None
        self._answered = UNLABELLED

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, object_id: int) -> bool:
        return object_id in self._place

    @property
    def current(self) -> Entry | None:
        """The object the person looks at; None in an empty queue."""
        if self.asked is not None:
            return replace(self.entry(self._place[self.asked]), label=self._answered, repeated=True)
        return self.entry(self.position) if len(self) else None

    def entry(self, position: int) -> Entry:
        """Return the object at a position."""
        image_id, frame, y0, x0, y1, x1, label = (int(value) for value in self._whole[position])
        cy, cx = (float(value) for value in self._centres[position])
        box = Box(y0, x0, y1, x1)
        return Entry(int(self._ids[position]), image_id, frame, box, cy, cx, label, int(self._classes[position]))

    # ------------------------------------------------------------------ walking
    def ask(self, object_id: int | None, answered: int = UNLABELLED) -> None:
        """Ask again about an object of the queue before going on; None: that is done, or left."""
        self.asked, self._answered = (object_id, answered) if object_id in self._place else (None, UNLABELLED)

    def step(self, by: int) -> None:
        """Go on or back; the ends hold. Who is asked again leaves that, and stays."""
        if self.asked is not None:
            self.ask(None)
            return
        self.position = int(np.clip(self.position + by, 0, max(0, len(self) - 1)))
        self.finished = False

    def go_to(self, object_id: int) -> bool:
        """Go to an object; False where it is not in the queue."""
        if object_id not in self._place:
            return False
        self.ask(None)
        self.position = self._place[object_id]
        self.finished = False
        return True

    def move_on(self, was_unlabelled: bool) -> bool:
        """Go on after a label: to the next unlabelled object, or, for who revises labels, simply to the next one.

        After the last object comes the first unlabelled one; where none is left, the queue stays, is `finished`, and
        False is returned.
        """
        if not was_unlabelled and self.position + 1 < len(self):
            self.position += 1
            return True
        self.finished = not (self._classes == UNLABELLED).any()
        if not self.finished:
            self.position = self._unlabelled_from(self.position + 1, self._unlabelled_from(0, 0))
        return not self.finished

    def ahead(self, count: int) -> list[Entry]:
        """Return the objects that probably come next, the likeliest first."""
        unlabelled = np.flatnonzero(self._classes[self.position + 1 :] == 0)[:count] + self.position + 1
        nearest = [p for p in (self.position + 1, self.position - 1) if 0 <= p < len(self)]
        return [self.entry(int(p)) for p in dict.fromkeys([*unlabelled[:2], *nearest, *unlabelled])]

    def sort_ahead(self, suggested: Suggested) -> None:
        """Bring the objects that are still to come into the order by certainty of newer suggestions."""
        if self.order not in BY_CERTAINTY:
            return
        ahead = np.arange(self.position + 1, len(self))
        ahead = ahead[_by_certainty(self._ids[ahead], self.order, suggested)]
        order = np.concatenate([np.arange(len(self) - len(ahead)), ahead])
        self._ids, self._classes = self._ids[order], self._classes[order]
        self._whole, self._centres = self._whole[order], self._centres[order]
        self._place = {int(object_id): i for i, object_id in enumerate(self._ids)}

    # ------------------------------------------------------------------ labels
    def class_of(self, object_id: int) -> int:
        """Return an object's label as the queue knows it: a class's id, or a number that stands for several."""
        return int(self._classes[self._place[object_id]])

    def set_classes(self, object_ids: Sequence[int], labels: Sequence[int]) -> None:
        """Take new labels over; objects that are not in the queue are left out."""
        for object_id, label in zip(object_ids, labels, strict=True):
            if object_id in self._place:
                self._classes[self._place[object_id]] = label

    def counts(self) -> dict[int, int]:
        """Return the number of objects by label (0: unlabelled)."""
        values, counts = np.unique(self._classes, return_counts=True)
        return {int(value): int(count) for value, count in zip(values, counts, strict=True)}

    def _unlabelled_from(self, start: int, otherwise: int) -> int:
        found = np.flatnonzero(self._classes[start:] == UNLABELLED)
        return int(start + found[0]) if len(found) else otherwise


def _by_certainty(object_ids: NDArray[np.int64], order: str, suggested: Suggested) -> NDArray[np.int64]:
    """Return the positions of objects from the least certain on, or from the most certain of each class on."""
    told = [suggested.get(number, (np.inf, np.nan)) for number in object_ids.tolist()]
    classes, confidence = np.array(told, np.float64).reshape(-1, 2).T
    if order == LEAST_CERTAIN:
        return np.argsort(confidence, kind="stable")  # not-a-number comes last
    return np.lexsort((-confidence, classes))
