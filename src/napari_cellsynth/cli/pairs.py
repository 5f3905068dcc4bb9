"""Options of two words that may be repeated, ``--merge A B --merge C D``, which typer has none of."""

from __future__ import annotations

from typing import Any

from napari_cellsynth.cli.flags import Verb
from napari_cellsynth.errors import UserError

_BETWEEN = "\0"
"""Stands in no argument of a program."""


class WithPairs(Verb):
    """A verb that hands the two words after each option with a metavar of two words on as one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join the words, then parse."""
        names = {name for each in self.params if " " in str(getattr(each, "metavar", "")) for name in each.opts}
        left, joined = list(args), list[str]()
        while left:
            word = left.pop(0)
            name, equals, first = word.partition("=")
            if word == "--":
                left, joined = [], [*joined, word, *left]
            elif name in names and len(left) > (not equals):
                pair = [first if equals else left.pop(0), left.pop(0)]
                joined += [name, _BETWEEN.join(pair)]
            else:
                joined.append(word)
        return super().parse_args(ctx, joined)


def pairs(name: str, words: list[str] | None) -> list[tuple[str, str]]:
    """Return the two words of each use of an option.

    Raises
    ------
    UserError
        When there is one alone.
    """
    parted = [word.partition(_BETWEEN) for word in words or []]
    if not all(between for _, between, _ in parted):
        raise UserError(f"{name} takes two words.", "Put quotation marks around a name with a space.")
    return [(first, second) for first, _, second in parted]
