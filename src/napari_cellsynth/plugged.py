"""What other packages add: recipes, ways to balance classes and segmenters, found by their entry points."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any

PREFIX = "napari_cellsynth."
GAN_RECIPES, CLASSIFIER_RECIPES = "gan_recipes", "classifier_recipes"
BALANCES, SEGMENTERS = "balances", "segmenters"


@cache
def named(group: str) -> EntryPoints:
    """Return the entry points of one of our groups; nothing of the other packages is imported for it."""
    return entry_points(group=PREFIX + group)


def plugged(group: str, fits: Callable[[Any], bool], what: str, taken: Collection[str]) -> dict[str, Any]:
    """Load what other packages add to a group, by name.

    Parameters
    ----------
    group : str
        `GAN_RECIPES`, `CLASSIFIER_RECIPES` or `BALANCES`.
    fits : callable
        Whether a loaded object is of the kind that is wanted.
    what : str
        That kind, in words.
    taken : collection of str
        Names that are ours and stay.

    Warns
    -----
    UserWarning
        Where one cannot be loaded, is something else, or has a name that is taken; the others are loaded.
    """
    found: dict[str, Any] = {}
    for point in named(group):
        try:
            made = point.load()
        except Exception as error:  # noqa: BLE001 - another package's mistake must not keep this one from starting
            _leave_out(point.name, point.value, f"{type(error).__name__}: {error}")
            continue
        if point.name in taken or point.name in found:
            _leave_out(point.name, point.value, "the name is taken")
        elif not fits(made):
            _leave_out(point.name, point.value, f"it is not {what}")
        else:
            found[point.name] = made
    return found


def _leave_out(name: str, value: str, reason: str) -> None:
    warnings.warn(f"{name} ({value}) is left out: {reason}.", UserWarning, stacklevel=3)
