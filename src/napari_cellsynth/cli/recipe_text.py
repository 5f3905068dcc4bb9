"""The list of recipes, and all about one of them, as text for a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from napari_cellsynth.console import dotted


def recipe_table(listed: Sequence[dict[str, Any]]) -> str:
    """Return the recipes under their families, one a line: name, what it is for, source.

    A terminal cuts the sources off where its line ends; a file or a pipe gets them whole.
    """
    wide = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    names, purposes = (max(len(recipe[key]) for recipe in listed) + 2 for key in ("name", "purpose"))
    lines = [f"{'recipe':{names + 2}}{'what for':{purposes}}source"]
    for family, members in groupby(listed, key=lambda recipe: str(recipe["family"])):
        lines += ["", family]
        for recipe in members:
            line = f"  {recipe['name']:{names}}{recipe['purpose']:{purposes}}{recipe['source']}"
            lines.append(line if wide is None or len(line) <= wide else line[: wide - 1] + "…")
    return "\n".join([*lines, "", "`recipes NAME` tells the settings of one and what they mean."])


def recipe_page(recipe: dict[str, Any]) -> str:
    """Return all about one recipe: what it is for, where it comes from, and its settings one a line."""
    width = min(shutil.get_terminal_size((120, 24)).columns, 120)
    counts = recipe["parameters"]
    sizes = counts if isinstance(counts, dict) else {"": counts}
    unit = "features" if recipe["family"].endswith("features of the object") else "parameters"
    counted = " · ".join(f"{network} {count:,}".strip() for network, count in sizes.items())
    lines = [
        f"{recipe['name']}: {recipe['purpose']}",
        *textwrap.wrap(f"source: {recipe['source']}", width),
        f"{unit}: {counted} (3 channels)",
        "",
        *recipe["about"].splitlines(),
        "",
        "settings (--set NAME=VALUE)",
    ]
    values = dotted(recipe["defaults"])
    name_wide = max(map(len, values)) + 2
    value_wide = min(16, max(len(str(value)) for value in values.values())) + 2
    for name, value in values.items():
        before = f"  {name:{name_wide}}{'–' if value == '' else str(value):{value_wide}} "
        first, *rest = textwrap.wrap(recipe["fields"].get(name, ""), max(20, width - len(before))) or [""]
        lines += [(before + first).rstrip(), *(" " * len(before) + each for each in rest)]
    return "\n".join(lines)
