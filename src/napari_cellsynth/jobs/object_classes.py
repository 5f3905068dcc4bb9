"""The objects of a project with their classes, how far these can be trusted, and what becomes of them over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.class_shares import Confusion, changes_by_error
from napari_cellsynth.evaluate.following import LEAST_OVERLAP, matched, transition_counts
from napari_cellsynth.evaluate.held_out import read_held_out
from napari_cellsynth.project import BAD_SEGMENTATION, Project
from napari_cellsynth.project.carry import overlap


@dataclass(frozen=True)
class Classes:
    """The objects of a project with their classes, and how far these can be trusted.

    Attributes
    ----------
    objects : DataFrame
        Index ``object_id``; ``image_id``, ``group``, ``video``, ``frame``, and ``label`` and ``predicted`` as positions
        in ``names`` (-1: none). Bad segmentations are left out.
    names : tuple of str
        The classes.
    colours : dict
        Of the classes.
    confusion : Confusion or None
        None where the classifier has no held-out answers.
    run : str or None
        The classifier; None where nothing is predicted.
    notices : list of str
        What a reader must know.
    """

    objects: pd.DataFrame
    names: tuple[str, ...]
    colours: dict[str, str]
    confusion: Confusion | None
    run: str | None
    notices: list[str]

    def best(self) -> pd.Series[int]:
        """Return each object's class: its label, else its prediction, else -1."""
        return self.objects["label"].where(self.objects["label"] >= 0, self.objects["predicted"])


def classes_of(project: Project, run: str | None = None) -> Classes:
    """Read the labels of a project and the predictions of a classifier run (of the last one that predicted).

    Raises
    ------
    UserError
        If nothing is labelled or predicted, that run has predicted nothing, or objects have several classes.
    """
    project.require_single_label("Counting classes over time")
    table = project.objects()
    table = table[table["class_id"] != BAD_SEGMENTATION]
    answers = project.predictions(run=run)
    predicted = answers["class_id"].reindex(table.index)
    known = {*table["class_id"]} | {project.class_named(name[2:]).id for name in answers if name.startswith("p_")}
    records = [record for record in project.classes() if record.id in known]
    place = {record.id: number for number, record in enumerate(records)}
    names = tuple(record.name for record in records)
    images = project.images()
    objects = pd.DataFrame(
        {
            "image_id": table["image_id"].astype(int),
            "group": images["group"].reindex(table["image_id"]).to_numpy(),
            "video": images["name"].reindex(table["image_id"]).to_numpy(),
            "frame": table["frame"].astype(int),
            "label": table["class_id"].map(place).fillna(-1).astype(int),
            "predicted": predicted.map(place).fillna(-1).astype(int),
        },
        index=table.index,
    )
    classed = (objects[["label", "predicted"]] >= 0).any(axis=1)
    if not classed.any():
        raise UserError("No object is labelled or predicted yet.", "Label some, train a classifier and run it.")
    chosen = run or project.latest_prediction_run()
    notices = []
    if (unknown := int((~classed).sum())) > 0:
        notices.append(f"{unknown:,} objects have neither label nor prediction and are left out: run the classifier.")
    confusion = None
    if chosen is not None:
        confusion = _confusion(project, chosen, place, notices)
        if confusion is not None:
            familiar = objects["group"].isin(project.run(chosen).groups) & (objects["label"] < 0) & classed
            if familiar.any():
                notices.append(
                    f"{int(familiar.sum()):,} unlabelled objects are of groups that {chosen} learned from: it errs "
                    "less there than on held-out crops, so the correction may go too far."
                )
    colours = {record.name: record.color for record in records}
    return Classes(objects, names, colours, confusion, chosen, notices)


