"""One self-contained HTML file out of text, tables and figures; it opens anywhere and prints well."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import jinja2
import numpy as np
import pandas as pd

from napari_cellsynth.atomic import write_text
from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Block: TypeAlias = str | pd.DataFrame | Figure | Path
else:
    Block = Any  # pydantic asks what it is, and docks that never draw a report would load matplotlib

_NUMBER = re.compile(r"[-+]?\d[\d.,]*( ± \d[\d.,]*)?|–")
"""Text that reads as a number, or as one that is missing."""


@dataclass(frozen=True)
class Section:
    """A heading and what stands below: paragraphs, tables (their index is the first column), figures and PNG files."""

    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def write_report(path: Path | str, title: str, sections: Sequence[Section]) -> Path:
    """Write an HTML report in one atomic step.

    Parameters
    ----------
    path : path
        The file to write; its folder is made if need be.
    title : str
        Heading of the page.
    sections : sequence of Section
        What the page shows. All text, names of classes included, is escaped.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    path = Path(path)
    page = _TEMPLATE.render(
        title=title, sections=[(section.title, [_shown(block) for block in section.blocks]) for section in sections]
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, page)
    except OSError as error:
        raise UserError(f"The report {path} cannot be written: {error.strerror}.", "Choose another place.") from error
    return path


def _shown(block: Block) -> dict[str, Any]:
    """Return a block as the template wants it."""
    if isinstance(block, str):
        return {"kind": "text", "text": block}
    if isinstance(block, pd.DataFrame):
        head = [str(block.index.name or ""), *map(str, block.columns)]
        rows = _aligned([[_cell(value) for value in row] for row in block.itertuples()])
        return {"kind": "table", "head": head, "rows": rows}
    if isinstance(block, Path):
        return {"kind": "figure", "png": base64.b64encode(block.read_bytes()).decode("ascii")}
    return {"kind": "figure", "png": base64.b64encode(_png(block)).decode("ascii")}


def _png(figure: Figure) -> bytes:
    """Return a figure as a PNG of a palette: a third of the size, and no difference that could be seen."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=150)
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(256).save(small, "png", optimize=True)
    return min(drawn.getvalue(), small.getvalue(), key=len)


def _aligned(rows: list[list[tuple[str, bool]]]) -> list[list[tuple[str, bool]]]:
    """Return cells (text, whether it is a number), those of a column as numbers where all of them read as such."""
    told = [all(_NUMBER.fullmatch(text) for text, _ in column) for column in zip(*rows, strict=True)]
    told[:1] = [False]  # names of rows
    return [[(text, number or reads) for (text, number), reads in zip(row, told, strict=True)] for row in rows]


def _cell(value: Any) -> tuple[str, bool]:
    """Return the text of a table cell, and whether it is a number."""
    if isinstance(value, bool | np.bool_):
        return ("yes" if value else "no"), False
    if isinstance(value, int | np.integer):
        return str(value), True
    if isinstance(value, float | np.floating):
        return ("–" if np.isnan(value) else f"{value:.4g}"), True
    return ("–" if value is None else str(value)), False


_TEMPLATE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: baseline; }
td.number { text-align: right; white-space: nowrap; }
.long { overflow-wrap: anywhere; } td:first-child { min-width: 8rem; }
.wide { overflow-x: auto; } .many { font-size: .85em; } .many th, .many td { padding: .2rem .4rem; }
.crowd thead th + th { writing-mode: vertical-rl; rotate: 180deg; text-align: left; white-space: nowrap; }
p { white-space: pre-line; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; }
@media print {
  body { margin: 0; max-width: none; font-size: 11px; }
  .wide { overflow: visible; } table { max-width: 100%; } .many { font-size: 8.5px; }
  .crowd th, .crowd td { padding: .2rem; } figure img { max-height: 24cm; }
  td:first-child { min-width: 5rem; }
  p { break-inside: avoid; }
  h2, p:has(+ figure), p:has(+ .wide) { break-after: avoid; } figure, tr { break-inside: avoid; }
}
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for heading, blocks in sections %}
<section>
<h2>{{ heading }}</h2>
{% for block in blocks %}
{% if block.kind == "text" %}
<p>{{ block.text }}</p>
{% elif block.kind == "table" %}
<div class="wide"><table class="{{ 'many' if block.head | length > 7 }}{{ ' crowd' if block.head | length > 12 }}">
<thead><tr>
{% for name in block.head %}
<th scope="col"{{ ' class="long"' if name | length > 16 }}>{{ name }}</th>
{% endfor %}
</tr></thead>
<tbody>
{% for row in block.rows %}
<tr>
{% for text, number in row %}
<td{% if number %} class="number"{% elif text | length > 24 %} class="long"{% endif %}>{{ text }}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table></div>
{% else %}
<figure><img alt="Figure in the section {{ heading }}" src="data:image/png;base64,{{ block.png }}"></figure>
{% endif %}
{% endfor %}
</section>
{% endfor %}
</body>
</html>
"""
)
