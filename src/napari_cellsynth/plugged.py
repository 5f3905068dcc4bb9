"""What other packages add: recipes, ways to balance classes and segmenters, found by their entry points."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, cached_property
from importlib.metadata import EntryPoints, entry_points
from typing import Any, TypeVar

T = TypeVar("T")

PREFIX = "napari_cellsynth."
GAN_RECIPES, CLASSIFIER_RECIPES = "gan_recipes", "classifier_recipes"
BALANCES, SEGMENTERS = "balances", "segmenters"


@cache
def named(group: str) -> EntryPoints:
    """Return the entry points of one of our groups; nothing of the other packages is imported for it."""
    return entry_points(group=PREFIX + group)


class Registry(Mapping[str, type[T]]):
    """Models by name: our own, then those of other packages.

    The others are loaded when somebody first looks, not when this package is imported: their modules import ours, and
    would find themselves half loaded.

    Parameters
    ----------
    group : str
        `GAN_RECIPES` or `CLASSIFIER_RECIPES`.
    ours : dict
        Our models by name; these names are taken.
    kinds : tuple of type
        What the others' models are derived from.
    what : str
        That in words.
    """

    def __init__(self, group: str, ours: dict[str, type[T]], kinds: tuple[type, ...], what: str) -> None:
        self._group, self._ours, self._kinds, self._what = group, ours, kinds, what

    @cached_property
    def _all(self) -> dict[str, type[T]]:
        def fits(made: Any) -> bool:
            return isinstance(made, type) and issubclass(made, self._kinds)

        return self._ours | plugged(self._group, fits, self._what, self._ours)

    def __getitem__(self, name: str) -> type[T]:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


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
