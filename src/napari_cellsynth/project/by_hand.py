"""A frame's objects corrected by hand: merged, parted, deleted, painted, or taken from a label image of elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project.carry import MIN_IOU
from napari_cellsynth.project.journal import unknown_object

if TYPE_CHECKING:
    from napari_cellsynth.project.project import Project

LEAST_OVERLAP = 0.05
"""A person who parts or merges objects means them to go on: their labels go to what overlaps them most."""


class ChangedSinceError(UserError):
    """Somebody has changed the frame since the correction of it began."""


@dataclass(frozen=True)
class Correction:
    """What taking over a corrected frame did.

    Attributes
    ----------
    image_id, frame : int
        The frame.
    objects : int
        Objects in it now.
    new : int
        Of these, how many have another mask than before.
    gone : list of int
        Objects that were there before and are not any more.
    carried : int
        Labels that went to another object.
    orphans : list of int
        Of the ones gone, those whose label found no object.
    learnt_from_by : list of str
        Runs that have learned from objects that are gone; their records and results stay.
    in_pieces : int
        Objects that lie in several unconnected pieces.
    """

    image_id: int
    frame: int
    objects: int
    new: int
    gone: list[int]
    carried: int
    orphans: list[int]
    learnt_from_by: list[str]
    in_pieces: int

    def words(self) -> str:
        """Say it in one line."""
        parts = [f"{self.objects:,} objects, {self.new:,} of them new" if self.new else f"{self.objects:,} objects"]
        if self.carried:
            parts.append(f"carried over {_counted(self.carried, 'label')}")
        if self.orphans:
            parts.append(f"{_counted(len(self.orphans), 'label')} could not be placed")
        if self.in_pieces:
            parts.append(f"{_counted(self.in_pieces, 'object')} in several pieces")
        if self.learnt_from_by:
            parts.append(f"{', '.join(self.learnt_from_by)} learned from objects that are gone now; the record stays")
        return " · ".join(parts)


def take_over(
    project: Project,
    image_id: int,
    frame: int,
    labels: NDArray[Any] | None,
    *,
    since: Iterable[int] | None = None,
    least_overlap: float = LEAST_OVERLAP,
    without: Sequence[int] = (),
) -> Correction:
    """Make a corrected label image the objects of a frame.

    Parameters
    ----------
    project : Project
        Open for writing.
    image_id, frame : int
        The frame.
    labels : ndarray, shape (Y, X), or None
        0 is background, every other number one object; see `imaging.by_hand.as_instances`. None: the frame is as
        before it was segmented.
    since : iterable of int, optional
        The ids that the frame's objects had when the correction began: where they are others by now, somebody else has
        changed the frame, and it is refused.
    least_overlap : float
        Intersection over union from which on a label goes from an old object to a new one, the largest first. An
        object that was parted thus leaves its label to its largest part.
    without : sequence of int
        Objects without a mask (imported boxes) that are deleted.

    Returns
    -------
    Correction

    Raises
    ------
    UserError
        When the label image does not fit, or somebody else has changed the frame.

    Notes
    -----
    Other objects without a mask stay as they are. Predictions stay with the objects whose mask is the same.
    """
    from napari_cellsynth.imaging.by_hand import as_instances, in_pieces

    height, width = (int(project.images().loc[image_id, side]) for side in ("height", "width"))
    instances = None if labels is None else as_instances(labels, (height, width))
    drawn = boxes_of(np.zeros((height, width), np.int32) if instances is None else instances)
    with project._db.transaction():
        before = project.objects(image_id=image_id, frame=frame)
        if since is not None and set(before.index) != set(since):
            raise ChangedSinceError(
                "Somebody has changed this frame's objects since the correction began.",
                "Look at them before you go on.",
            )
        boxes = before[before["mask_label"] == 0].drop(index=list(without)).assign(mask_hash="")
        if instances is not None and not len(drawn) and project.mask(image_id, frame) is None:
            instances = None  # nothing was drawn where there was nothing
        change = project.set_objects(
            image_id, frame, pd.concat([drawn, boxes[drawn.columns]]), instances, least_overlap=least_overlap
        )
        after = project.objects(image_id=image_id, frame=frame)
    gone = sorted(set(before.index) - set(after.index))
    return Correction(
        image_id=image_id,
        frame=frame,
        objects=len(after),
        new=change.new,
        gone=gone,
        carried=change.carried,
        orphans=change.orphans,
        learnt_from_by=_learnt_from_by(project, gone),
        in_pieces=0 if instances is None else len(in_pieces(instances)),
    )


def correct(
    project: Project,
    *,
    merge: Sequence[Sequence[int]] = (),
    part: Mapping[int, int] | None = None,
    delete: Sequence[int] = (),
) -> list[Correction]:
    """Merge, part and delete objects by their ids, each frame in one step.

    Parameters
    ----------
    project : Project
        Open for writing.
    merge : sequence of sequences of int
        Objects that become one, two or more of a frame each; where several have labels, the largest one's stays.
    part : mapping of int to int
        Object to the number of parts that it falls into; its label goes to the largest.
    delete : sequence of int
        Objects that are none.

    Returns
    -------
    list of Correction
        One a frame.

    Raises
    ------
    UserError
        When an object is unknown, is asked for twice, has no mask, or merged ones lie in different frames. Nothing is
        changed then.
    """
    from napari_cellsynth.imaging.by_hand import part_into

    groups = [[int(number) for number in group] for group in merge]
    parts = {int(number): int(count) for number, count in (part or {}).items()}
    removed = [int(number) for number in delete]
    rows = _rows(project, groups, parts, removed)
    found = []
    with project._db.transaction():
        for (image_id, frame), objects in rows.groupby(["image_id", "frame"]):
            here, mask_label = set(objects.index), objects["mask_label"].to_dict()
            mask = project.mask(int(image_id), int(frame))
            labels = None if mask is None else mask.copy()
            if labels is not None:
                for group in (group for group in groups if group[0] in here):
                    labels[np.isin(labels, [mask_label[number] for number in group])] = mask_label[group[0]]
                for number in here & set(parts):
                    pieces = part_into(labels == mask_label[number], parts[number])
                    labels[pieces > 1] = int(labels.max()) + pieces[pieces > 1] - 1
                labels[np.isin(labels, [mask_label[number] for number in here & set(removed)]) & (labels > 0)] = 0
            boxes = [number for number in here & set(removed) if mask_label[number] == 0]
            # The largest of N parts is at least an Nth of the object.
            least = min([LEAST_OVERLAP, *(0.5 / parts[number] for number in here & set(parts))])
            found.append(take_over(project, int(image_id), int(frame), labels, without=boxes, least_overlap=least))
    return found


def take_masks(
    project: Project, image_id: int, masks: Any, *, frame: int | None = None, name: str = "The label image"
) -> Iterator[Correction]:
    """Make label images of elsewhere the objects of a frame, or of every frame of a series.

    Parameters
    ----------
    project : Project
        Open for writing.
    image_id : int
        The series.
    masks : array_like, shape (Y, X) or (T, Y, X)
        May be lazy: one frame at a time is read.
    frame : int, optional
        The frame that it is for; needed for one image of a longer series.
    name : str
        How messages call it.

    Yields
    ------
    Correction
        One a frame, when it is on the disk; labels are carried over as after segmenting again.

    Raises
    ------
    UserError
        When there is no such series, or size, frames or numbers do not fit.
    """
    from napari_cellsynth.imaging.by_hand import as_instances

    images = project.images()
    if image_id not in images.index:
        raise UserError(f"There is no image {image_id} in this project.", "`info` lists the images.")
    frames, series = int(images.loc[image_id, "frames"]), str(images.loc[image_id, "name"])
    stack = masks if np.ndim(masks) > 2 else np.asarray(masks)[None]
    if len(stack) == 1 and frame is None and frames > 1:
        raise UserError(f"{name} is one frame, {series} has {frames}.", "Say which frame it is for.")
    if len(stack) not in (1, frames):
        raise UserError(f"{name} has {len(stack)} frames, {series} has {frames}.", "One label image a frame is needed.")
    if frame is not None and not 0 <= frame < frames:
        raise UserError(f"{series} has frames 0 to {frames - 1}, not {frame}.")
    for t in range(frames) if frame is None else [frame]:
        labels = as_instances(stack[0 if len(stack) == 1 else t], _size(images, image_id), name=name)
        yield take_over(project, image_id, t, labels, least_overlap=MIN_IOU)


def _size(images: pd.DataFrame, image_id: int) -> tuple[int, int]:
    return int(images.loc[image_id, "height"]), int(images.loc[image_id, "width"])


def _rows(project: Project, groups: list[list[int]], parts: dict[int, int], removed: list[int]) -> pd.DataFrame:
    """Return the rows of the objects that are corrected, and refuse what makes no sense."""
    named = [*(number for group in groups for number in group), *parts, *removed]
    objects = project.objects()
    for number, times in Counter(named).items():
        if number not in objects.index:
            raise unknown_object(number)
        if times > 1:
            raise UserError(f"Object {number} is named {times} times.", "Merge, part or delete it.")
    rows = objects.loc[named]
    for number in named:
        if number not in removed and rows.loc[number, "mask_label"] == 0:
            raise UserError(f"Object {number} is a box without an outline.", "It can be deleted only.")
    for group in groups:
        if len(group) < 2:
            raise UserError(f"Object {group[0] if group else ''} alone cannot be merged.", "Name two or more objects.")
        if len(rows.loc[group, ["image_id", "frame"]].drop_duplicates()) > 1:
            raise UserError(
                f"Objects {group[0]} and {group[-1]} do not lie in one frame.", "Merge objects of one frame."
            )
    if not named:
        raise UserError("There is nothing to correct.", "Name objects to merge, part or delete.")
    return rows


def _learnt_from_by(project: Project, objects: Sequence[int]) -> list[str]:
    if not objects:
        return []
    gone = set(objects)
    return [run.id for run in project.runs() if gone & _learnt_from(run.parameters)]


def _learnt_from(parameters: dict[str, Any]) -> set[int]:
    """Return the objects that a run's record names: a GAN's as numbers, a classifier's with their classes."""
    pairs = parameters.get("training_objects")
    firsts = [pair[0] for pair in pairs if isinstance(pair, list) and pair] if isinstance(pairs, list) else []
    return {number for number in [*parameters.get("objects", ()), *firsts] if isinstance(number, int)}


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
