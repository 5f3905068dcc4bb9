"""The suggest job: beside a person who labels, a cheap model is fitted again after every few labels.

It reads the project as any other program would, so a label is never delayed by it: the window only writes, and this
process notices.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.label_help import class_probabilities, out_of_fold_probabilities
from napari_cellsynth.evaluate.label_orders import different_first, similar_space
from napari_cellsynth.evaluate.scores import balanced_accuracy
from napari_cellsynth.events import Event, Finished, Looks, Progress, Stop, Stopped, Suggestions
from napari_cellsynth.imaging.crop import intensity_range
from napari_cellsynth.jobs.job import Job, SuggestParameters
from napari_cellsynth.jobs.label_helping import scaled
from napari_cellsynth.project import Project

SIZE = 64
_CHUNK = 256
REST_S = 0.1
"""Between two looks at the project, when there is nothing to do."""
BEGIN = 500
"""Objects that are chosen to begin with; by then a model knows better what to ask."""
RECENT = 100
"""The labels whose gain is told: "the last 100 labels moved the score by …"."""
_SCORED_FROM = 20
"""With fewer labels a score would be a dice roll."""


def suggest(job: Job, stop: Stop) -> Iterator[Event]:
    """Suggest classes for all objects, again and again as labels come, until it is stopped.

    Groups that are held out get suggestions like all others, and their labels are learned from: nothing that is
    learned here is measured on them or leaves the labelling.

    Yields
    ------
    Event
        `Progress` while features are computed (once for each object), `Suggestions` whenever they have changed,
        `Looks` once all objects have features; `Stopped` at the end, or, without ``watch``, `Finished` then.
    """
    from napari_cellsynth.evaluate.extractors import features

    parameters = job.checked()
    assert isinstance(parameters, SuggestParameters)
    with Project.open(job.project, read_only=True) as project:
        known = _Known()
        stale = _Stale(project)
        while not stop():
            if stale.objects:
                stale.objects = False
                known.follow(project.objects())
                stale.labels = True
            elif stale.labels:
                stale.labels = False
                known.label(project.objects()["class_id"])
                if project.multi_label:
                    continue  # nothing is suggested there, but the looks serve the orders
                if (told := known.suggestions(project.labelled_last(RECENT))) is not None:
                    yield told
            elif missing := known.missing(_CHUNK):
                known.add(missing, features(known.patches(project.crops(missing, size=SIZE, fit="whole")), "handmade"))
                yield Progress(len(known.x), len(known.table), "objects", "features")
                # The first crops get their suggestions at once, the others when all have been looked at.
                stale.labels = len(known.x) == len(missing) or not known.missing(1)
            elif known.changed:
                yield known.looks()
            elif not parameters.watch:
                yield Finished({"objects": len(known.table)})
                return
            else:
                time.sleep(REST_S)
            project.catch_up()
        yield Stopped()


class _Stale:
    """What of the project has changed since it was read."""

    def __init__(self, project: Project) -> None:
        self.objects = True
        self.labels = True
        project.catch_up()
        # The project keeps its listeners weakly.
        project.objects_changed.connect(self._on_objects)
        project.images_changed.connect(self._on_objects)
        project.classes_changed.connect(self._on_labels)
        project.labels_changed.connect(self._on_labels)

    def _on_objects(self) -> None:
        self.objects = True

    def _on_labels(self, _ids: object = None) -> None:
        self.labels = True


class _Known:
    """The objects of the project, frame by frame, and the features of those that were looked at."""

    def __init__(self) -> None:
        self.table = pd.DataFrame()
        self.x: dict[int, NDArray[np.float64]] = {}
        self.changed = False
        self._boxes: dict[int, tuple[int, ...]] = {}
        self._range: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def follow(self, table: pd.DataFrame) -> None:
        """Take the objects over; what is gone, or has another box now, is forgotten."""
        if table.empty:
            raise UserError("There are no objects to look at.", "Segment the images or import objects first.")
        boxes = table[["image_id", "frame", "y0", "x0", "y1", "x1"]].to_numpy().tolist()
        now = {int(number): tuple(box) for number, box in zip(table.index, boxes, strict=True)}
        self.changed = True
        self.x = {number: row for number, row in self.x.items() if now.get(number) == self._boxes[number]}
        self._boxes = now
        self.table = table.sort_values(["image_id", "frame"], kind="stable")

    def label(self, class_ids: pd.Series) -> None:
        """Take new labels over."""
        self.table = self.table.assign(class_id=class_ids.reindex(self.table.index).fillna(0).astype(int))

    def missing(self, most: int) -> list[int]:
        """Return up to so many objects without features: first those with labels, without which nothing is learned."""
        waiting = self.table.loc[~self.table.index.isin(list(self.x)), "class_id"]
        order = np.argsort(waiting.to_numpy() <= 0, kind="stable")[:most]
        return [int(number) for number in waiting.index[order]]

    def patches(self, crops: list[NDArray[np.generic]]) -> NDArray[np.float32]:
        """Return crops as patches, all in the intensity range of the first ones."""
        if self._range is None:
            self._range = intensity_range(crops)
        return scaled(crops, *self._range)

    def add(self, object_ids: list[int], rows: NDArray[np.float64]) -> None:
        """Keep features."""
        self.changed = True
        self.x.update(zip(object_ids, rows, strict=True))

    def looks(self) -> Looks:
        """Return how the objects look, and with which of them to begin a labelling."""
        self.changed = False
        table = self.table.loc[self.table.index.isin(list(self.x))]
        z = similar_space(np.stack([self.x[int(number)] for number in table.index]))
        different = different_first(z, table["group"].to_numpy(), BEGIN)
        ids = table.index.to_numpy(np.int64)
        return Looks(ids, z.astype(np.float32), ids[different])

    def suggestions(self, recent: list[int]) -> Suggestions | None:
        """Fit the model and return what it says of all objects, or None where two classes are not there yet."""
        table = self.table.loc[self.table.index.isin(list(self.x))]
        classes = table["class_id"].to_numpy()
        labelled = classes > 0
        class_ids, y = np.unique(classes[labelled], return_inverse=True)
        if len(class_ids) < 2:
            return None
        x = np.stack([self.x[int(number)] for number in table.index])
        p = class_probabilities(x[labelled], y, x, len(class_ids))
        groups = table["group"].to_numpy()[labelled]
        score, before = self._scores(x[labelled], y, groups, table.index[labelled].isin(recent))
        return Suggestions(
            table.index.to_numpy(np.int64),
            class_ids[p.argmax(axis=1)].astype(np.int64),
            p.max(axis=1).astype(np.float32),
            int(labelled.sum()),
            score,
            before,
        )

    def _scores(
        self, x: NDArray[np.float64], y: NDArray[np.int64], groups: NDArray[np.object_], recent: NDArray[np.bool_]
    ) -> tuple[float | None, float | None]:
        """Return the balanced accuracy on groups not learned from, with all labels and without the most recent ones."""
        if len(y) < _SCORED_FROM or len(np.unique(groups)) < 2:
            return None, None
        now = balanced_accuracy(y, out_of_fold_probabilities(x, y, groups).argmax(axis=1))
        if len(y) - recent.sum() < _SCORED_FROM or len(np.unique(y[~recent])) < 2:
            return now, None
        return now, balanced_accuracy(y, out_of_fold_probabilities(x, y, groups, learned=~recent).argmax(axis=1))
