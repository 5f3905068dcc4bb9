"""Who says what of an object: answers given without seeing the label that was there, beside the labels themselves.

An answer changes no label. A *repeat* asks the same person again, an *independent* answer is a second labeller's; the
figures are in `evaluate.agreement`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from napari_cellsynth.project.base import UNLABELLED
from napari_cellsynth.project.journal import Labels
from napari_cellsynth.project.schema import FIRST_PATCH_ID
from napari_cellsynth.project.values import telling_damage

How = Literal["repeat", "independent"]
IMPORTED = "import"
"""The labeller of imported labels: nobody knows who gave them."""

REPEATED = 0.05
"""The share of somebody's labels that is asked again."""

_GIVEN = (
    "SELECT j.target, a.user, j.new, a.source, a.id, 0 FROM journal j JOIN actions a ON a.id = j.action "
    "WHERE a.kind = 'label' AND a.source IN ('hand', 'bulk', 'accepted prediction', 'import', 'decision') "
    f"AND j.target < {FIRST_PATCH_ID} UNION ALL "
    "SELECT n.object_id, a.user, n.label, a.source, a.id, n.first FROM answers n JOIN actions a ON a.id = n.action "
    "ORDER BY 5"
)


class Opinions(Labels):
    """Keeping answers, and reading who says what."""

    def answer(
        self, object_ids: Sequence[int], class_id: int | Collection[int], how: How, *, user: str | None = None
    ) -> None:
        """Keep what somebody says of objects without changing their labels; one call is one step of undo.

        Parameters
        ----------
        object_ids : sequence of int
            Active objects.
        class_id : int or collection of int
            As of `label`; `UNLABELLED` takes an answer back.
        how : {"repeat", "independent"}
            Whether the same person is asked again, or somebody who has not seen the labels.
        user : str, optional
            Who answers; `user` by default.

        Raises
        ------
        UserError
            As of `label`.
        """
        wanted = list(dict.fromkeys(int(number) for number in object_ids))
        if not wanted:
            return
        self._user = user or self.user
        with self._db.transaction():
            label, first = self._label_of(class_id), self._current_labels(wanted)
            action = self._begin("answer", how)
            self._db.write_many(
                "INSERT INTO answers (action, object_id, first, label) VALUES (?, ?, ?, ?)",
                ((action, number, first[number], label) for number in wanted),
            )
            self._labels_changed(wanted)

    @telling_damage
    def opinions(self) -> pd.DataFrame:
        """Return what everybody says of every object now: one row for each person and object.

        Returns
        -------
        DataFrame
            object_id, user, label, source (``"hand"``, ``"bulk"``, ``"accepted prediction"``, ``"import"`` or
            ``"independent"``), action (its number). What was undone or taken back is left out, and so are repeats and
            decisions. What was said of an object that was segmented again is said of its heir; imported labels are the
            labeller ``"import"``'s.
        """
        given = self._given()
        given = given[~given["source"].isin(["repeat", "decision"])].drop(columns="first")
        newest = given.drop_duplicates(["user", "object_id"], keep="last")
        return newest[newest["label"] != UNLABELLED].reset_index(drop=True)

    @telling_damage
    def repeats(self, user: str | None = None) -> pd.DataFrame:
        """Return somebody's labels that were asked again: object_id, first and second label, action.

        Parameters
        ----------
        user : str, optional
            Whose; those of `user` by default.
        """
        given = self._given()
        mine = given[(given["source"] == "repeat") & (given["user"] == (user or self.user))]
        mine = mine.drop_duplicates("object_id", keep="last")
        mine = mine[mine["label"] != UNLABELLED]
        return mine.rename(columns={"label": "second"})[["object_id", "first", "second", "action"]].reset_index(
            drop=True
        )

    def decided(self) -> dict[int, int]:
        """Return the objects of which a disagreement was settled, with the number of the action that did."""
        given = self._given()
        given = given[given["source"] == "decision"]
        return dict(zip(given["object_id"].tolist(), given["action"].tolist(), strict=True))

    def to_repeat(self, share: float = REPEATED, *, seed: int = 0, user: str | None = None) -> list[int]:
        """Choose labelled objects to ask their labeller again, in random order: a share of them, one at least.

        Only objects whose label is that person's own; those that were asked before are among them, so that a round can
        be finished later.

        Parameters
        ----------
        share : float
            In (0, 1].
        seed : int
            Of the choice.
        user : str, optional
            Who is to be asked; `user` by default.
        """
        name = user or self.user
        own = self._own(name)
        asked = set(self.repeats(name)["object_id"].tolist())
        if not own:
            return []
        # The numbers of an object hang on it alone: more labels add to a round and do not change it.
        drawn, place = np.random.default_rng(seed).random((max(own) + 1, 2)).T
        chosen = [number for number in own if drawn[number] < share or number in asked]
        return sorted(chosen or [min(own, key=lambda number: drawn[number])], key=lambda number: place[number])

    def to_mix_in(self, count: int, *, after: int = 20, user: str | None = None) -> list[int]:
        """Draw labelled objects to ask their labeller again in between, at random.

        Only objects whose label is that person's own, which were not asked again yet.

        Parameters
        ----------
        count : int
            How many at most.
        after : int
            So many of the newest labels are left out: the person still remembers them.
        user : str, optional
            Who is to be asked; `user` by default.
        """
        name = user or self.user
        own = self._own(name)
        asked = set(self.repeats(name)["object_id"].tolist())
        left = [number for number in own[: max(0, len(own) - after)] if number not in asked]
        drawn = np.random.default_rng().permutation(len(left))[:count]
        return [left[place] for place in drawn.tolist()]

    def _own(self, name: str) -> list[int]:
        """Return the objects whose label is somebody's own, in the order in which they were labelled last."""
        said = self.opinions()
        mine = said[(said["user"] == name) & (said["source"] != "independent")]
        now: dict[int, int] = dict(self._db.read("SELECT id, class_id FROM objects WHERE active = 1"))
        return [
            number
            for number, label in zip(mine["object_id"].tolist(), mine["label"].tolist(), strict=True)
            if now.get(number) == label
        ]

    def _given(self) -> pd.DataFrame:
        """Return all labels and answers that hold, in the order in which they were given."""
        columns = ["object_id", "user", "label", "source", "action", "first"]
        given = pd.DataFrame(self._db.read(_GIVEN), columns=columns)
        given = given[~given["action"].isin(list(self._undone()))]
        given.loc[given["source"] == IMPORTED, "user"] = IMPORTED
        successors: dict[int, int | None] = dict(self._db.read("SELECT id, successor FROM objects WHERE active = 0"))
        if successors:
            living = {number: _last(number, successors) for number in successors}
            given["object_id"] = [living.get(number, number) for number in given["object_id"].tolist()]
            given = given[given["object_id"] != 0]
        if heirs := self._heirs():
            for name in ("label", "first"):
                given[name] = given[name].replace(heirs)
        return given.astype({"object_id": "int64", "label": "int64", "first": "int64", "action": "int64"})


def _last(number: int, successors: dict[int, int | None]) -> int:
    """Return the object that stands for one now; 0 where none does."""
    for _ in range(len(successors) + 1):
        if number not in successors:
            return number
        number = successors[number] or 0
    return 0
