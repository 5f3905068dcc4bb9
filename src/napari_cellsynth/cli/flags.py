"""Flags take no value, and the help says so: typer's own calls each ``<bool>``."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


class _PlainFlags:
    """Leaves out what kind of value a flag takes."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, ``--help`` with them."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for each in found:
            if getattr(each, "is_flag", False) and each.metavar is None:
                each.metavar = ""
        return found


class Verb(_PlainFlags, TyperCommand):
    """A verb of the command line."""


class Verbs(_PlainFlags, TyperGroup):
    """All of them."""
