"""Groups (a video, slide, well, animal) and the part of them that is held out: a group never straddles a split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.objects import Objects

_ATTEMPTS = 200
_MOST_NAMED = 6


def groups_in_words(groups: Iterable[str]) -> str:
    """Say how many different groups these are, and their names: ``"3 groups: A, B, C"``."""
    names = sorted(set(groups))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{len(names)} group{'s' * (len(names) != 1)}: {', '.join(names[:_MOST_NAMED])}{more}"


class Groups(Objects):
    """Choosing the test groups, and the labelled objects on either side."""

    def splits(self) -> dict[str, str]:
        """Return every group's split: ``"train"``, ``"test"`` or ``""`` (not chosen, which counts as training)."""
        return {str(name): str(split) for name, split in self._db.read("SELECT name, split FROM groups ORDER BY name")}

    def set_split(self, split: Mapping[str, str]) -> None:
        """Set groups to ``"train"``, ``"test"`` or ``""``; the others stay.

        Raises
        ------
        UserError
            When a group or a split is unknown.
        """
        known = self.splits()
        for group, value in split.items():
            if group not in known:
                raise UserError(f"There is no group {group!r}.", f"The groups are {_some(list(known))}.")
            if value not in ("train", "test", ""):
                raise UserError(f"{value!r} is no split of the group {group!r}.", "Use 'train', 'test' or ''.")
        with self._db.transaction():
            self._db.write_many("UPDATE groups SET split = ? WHERE name = ?", [(v, g) for g, v in split.items()])
            self._changed("images_changed")

    def set_folds(self, folds: Mapping[str, int]) -> None:
        """Say which groups each fold holds out; the groups that are not named are in no fold.

        Raises
        ------
        UserError
            When a group is unknown.
        """
        known = self.splits()
        for group in folds:
            if group not in known:
                raise UserError(f"There is no group {group!r}.", f"The groups are {_some(list(known))}.")
        with self._db.transaction():
            self._db.write("UPDATE groups SET fold = NULL")
            self._db.write_many("UPDATE groups SET fold = ? WHERE name = ?", [(f, g) for g, f in folds.items()])

    def hold_out(self, *, fraction: float = 0.25, seed: int = 0) -> dict[str, str]:
        """Choose whole groups as the test part, about that share of every class, and keep the choice.

        Every class that occurs in two groups or more stays in the training part, and comes into the test part as far as
        the groups allow.

        Parameters
        ----------
        fraction : float
            The share of labelled objects to hold out, 0 to 1 (exclusive).
        seed : int
            Of the search among the groups.

        Returns
        -------
        dict
            The split of every group; groups without a label stay ``""``.

        Raises
        ------
        UserError
            When fewer than two groups have labels, or no choice leaves every class in training.
        """
        if not 0 < fraction < 1:
            raise UserError(f"{fraction} of the groups cannot be held out.", "Choose a share between 0 and 1.")
        table = self.per_class(self._labelled("1", []))
        counted = table.groupby(["group", "class_id"]).size()
        rows = [(group, label, count) for (group, label), count in counted.items()]
        groups = sorted({row[0] for row in rows})
        if len(groups) < 2:
            raise UserError(
                f"Labels are in {len(groups) or 'no'} group, and a test set needs a group of its own.",
                "Label objects in a second video, slide or well, or add images with a finer group_by.",
            )
        labels = sorted({row[1] for row in rows})
        counts = np.zeros((len(groups), len(labels)))
        for group, label, count in rows:
            counts[groups.index(group), labels.index(label)] = count
        test = _choose(counts, fraction, np.random.default_rng(seed))
        if test is None:
            raise UserError(
                "No group can be held out without taking a class out of the training.",
                "Label more objects in other videos, slides or wells.",
            )
        with self._db.transaction():
            self._db.write("UPDATE groups SET split = ''")
            self.set_split({group: "test" if out else "train" for group, out in zip(groups, test, strict=True)})
        return self.splits()

    def training_objects(self, *, fold: int | None = None) -> pd.DataFrame:
        """Return the active objects with a class, outside of the test groups (and outside of a fold's held-out groups).

        Columns as `objects`. Unsure objects and bad segmentations are not among them.

        Raises
        ------
        UserError
            When a fold is asked for that `set_folds` has not set.
        """
        if fold is None:
            return self._labelled("g.split != 'test'", [])
        if not self._db.read("SELECT 1 FROM groups WHERE fold = ?", (int(fold),)):
            raise UserError(f"There is no fold {fold} in {self.path.name}.", "Set the folds first.")
        return self._labelled("g.split != 'test' AND g.fold IS NOT ?", [int(fold)])

    def test_objects(self) -> pd.DataFrame:
        """Return the active objects with a class in the test groups: real ones alone, there is no way to add others."""
        return self._labelled("g.split = 'test'", [])

    def _labelled(self, condition: str, parameters: list[Any]) -> pd.DataFrame:
        images = f"SELECT i.id FROM images i JOIN groups g ON g.name = i.group_name WHERE {condition}"
        return self._object_table(f"active = 1 AND class_id > 0 AND image_id IN ({images})", parameters)


def _choose(counts: NDArray[np.float64], fraction: float, generator: np.random.Generator) -> NDArray[np.bool_] | None:
    """Return which groups (rows) to hold out so that every class (column) comes near to its share, or None."""
    totals = counts.sum(axis=0)
    spread = (counts > 0).sum(axis=0) >= 2
    best, least = None, np.inf
    for _ in range(_ATTEMPTS):
        test = np.zeros(len(counts), bool)
        for group in generator.permutation(len(counts)):
            trial = test.copy()
            trial[group] = True
            left = totals - counts[trial].sum(axis=0)
            if np.any(left[spread] <= 0) or trial.all():
                continue
            if not test.any() or _miss(counts, trial, totals, spread, fraction) < _miss(
                counts, test, totals, spread, fraction
            ):
                test = trial
        miss = _miss(counts, test, totals, spread, fraction) if test.any() else np.inf
        if miss < least:
            best, least = test, miss
    return best


def _miss(
    counts: NDArray[np.float64],
    test: NDArray[np.bool_],
    totals: NDArray[np.float64],
    spread: NDArray[np.bool_],
    fraction: float,
) -> float:
    share = counts[test].sum(axis=0) / totals
    # A class that could be tested and is not weighs as much as one that is all in the test part.
    absent = (share[spread] == 0).sum()
    return float(np.abs(share - fraction).sum() + absent + abs(counts[test].sum() / totals.sum() - fraction))


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
