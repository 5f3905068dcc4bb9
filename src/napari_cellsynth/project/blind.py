"""The rounds of the blind test: what was shown, and what a person took it for."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import NamedTuple

from napari_cellsynth.project.actions import login
from napari_cellsynth.project.base import ProjectPart
from napari_cellsynth.project.schema import FIRST_PATCH_ID
from napari_cellsynth.project.values import damaged


class BlindAnswer(NamedTuple):
    """One patch of a round: the id of an object or of a synthetic patch, its class, and what it was taken for."""

    id: int
    class_id: int
    said_synthetic: bool

    @property
    def synthetic(self) -> bool:
        """Whether it was synthetic."""
        return self.id >= FIRST_PATCH_ID


class BlindRound(NamedTuple):
    """A finished round; ``time`` in seconds since 1970."""

    time: float
    user: str
    answers: list[BlindAnswer]


class BlindRounds(ProjectPart):
    """Keeping the rounds; the score is counted from the answers (`evaluate.blind.blind_score`)."""

    def add_blind_round(self, answers: Sequence[BlindAnswer]) -> None:
        """Keep a finished round.

        Raises
        ------
        UserError
            When the project is read-only.
        """
        text = json.dumps([[int(each.id), int(each.class_id), bool(each.said_synthetic)] for each in answers])
        with self._db.transaction():
            self._db.write(
                "INSERT INTO blind_rounds (time, user, answers) VALUES (?, ?, ?)", (time.time(), login(), text)
            )
            self._changed("synthetic_changed")

    def blind_rounds(self) -> list[BlindRound]:
        """Return all rounds, oldest first."""
        rows = self._db.read("SELECT time, user, answers FROM blind_rounds ORDER BY id")
        try:
            told = [(when, user, [BlindAnswer(*row) for row in json.loads(text)]) for when, user, text in rows]
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged(self._db, "blind_rounds.answers") from error
        return [BlindRound(*each) for each in told]

    def blind_answers(self, run: str, class_id: int) -> list[BlindAnswer]:
        """Return the answers on a class in the newest round whose synthetic patches of it are all of one run."""
        made = {row[0] for row in self._db.read("SELECT id FROM patches WHERE run = ?", (run,))}
        for told in reversed(self.blind_rounds()):
            answers = [each for each in told.answers if each.class_id == class_id]
            shown = [each.id for each in answers if each.synthetic]
            if shown and made.issuperset(shown):
                return answers
        return []
