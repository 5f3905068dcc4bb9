"""The figures of a quality table in plain words, in the order in which a reader wants them; needs no torch."""

from __future__ import annotations

import math
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """What is said about a figure wherever it is shown."""

    key: str
    title: str
    words: str
    share: bool = False


class Line(NamedTuple):
    """One figure of one run, as text; what is not known is a dash."""

    title: str
    value: str
    interval: str
    floor: str
    words: str


FIGURES = (
    Figure(
        "kid", "KID", "Distance of synthetic from real patches; fair for few patches too. As low as the floor is best."
    ),
    Figure(
        "fid",
        "FID",
        "Distance of synthetic from real patches. Large for few patches even where nothing is wrong: the floor, what "
        "two real sets of this size get, is that bias.",
    ),
    Figure(
        "precision",
        "precision",
        "Share of synthetic patches that look like some real one. Compare with the floor.",
        True,
    ),
    Figure(
        "recall", "recall", "Share of real patches that the synthetic ones come near to. Compare with the floor.", True
    ),
    Figure(
        "density", "density", "How thickly real patches lie around synthetic ones; about 1 for a perfect generator."
    ),
    Figure(
        "coverage", "coverage", "Share of real patches with a synthetic one beside them. Low: kinds are missing.", True
    ),
    Figure(
        "vendi", "diversity (Vendi)", "Effective number of different patches. Well below the floor: it repeats itself."
    ),
    Figure(
        "inception_score",
        "inception score",
        "How surely and how evenly patches are told apart into classes, from 1 up to the number of classes. Near 1 for "
        "a GAN of one class, however good.",
    ),
    Figure(
        "class_precision",
        "class precision",
        "Of the synthetic patches that a classifier of real crops takes for this class, the share made for it.",
        True,
    ),
    Figure(
        "class_recall",
        "class recall",
        "Of the patches made for this class, the share that a classifier of real crops takes for it.",
        True,
    ),
    Figure("class_f1", "class F1", "Class precision and recall in one figure (harmonic mean).", True),
    Figure(
        "copied",
        "copies",
        "Share of patches much nearer to one training patch than to any other, whichever way they are turned.",
        True,
    ),
    Figure(
        "ct",
        "C_T",
        "Below -3: nearer to the training patches than unseen real ones are. Far above 0: unlike real ones.",
    ),
    Figure("authentic", "authentic", "Share of patches that are no near-copy of a training patch; 0 for copies.", True),
    Figure(
        "psnr",
        "PSNR (dB)",
        "Likeness of each patch to its nearest training patch. Well above the floor: copies. It does not tell quality.",
    ),
    Figure("ssim", "SSIM", "Likeness in structure of each patch to its nearest training patch; 1 is the same."),
    Figure("l1", "l1", "Mean absolute difference of each patch from its nearest training patch (black to white is 2)."),
    Figure("l2", "l2", "Mean squared difference of each patch from its nearest training patch (black to white is 4)."),
    Figure(
        "blind",
        "told apart by eye",
        "Share of patches that a person rightly called real or synthetic in the newest blind test. 50 % is guessing: "
        "the nearer, the better.",
        True,
    ),
    Figure("lpips", "LPIPS", "Difference to the eye of each patch from its nearest training patch; 0 is the same."),
)
"""Every figure of `quality_table.quality_table`, the three that compare classes, and the score of the blind test."""


def lines(quality: dict[str, Any]) -> list[Line]:
    """Return the figures of a quality result as text, known ones first to last as in `FIGURES`.

    Parameters
    ----------
    quality : dict
        The result of a quality job; figures it lacks are left out, unless it says why.
    """
    floors, missing = quality.get("floor") or {}, quality.get("missing") or {}
    found = []
    for figure in FIGURES:
        value = quality.get(figure.key)
        if value is None and figure.key not in missing:
            continue
        if value is None:
            found.append(Line(figure.title, missing[figure.key], "", "", figure.words))
            continue
        bounds = (quality.get("intervals") or {}).get(figure.key)
        found.append(
            Line(
                figure.title,
                number(value, figure.share),
                "" if bounds is None else " to ".join(number(end, figure.share) for end in bounds),
                number(floors.get(figure.key), figure.share),
                figure.words,
            )
        )
    return found


def verdicts(quality: dict[str, Any]) -> list[str]:
    """Return one sentence for each gate, failed ones first, each saying so."""
    gates = sorted((quality.get("gates") or {}).values(), key=lambda gate: bool(gate["passed"]))
    return [("" if gate["passed"] else "Failed: ") + str(gate["reason"]) for gate in gates]


def scorer(quality: dict[str, Any]) -> str:
    """Return one line that says what the figures were measured with and against."""
    known = {"n": "{} patches a set", "reference": "against {}", "extractor": "features: {}"}
    return " · ".join(words.format(quality[key]) for key, words in known.items() if quality.get(key))


def number(value: float | None, share: bool = False) -> str:
    """Return a figure for a table: shares in per cent, figures near 0 in three decimals; a dash for what is unknown."""
    if value is None or not math.isfinite(value):
        return "–"
    if share:
        return f"{value:.0%}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.3g}"
