"""The page of a contact sheet, drawn with Pillow: headings, cells, scale bar, legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

PAPER, INK, QUIET = "#ffffff", "#15181c", "#5b6168"
GAP, BAR, MARGIN, LINE = 4, 4, 14, 20
"""Between cells, height of the class's bar below a patch, around the page, height of a line of words; pixels."""

SHORTEST_PAGE = 420
"""Pixels that the words at least have."""


@dataclass(frozen=True)
class Cell:
    """A patch as it is drawn: ``color`` of its class (None: no class), ``review`` its verdict or empty."""

    picture: Image.Image
    color: str | None
    synthetic: bool
    review: str


@dataclass(frozen=True)
class Page:
    """What stands on the sheet.

    ``um_a_pixel`` is the scale of a pixel of the sheet, ``px_a_pixel`` the same in pixels of the image; both None where
    the patches have no common scale.
    """

    title: str
    groups: Sequence[tuple[str, Sequence[Cell]]]
    legend: Sequence[tuple[str, str]]
    cell: int
    columns: int
    um_a_pixel: float | None
    px_a_pixel: float | None


def draw_page(page: Page) -> Image.Image:
    """Return the page as an RGB picture."""
    step = page.cell + GAP
    width = max(SHORTEST_PAGE, 2 * MARGIN + page.columns * step)
    lines = _legend_lines(page, width)
    height = 2 * MARGIN + LINE + sum(_height(page, title, len(cells)) for title, cells in page.groups)
    height += LINE * len(lines) + 2 * LINE
    picture = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((MARGIN, MARGIN), _fitting(page.title, width - 2 * MARGIN, 13), INK, _font(13))
    top = MARGIN + LINE
    for title, cells in page.groups:
        if title:
            draw.text((MARGIN, top + 3), _fitting(title, width - 2 * MARGIN, 12), INK, _font(12))
        first = top + (LINE if title else 4)
        for place, cell in enumerate(cells):
            line, column = divmod(place, page.columns)
            _draw_cell(picture, draw, cell, MARGIN + column * step, first + line * (step + BAR), page.cell)
        top += _height(page, title, len(cells))
    for entries in lines:
        _draw_legend(draw, entries, top)
        top += LINE
    _draw_scale(draw, page, top + 4)
    return picture


def _height(page: Page, title: str, count: int) -> int:
    return (LINE if title else 4) + -(-count // page.columns) * (page.cell + GAP + BAR) + 6


def _draw_cell(picture: Image.Image, draw: ImageDraw.ImageDraw, cell: Cell, left: int, top: int, side: int) -> None:
    paper = Image.new("RGB", (side, side), PAPER)
    shown = Image.blend(cell.picture, paper, 0.6) if cell.review == "rejected" else cell.picture
    picture.paste(shown, (left, top))
    if cell.color is not None:
        _draw_bar(draw, left, top + side, side, cell.color, broken=cell.synthetic)
    if cell.review:
        accepted = cell.review == "accepted"
        spot = (left + side - 15, top + 1, left + side - 1, top + 15)
        draw.rectangle(spot, fill="#1d7f4e" if accepted else "#b0472b")
        draw.text((left + side - 8, top + 8), "✓" if accepted else "✕", "white", _font(11), anchor="mm")


def _draw_bar(draw: ImageDraw.ImageDraw, left: int, top: int, width: int, color: str, *, broken: bool) -> None:
    step = max(6, width // 8) if broken else width
    for start in range(left, left + width, step):
        end = min(left + width, start + (step // 2 if broken else step))
        draw.rectangle((start, top, end - 1, top + 2), fill=color)


def _legend_lines(page: Page, width: int) -> list[list[tuple[str, str | None, bool]]]:
    """Return the legend's entries (words, colour, broken bar) in lines that fit."""
    entries: list[tuple[str, str | None, bool]] = [(name, color, False) for name, color in page.legend]
    kinds = {cell.synthetic for _, cells in page.groups for cell in cells}
    entries += [("real", None, False)] if False in kinds else []
    entries += [("synthetic", None, True)] if True in kinds else []
    lines, room = list[list[tuple[str, str | None, bool]]](), 0.0
    for words, color, broken in entries:
        short = _fitting(words, width - 2 * MARGIN - 60, 11)
        needed = 46 + _font(11).getlength(short)
        if not lines or needed > room:
            lines.append([])
            room = float(width - 2 * MARGIN)
        lines[-1].append((short, color, broken))
        room -= needed
    return lines


def _draw_legend(draw: ImageDraw.ImageDraw, line: list[tuple[str, str | None, bool]], top: int) -> None:
    left = float(MARGIN)
    for words, color, broken in line:
        _draw_bar(draw, int(left), top + 9, 24, color or QUIET, broken=broken)
        draw.text((left + 30, top + 3), words, INK, _font(11))
        left += 46 + _font(11).getlength(words)


def _draw_scale(draw: ImageDraw.ImageDraw, page: Page, top: int) -> None:
    """Draw a bar of a round length, about a patch long; or say why there is none."""
    scale, unit = (page.um_a_pixel, "µm") if page.um_a_pixel else (page.px_a_pixel, "px")
    if not scale:
        words = "no common scale: objects resized to their patch, or patches of different sizes"
        draw.text((MARGIN, top), words, QUIET, _font(11))
        return
    length = round_length(scale * page.cell)
    draw.rectangle((MARGIN, top + 6, MARGIN + round(length / scale), top + 9), fill=INK)
    draw.text((MARGIN + round(length / scale) + 8, top), f"{length:g} {unit}", INK, _font(11))


def round_length(most: float) -> float:
    """Return the greatest of 1, 2, 5, 10, 20, 50 … (and 0.5, 0.2 …) that is not above `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(float(f"{lead * power:.3g}") for lead in (5, 2, 1) if lead * power <= most * (1 + 1e-9))


def _fitting(words: str, width: float, size: int) -> str:
    """Return words that are no longer than `width` pixels; what is cut out of the middle is an ellipsis."""
    font, kept = _font(size), len(words)
    shown = words
    while font.getlength(shown) > width and kept > 2:
        kept -= max(1, kept // 16)
        shown = words[: -(-kept // 2)] + "…" + words[len(words) - kept // 2 :]
    return shown


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib and knows µ, ✓ and the letters of most names."""
    from matplotlib import get_data_path

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)
