"""What an experiment's differences mean, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_cellsynth.experiments.analysis import LEVEL, POWER, Contrast

Effect = Literal["helps", "no clear effect", "harms"]


@dataclass(frozen=True)
class Verdict:
    """The answer in one word, in a sentence, and the contrast that it rests on."""

    effect: Effect
    words: str
    rests_on: Contrast


def verdict(shares: Sequence[Contrast], subject: str = "Synthetic patches") -> Verdict:
    """Return the answer from the contrasts of all shares of synthetic patches with real crops alone.

    An effect is claimed where the p-value, adjusted for the number of shares (Holm 1979), is below `LEVEL`. Where
    several are, the strongest evidence is told; a share that harms is never hidden behind one that helps. Where arms
    differ from their references by something else, it is the ``subject``.
    """
    clear = [each for each in shares if each.p_holm < LEVEL]
    if not clear:
        # An arm that answers as its reference does says nothing of what this experiment could have seen.
        best = max([each for each in shares if each.p == each.p] or shares, key=lambda each: each.mean)
        worst = min(shares, key=lambda each: each.mean)
        return Verdict("no clear effect", _no_effect(best, len(shares)) + _downside(worst, best), best)
    strongest = min(clear, key=lambda each: each.p_holm)
    effect: Effect = "helps" if strongest.mean > 0 else "harms"
    words = f"{subject} {'help' if effect == 'helps' else 'harm'} here: {_told(strongest)}."
    against = [each for each in clear if np.sign(each.mean) != np.sign(strongest.mean)]
    if against:
        words += f" But {_told(against[0])}."
    return Verdict(effect, words, strongest)


def _told(contrast: Contrast) -> str:
    return (
        f"“{contrast.arm}” changes balanced accuracy by {contrast.mean:+.3f} "
        f"(95 % interval {contrast.low:+.3f} to {contrast.high:+.3f}, p = {contrast.p_holm:.3f} after Holm)"
    )


def _no_effect(best: Contrast, shares: int) -> str:
    what = (
        f"the best of {shares}, “{best.arm}”, changes balanced accuracy" if shares > 1 else "balanced accuracy changes"
    )
    words = f"No clear effect: {what} by {best.mean:+.3f}"
    if best.p != best.p:
        return f"{words}, in every fold alike: that is no evidence for or against an effect. {_MORE}"
    words += f" (95 % interval {best.low:+.3f} to {best.high:+.3f})."
    if best.detectable >= 1:
        return f"{words} {best.folds} folds are too few to see any change: use more."
    return (
        f"{words} With {best.folds} folds this experiment would have found a change of {best.detectable:.3f} "
        f"with a probability of {POWER:.0%}; a smaller one may be there all the same."
    )


def _downside(worst: Contrast, best: Contrast) -> str:
    """Return what the best of several hides: how far the worst of them falls behind."""
    if worst.arm == best.arm or worst.mean >= 0 or worst.p != worst.p:
        return ""
    return (
        f" The worst, “{worst.arm}”, changes it by {worst.mean:+.3f} "
        f"({worst.low:+.3f} to {worst.high:+.3f}, p = {worst.p_holm:.3f} after Holm)."
    )


_MORE = "Use more folds or more crops."
