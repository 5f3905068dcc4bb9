"""The label-help job: which labels are probably wrong, which crops are copies across groups, what to label next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import label_help
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped
from napari_cellsynth.imaging.crop import intensity_range
from napari_cellsynth.imaging.near_copies import near_copies
from napari_cellsynth.jobs.job import Job, LabelHelpParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.label_help import LabelHelp, read_label_help, write_label_help

if TYPE_CHECKING:
    import pandas as pd

_SIZE = 64
_CHUNK = 512
_STEPS = 4
_MOST_PAIRS = 1000


def help_with_labels(job: Job, stop: Stop) -> Iterator[Event]:
    """Look at all objects, with a cheap model of its own, and keep what is found in the project.

    Held-out groups are looked at as well: their labels can be wrong like others, and nothing that is learned here is
    used for anything but advice.

    Yields
    ------
    Event
        Progress; `Finished` with what `LabelHelp` holds.
    """
    from napari_cellsynth.evaluate.extractors import features

    parameters = job.checked()
    assert isinstance(parameters, LabelHelpParameters)
    with Project.open(job.project) as project:
        table = project.objects()
        if table.empty:
            raise UserError("There are no objects to look at.", "Segment the images or import objects first.")
        table = _at_most(table, parameters.most, parameters.seed)
        patches: list[NDArray[np.float32]] = []
        for start in range(0, len(table), _CHUNK):
            if stop():
                yield Stopped("")
                return
            crops = project.crops(table.index[start : start + _CHUNK].tolist(), size=_SIZE, fit="whole")
            if start == 0:
                low, high = intensity_range(crops)
            patches.append(scaled(crops, low, high))
            yield Progress(min(start + _CHUNK, len(table)), len(table), "objects", "reading crops")
        pictures = np.concatenate(patches)
        x = features(pictures, "handmade")
        if stop():
            yield Stopped("")
            return
        yield Progress(1, _STEPS, "looks", "near-copies")
        duplicates = _duplicates(project, table, pictures)
        yield Progress(2, _STEPS, "looks", "labels")
        mislabelled, notices = _mislabelled(project, table, x, parameters.seed)
        yield Progress(3, _STEPS, "looks", "what to label next")
        chosen = _next(table, x, parameters)
        before = read_label_help(project.path).random
        drawn = [int(table.index[each.position]) for each in chosen if each.is_random]
        known = LabelHelp(
            mislabelled,
            duplicates,
            [int(table.index[each.position]) for each in chosen],
            list(dict.fromkeys([*before, *drawn])),
            notices,
        )
        write_label_help(project.path, known)
        yield Progress(_STEPS, _STEPS, "looks")
        yield Finished(asdict(known))


def _at_most(table: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Return all labelled objects, and a random part of the others where there are very many."""
    if len(table) <= most:
        return table.sort_values(["image_id", "frame"])
    order = np.random.default_rng(seed).permutation(len(table))
    order = order[np.argsort(table["class_id"].to_numpy()[order] <= 0, kind="stable")][:most]
    return table.iloc[order].sort_values(["image_id", "frame"])


def scaled(crops: list[NDArray[Any]], low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.float32]:
    """Return crops (C, S, S) as patches (N, C, S, S) in [-1, 1], by the ends of their intensity range a channel."""
    ends = [np.asarray(end, np.float32).reshape(1, -1, 1, 1) for end in (low, high)]
    scaled = (np.stack(crops).astype(np.float32) - ends[0]) / (ends[1] - ends[0]) * 2 - 1
    return np.asarray(np.clip(scaled, -1, 1), np.float32)


def _duplicates(project: Project, table: pd.DataFrame, patches: NDArray[np.float32]) -> list[dict[str, Any]]:
    groups, splits = table["group"].tolist(), project.splits()
    return [
        {
            "objects": [int(table.index[pair.first]), int(table.index[pair.second])],
            "groups": [groups[pair.first], groups[pair.second]],
            "likeness": round(pair.likeness, 4),
            "leak": (splits[groups[pair.first]] == "test") != (splits[groups[pair.second]] == "test"),
        }
        for pair in near_copies(list(patches), groups)[:_MOST_PAIRS]
    ]


def _mislabelled(
    project: Project, table: pd.DataFrame, x: NDArray[np.float64], seed: int
) -> tuple[list[dict[str, Any]], list[str]]:
    if project.multi_label:
        return [], ["Likely mistakes need a single-label project: they were not looked for."]
    labelled = np.flatnonzero(table["class_id"].to_numpy() > 0)
    class_ids, y = np.unique(table["class_id"].to_numpy()[labelled], return_inverse=True)
    ids = table.index.to_numpy()[labelled]
    try:
        p = label_help.out_of_fold_probabilities(x[labelled], y, table["group"].to_numpy()[labelled], seed=seed)
    except UserError as error:
        return [], [f"Labels were not looked at: {error.message}"]
    return [
        {
            "object": int(ids[i]),
            "given": int(class_ids[y[i]]),
            "suggested": int(class_ids[p[i].argmax()]),
            "probability": round(float(p[i, y[i]]), 4),
        }
        for i in label_help.likely_mislabelled(y, p)
    ], []


def _next(table: pd.DataFrame, x: NDArray[np.float64], parameters: LabelHelpParameters) -> list[label_help.Next]:
    """Choose among the unlabelled objects, by a model of the labelled ones of the training groups.

    Objects that have the same classes count as one kind.
    """
    classes = table["label"].to_numpy()
    asked = np.flatnonzero(classes == 0)
    learned = np.flatnonzero((classes > 0) & (table["split"].to_numpy() != "test"))
    class_ids, y = np.unique(classes[learned], return_inverse=True)
    k = max(2, len(class_ids))
    # Without two classes nothing is known to be sure of; diversity and chance then choose alone.
    p = np.full((len(asked), k), 1 / k)
    if len(class_ids) > 1:
        p = label_help.class_probabilities(x[learned], y, x[asked], k)
    chosen = label_help.label_next(p, x[asked], parameters.n, seed=parameters.seed)
    return [label_help.Next(int(asked[each.position]), each.is_random) for each in chosen]