def _confusion(project: Project, run: str, place: dict[int, int], notices: list[str]) -> Confusion | None:
    """Return what a run took its held-out crops for, and say what that cannot tell."""
    try:
        record = project.run(run)
        answers = read_held_out(record.folder)
    except UserError as error:
        notices.append(f"Predictions cannot be corrected: {error}")
        return None
    columns = np.array([place.get(class_id, -1) for class_id in record.parameters["class_ids"]])
    true, predicted = columns[answers.labels], columns[answers.probabilities.argmax(axis=1)]
    kept = (true >= 0) & (predicted >= 0)  # a class may have been deleted since
    groups = np.asarray(record.parameters["test_groups"], dtype=str)[kept]
    found = Confusion.of(true[kept], predicted[kept], len(place), groups)
    names = {number: project.class_named(class_id).name for class_id, number in place.items()}
    untested = [names[number] for number in sorted({*columns} - {-1}) if found.crops[number] == 0]
    if untested:
        notices.append(f"No held-out crop of {', '.join(untested)}: answers are corrected as if it were always told.")
    return found


def followed(project: Project, image_id: int, least: float = LEAST_OVERLAP) -> Iterator[pd.DataFrame]:
    """Follow the objects of an image from each frame to the next, by the overlap of masks, or of boxes without them.

    Yields
    ------
    DataFrame
        For each frame but the last: ``frame``, ``object``, ``next`` (its id in the next frame) and nothing else; empty
        where there is nothing to follow.
    """
    frames = int(project.images().loc[image_id, "frames"])
    before = _in_frame(project, image_id, 0)
    for frame in range(1, frames):
        now = _in_frame(project, image_id, frame)
        pairs = np.zeros((0, 2), np.int64)
        if len(before[0]) and len(now[0]):
            (ids, boxes, labels, mask), (next_ids, next_boxes, next_labels, next_mask) = before, now
            both = overlap(boxes, next_boxes, labels, next_labels, mask, next_mask)
            places = matched(both, least)
            pairs = np.column_stack([ids[places[:, 0]], next_ids[places[:, 1]]])
        yield pd.DataFrame({"frame": frame - 1, "object": pairs[:, 0], "next": pairs[:, 1]})
        before = now


def _in_frame(
    project: Project, image_id: int, frame: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], list[int], NDArray[np.int32] | None]:
    """Return ids, boxes and mask labels of a frame's objects, and its mask."""
    table = project.objects(image_id=image_id, frame=frame)
    table = table[table["class_id"] != BAD_SEGMENTATION]
    boxes = table[["y0", "x0", "y1", "x1"]].to_numpy(float)
    mask = project.mask(image_id, frame) if len(table) and (table["mask_label"] > 0).any() else None
    return table.index.to_numpy(), boxes, table["mask_label"].tolist(), mask


def transitions(found: Classes, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return how often followed objects (of `followed`) go from class to class."""
    best = found.best()
    first, second = (best.reindex(pairs[end]).fillna(-1).astype(int).to_numpy() for end in ("object", "next"))
    return transition_counts(first, second, found.names)


def transition_words(found: Classes, pairs: pd.DataFrame) -> str:
    """Return how many followed objects changed their class, and how many would by the classifier's errors alone."""
    table = transitions(found, pairs)
    total, changed = table["count"].sum(), table.loc[table["from"] != table["to"], "count"].sum()
    if not total:
        return "No object could be followed from one frame to the next."
    words = f"{total:,} times an object was followed into the next frame; {changed / total:.0%} changed class"
    if found.confusion is None:
        return f"{words}."
    both = found.objects["label"].reindex([*pairs["object"], *pairs["next"]]).to_numpy()
    of_first, of_second = np.split(both < 0, 2)
    shares = np.bincount(found.best().reindex(pairs["object"]).clip(lower=0), minlength=len(found.names))
    rates = found.confusion.rates()
    twice = changes_by_error(shares / max(1, shares.sum()), rates)
    once = 1 - float(shares / max(1, shares.sum()) @ np.diag(rates))
    by_error = (twice * (of_first & of_second).sum() + once * (of_first ^ of_second).sum()) / max(1, len(pairs))
    return f"{words}, up to {by_error:.0%} would by errors of the classifier alone."
