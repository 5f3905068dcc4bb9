"""The blind test: how well a person tells real from synthetic patches, with its interval and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

from napari_cellsynth.errors import UserError

LEVEL = 0.95


class BlindScore(NamedTuple):
    """What a round gave: ``right`` of ``n`` answers, and the bounds of the share of right ones."""

    right: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of right answers, in [0, 1]; 0.5 is guessing."""
        return self.right / self.n


def blind_score(truth: Sequence[bool], answers: Sequence[bool]) -> BlindScore:
    """Count the right answers of a round.

    Parameters
    ----------
    truth, answers : sequence of bool of length N
        Whether each patch was synthetic, and whether it was taken for synthetic.

    Returns
    -------
    BlindScore
        With Wilson's 95 % interval, which keeps its coverage for few answers and at 0 and 1.

    Raises
    ------
    UserError
        If there are no answers.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    n = len(answers)
    if n == 0:
        raise UserError("There are no answers to count.", "Say of each patch whether it is real or synthetic.")
    right = sum(bool(is_so) == bool(said) for is_so, said in zip(truth, answers, strict=True))
    z, share = NormalDist().inv_cdf((1 + LEVEL) / 2), right / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return BlindScore(right, n, max(0.0, middle - half), min(1.0, middle + half))


def blind_words(score: BlindScore) -> str:
    """Say what a round has shown."""
    found = f"{score.right} of {score.n} right ({score.share:.0%}, 95 % interval {score.low:.0%} to {score.high:.0%})"
    if score.low > 0.5:
        return f"You could tell them apart: {found}."
    if score.high < 0.5:
        return f"You took synthetic for real and real for synthetic: {found}. They differ, the other way round."
    return f"You could not tell them apart: {found}. Guessing gives 50 %."


def with_blind(quality: dict[str, Any], score: BlindScore | None) -> dict[str, Any]:
    """Return a quality table with the score of a round as one more figure, ``blind``; its floor is guessing."""
    if score is None:
        return quality
    more = {"floor": 0.5, "intervals": [score.low, score.high]}
    parts = {name: (quality.get(name) or {}) | {"blind": value} for name, value in more.items()}
    return quality | {"blind": score.share} | parts
