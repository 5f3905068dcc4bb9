"""The figures of a single synthetic patch: what each is called, from where on it is doubtful, and it in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

COPY_RATIO = 1 / 3
"""A patch whose nearest training patch is nearer than this share of the distance to the second nearest is a copy."""


class PatchFigure(NamedTuple):
    """A figure by which patches are sorted and chosen."""

    column: str
    """Its column in `Project.synthetic`."""
    title: str
    words: str
    doubtful: float
    """Patches below it are worth a look."""


PATCH_FIGURES = {
    "realism": PatchFigure(
        "realism",
        "realism",
        "1 and above: as near to a real patch as real ones lie to each other; below 1: unlike the real ones.",
        1.0,
    ),
    "confidence": PatchFigure(
        "confidence",
        "class confidence",
        "Probability that a classifier of real training crops gives to the patch's own class.",
        0.5,
    ),
    "distance": PatchFigure(
        "distance",
        "distance",
        "To the nearest real patch, root mean square a pixel; from black to white is 2.",
        0.1,
    ),
    "copy": PatchFigure(
        "copy_ratio",
        "copy ratio",
        "Distance to the nearest real object over that to the second nearest; below 0.33: likely a copy.",
        round(COPY_RATIO, 2),
    ),
}
"""By the name that the command line knows them by."""


def patch_words(values: Mapping[str, Any], class_name: str = "its class") -> list[str]:
    """Return what the figures of a patch say, one short sentence each; those not measured are left out.

    Parameters
    ----------
    values : mapping
        ``distance``, ``copy_ratio``, ``realism`` and ``confidence``, as a row of `Project.synthetic` has them.
    class_name : str
        What the patch was made to show.
    """
    known = {figure.column: float(values[figure.column]) for figure in PATCH_FIGURES.values()}
    distance, copy, real, certain = (known[name] for name in ("distance", "copy_ratio", "realism", "confidence"))
    said = [
        (distance, f"distance {distance:.2f}"),
        (copy, f"copy ratio {copy:.2f}: {'likely a copy' if copy < COPY_RATIO else 'no copy'}"),
        (real, f"realism {real:.2f}: {'among' if real >= 1 else 'unlike'} the real ones"),
        (certain, f"class {class_name}: {certain:.0%}"),
    ]
    return [text for value, text in said if math.isfinite(value)]
