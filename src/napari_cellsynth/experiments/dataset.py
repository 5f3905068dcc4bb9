"""What an experiment works on: real crops with their classes and groups, and the outer folds over the groups."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.errors import LeakError, UserError
from napari_cellsynth.evaluate.splits import grouped_folds
from napari_cellsynth.imaging.near_copies import near_copies
from napari_cellsynth.project import Project

LEAST = 2
"""Training crops that each class must have in every fold: a GAN cannot learn from fewer."""

SPARED = 10
"""Crops of a class that stay where a data set is thinned out."""
_INNER = 4
"""An inner split tests a quarter of a fold's training crops."""


@dataclass(frozen=True)
class Dataset:
    """Real, labelled crops.

    Attributes
    ----------
    crops : sequence of ndarray
        N crops (C, h, w) of raw intensities; h and w are at least ``size``.
    labels : ndarray of int64, shape (N,) or (N, K)
        Their classes, 0..K-1; or 0/1 for each of K classes where crops may have several.
    groups : ndarray of str, shape (N,)
        What must not straddle a split.
    ids : ndarray of int64, shape (N,)
        The objects' ids in the project, or their numbers.
    class_names : tuple of str, length K
        Names of the classes.
    size : int
        Side of the patches cut from the crops, pixels.
    """

    crops: Sequence[NDArray[Any]]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    ids: NDArray[np.int64]
    class_names: tuple[str, ...]
    size: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def several(self) -> bool:
        """Whether crops may have several classes."""
        return self.labels.ndim == 2

    def has(self, number: int, index: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """Return whether each crop (of those at ``index``) has a class."""
        labels = self.labels if index is None else self.labels[index]
        return np.asarray(labels[:, number] > 0 if self.several else labels == number)

    def counts(self, index: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return how many crops (of those at ``index``) have each class, (K,)."""
        return np.array([self.has(number, index).sum() for number in range(len(self.class_names))], dtype=np.int64)

    def digest(self) -> str:
        """Return a hash of everything that an experiment reads; a resumed one must find the same."""
        told = hashlib.sha256(repr((self.class_names, self.size)).encode())
        for each in (self.labels, self.ids):
            told.update(np.ascontiguousarray(each).tobytes())
        told.update("\0".join(self.groups.tolist()).encode())
        for crop in self.crops:
            told.update(f"{crop.shape}{crop.dtype}".encode() + np.ascontiguousarray(crop).tobytes())
        return told.hexdigest()


def from_patches(patches: NDArray[Any], labels: Sequence[Any], groups: ArrayLike) -> Dataset:
    """Return a data set of patches.

    Parameters
    ----------
    patches : ndarray, shape (N, C, S, S)
        Real patches of any real type.
    labels : sequence, length N
        Their classes, of any sortable type; the sorted distinct ones are the classes.
    groups : array_like, shape (N,)
        Their groups.
    """
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    return Dataset(
        list(patches),
        codes.astype(np.int64),
        np.asarray(groups).astype(str),
        np.arange(len(codes), dtype=np.int64),
        tuple(str(name) for name in names),
        int(patches.shape[-1]),
    )


def labelled(project: Project, classes: Sequence[str] = (), *, several: bool = False) -> Dataset:
    """Return all labelled objects of a project without their pixels: enough to lay out an experiment.

    Those of its held-out groups are among them: an experiment draws folds of its own and takes over nothing that was
    trained in the project.

    Parameters
    ----------
    project : Project
        Where the objects are.
    classes : sequence of str
        Only objects of these classes; of all if empty.
    several : bool
        Take objects of several classes too.

    Raises
    ------
    UserError
        If there is no such class, fewer than two classes have labels, objects may have several, or their images differ
        in channels or bit depth.
    """
    if not several:
        project.require_single_label("An experiment other than protein-augmentation")
    table = pd.concat([project.training_objects(), project.test_objects()]).sort_index()
    names = {record.id: record.name for record in project.classes()}
    if unknown := sorted(set(classes) - set(names.values())):
        raise UserError(f"There is no class {unknown[0]!r}.", f"The classes are {', '.join(names.values())}.")
    labels = project.indicators(table["label"], list(names))
    used = {i: bool(labels[:, place].any()) for place, i in enumerate(names)}
    wanted = [i for i, name in names.items() if (not classes or name in classes) and used[i]]
    if len(wanted) < 2:
        raise UserError("An experiment needs labelled crops of two classes at least.", "Label more crops.")
    labels = labels[:, [list(names).index(i) for i in wanted]]
    table, labels = table[labels.any(axis=1)], labels[labels.any(axis=1)]
    project.require_one_kind(table.index.tolist())
    return Dataset(
        [],
        labels.astype(np.int64) if project.multi_label else labels.argmax(axis=1).astype(np.int64),
        table["group"].to_numpy().astype(str),
        table.index.to_numpy(dtype=np.int64),
        tuple(names[class_id] for class_id in wanted),
        0,
    )


def part_of(data: Dataset, positions: NDArray[np.int64], classes: Sequence[int] | None = None) -> Dataset:
    """Return some objects of a data set without pixels, of all its classes or renumbered to those given."""
    kept = list(range(len(data.class_names)) if classes is None else classes)
    has = np.column_stack([data.has(number, positions) for number in kept])
    positions, has = positions[has.any(axis=1)], has[has.any(axis=1)]
    return replace(
        data,
        labels=has.astype(np.int64) if data.several else has.argmax(axis=1).astype(np.int64),
        groups=data.groups[positions],
        ids=data.ids[positions],
        class_names=tuple(data.class_names[number] for number in kept),
    )


def thinned(data: Dataset, most: int, seed: int) -> Dataset:
    """Return at most so many objects, drawn at random in the classes' proportions; 0 keeps all.

    `SPARED` objects of a class are kept, where it has them, so that it can be learned and tested; the total may exceed
    ``most`` by these.
    """
    if not most or len(data) <= most:
        return data
    rng = np.random.default_rng(seed)
    chosen = []
    for number in range(len(data.class_names)):
        members = np.flatnonzero(data.has(number))
        count = max(round(len(members) * most / len(data)), min(SPARED, len(members)))
        chosen.append(rng.permutation(members)[:count])
    return part_of(data, np.unique(np.concatenate(chosen)))


def with_crops(
    data: Dataset, project: Project, *, size: int, fit: Literal["window", "whole"], **cutting: Any
) -> Dataset:
    """Return a data set with its objects' crops, cut as `Project.crops` says."""
    return replace(data, crops=project.crops(data.ids.tolist(), size=size, fit=fit, **cutting), size=size)


def assert_no_twins(dataset: Dataset) -> None:
    """Raise where a crop, or nearly the same one, is in two groups: one would be tested on what the other taught.

    Raises
    ------
    LeakError
        Naming (some of) the objects.
    """
    first: dict[bytes, int] = {}
    twins = []

    def told(number: int) -> str:
        return f"{dataset.ids[number]} ({dataset.groups[number]})"

    for number, crop in enumerate(dataset.crops):
        content = hashlib.sha256(f"{crop.shape}{crop.dtype}".encode() + np.ascontiguousarray(crop).tobytes()).digest()
        before = first.setdefault(content, number)
        if dataset.groups[before] != dataset.groups[number]:
            twins.append(f"{told(before)} and {told(number)}")
    _refuse("The same crop is", twins)
    near = near_copies(dataset.crops, dataset.groups)
    _refuse("Nearly the same crop is", [f"{told(each.first)} and {told(each.second)}" for each in near])


def _refuse(what: str, pairs: Sequence[str]) -> None:
    if not pairs:
        return
    more = f", and {len(pairs) - 3} more pairs" if len(pairs) > 3 else ""
    raise LeakError(
        f"{what} in two groups: objects {'; '.join(pairs[:3])}{more}.",
        "Remove one of each pair, or put their images into one group.",
    )


@dataclass(frozen=True)
class Fold:
    """One outer fold: positions (int64) of the crops that are learned from and tested on."""

    repeat: int
    number: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    inner: Fold | None = None
    """A split of ``train`` by whole groups, within which something may be chosen; the fold's ``test`` is in no part."""
    is_inner: bool = False

    @property
    def name(self) -> str:
        """The fold's name in file names and tables."""
        return f"r{self.repeat}-f{self.number}{'-inner' * self.is_inner}"


def outer_folds(dataset: Dataset, folds: int, repeats: int, seed: int) -> list[Fold]:
    """Split a data set into folds by whole groups, so many times over.

    Raises
    ------
    UserError
        If the groups do not allow it, or a class would be missing from what some fold learns from.
    """
    made = []
    for repeat in range(repeats):
        for number, (train, test) in enumerate(grouped_folds(dataset.groups, dataset.labels, folds, seed + repeat)):
            present = dataset.counts(train)
            if present.min() < LEAST:
                missing = dataset.class_names[int(np.argmin(present))]
                few = "no" if present.min() == 0 else "a single"
                raise UserError(
                    f"Fold {number + 1} has {few} {missing} to learn from: its crops are few, or lie in few groups.",
                    f"Label {missing} in more groups, use fewer folds, or leave the class out.",
                )
            made.append(Fold(repeat, number, train, test))
    return made


def with_inner(dataset: Dataset, folds: Sequence[Fold], seed: int) -> list[Fold]:
    """Return folds each of which has its training part split again by whole groups: three quarters, and a quarter.

    All of them or none: an inner part in which a class could not be learned, or none but one could be tested, is no
    ground to choose on.
    """
    inner = [_inner(dataset, fold, seed + fold.repeat) for fold in folds]
    if any(each is None for each in inner):
        return list(folds)
    return [replace(fold, inner=each) for fold, each in zip(folds, inner, strict=True)]


def _inner(dataset: Dataset, fold: Fold, seed: int) -> Fold | None:
    """Return the inner split of a fold that tests the most classes, or None."""
    groups, labels = dataset.groups[fold.train], dataset.labels[fold.train]
    parts = min(_INNER, len(np.unique(groups)), int(np.bincount(labels).max()))
    if parts < 2:
        return None
    try:
        splits = grouped_folds(groups, labels, parts, seed)
    except UserError:  # too uneven
        return None
    best, most = None, 1
    for train, test in splits:
        learned = np.bincount(labels[train], minlength=len(dataset.class_names))
        tested = len(np.unique(labels[test]))
        if learned.min() >= LEAST and tested > most:
            best, most = Fold(fold.repeat, fold.number, fold.train[train], fold.train[test], is_inner=True), tested
    return best
