"""Names that people chose as the text of buttons and menus."""

from __future__ import annotations


def literal(text: str) -> str:
    """Return a text for a button or a menu as it is: there a single & would mark a shortcut."""
    return text.replace("&", "&&")
