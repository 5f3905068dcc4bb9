"""A contact sheet: patches and crops as one picture, with headings, classes, verdicts, a scale bar and a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.composite import display_range, to_rgb
from napari_cellsynth.jobs.sheet_page import Cell, Page, draw_page
from napari_cellsynth.project.schema import FIRST_PATCH_ID

if TYPE_CHECKING:
    import pandas as pd

    from napari_cellsynth.project import Project

MOST = 2000
"""Patches on a sheet; of more, an even selection in their order."""

LARGEST_CROP = 192
"""Side in pixels to which crops without a patch beside them are cut at most."""


@dataclass(frozen=True)
class Group:
    """Patches under one heading: ids, of synthetic patches from 1,000,000,000 on."""

    title: str
    ids: Sequence[int]


def write_contact_sheet(
    project: Project,
    groups: Sequence[Group],
    file: Path,
    *,
    cell: int = 72,
    columns: int = 16,
    contrast: str = "shared",
) -> dict[str, Any]:
    """Draw patches and crops into a picture file.

    Parameters
    ----------
    project : Project
        Holds them; it is not changed.
    groups : sequence of Group
        In order; a title may be empty.
    file : Path
        A ``.png`` to write.
    cell : int
        Side of a patch on the sheet, pixels.
    columns : int
        Patches a row.
    contrast : {"shared", "class", "each"}
        What is black and white: the same for all, for all of a class, or each patch's own.

    Returns
    -------
    dict
        ``file``, ``patches`` (drawn), ``of`` (asked for), and ``scale``: µm a pixel of the sheet, None where the
        patches have none (objects resized to a patch, images that do not tell theirs).

    Raises
    ------
    UserError
        When there are no patches, one is unknown or cannot be read, or the file cannot be written.
    """
    asked = sum(len(group.ids) for group in groups)
    if not asked:
        raise UserError("There are no patches for a contact sheet.", "Show some, or choose a run or a class.")
    if file.suffix.lower() != ".png":
        raise UserError(f"{file.name} is no .png file.", "Name it, for example, sheet.png.")
    step = -(-asked // MOST)
    shown = [Group(group.title, list(group.ids)[::step]) for group in groups if group.ids]
    ids = [int(number) for group in shown for number in group.ids]
    facts = _facts(project, ids)
    pixels, side = _pixels(project, ids, facts)
    ranges = _ranges(pixels, facts, contrast)
    cells = {number: _cell(pixels[number], ranges[number], facts[number], cell) for number in ids}
    scale = _um_a_pixel(project, side)
    of = f" of {asked:,}" if asked > len(ids) else ""
    page = Page(
        title=f"{project.path.name} · {len(ids):,}{of} patches · {_CONTRAST[contrast]}",
        groups=[(group.title, [cells[int(number)] for number in group.ids]) for group in shown],
        legend=[(record.name, record.color) for record in project.classes() if _has(facts, record.id)],
        cell=cell,
        columns=max(1, min(columns, max(len(group.ids) for group in shown))),
        um_a_pixel=None if scale is None or side is None else scale * side / cell,
        px_a_pixel=None if side is None else side / cell,
    )
    picture = draw_page(page)
    try:
        picture.save(file, optimize=True)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be written.", "Name a .png file in a folder that is there.") from error
    return {"file": str(file), "patches": len(ids), "of": asked, "scale": page.um_a_pixel}


_CONTRAST = {"shared": "one contrast", "class": "contrast of each class", "each": "contrast of each patch"}


def _facts(project: Project, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return kind, class, colour and verdict of each id."""
    colors = {record.id: record.color for record in project.classes()}
    synthetic, objects = project.synthetic(), project.objects()
    whole = {run: _whole(project, run) for run in synthetic["run"].unique()}
    found: dict[int, dict[str, Any]] = {}
    for number in ids:
        made = number >= FIRST_PATCH_ID
        table: pd.DataFrame = synthetic if made else objects
        if number not in table.index:
            raise UserError(f"There is no {'patch' if made else 'object'} {number}.", "Reload the gallery.")
        row = table.loc[number]
        class_id = int(row["class_id"])
        found[number] = {
            "synthetic": made,
            "class_id": class_id,
            "color": colors.get(class_id),
            "review": str(row["review"]) if made else "",
            "run": str(row["run"]) if made else "",
            "size": int(row["size"]) if made else max(int(row["y1"] - row["y0"]), int(row["x1"] - row["x0"])),
            "whole": whole[row["run"]] if made else not int(row["mask_label"]),
        }
    return found


def _whole(project: Project, run: str) -> bool:
    """Whether a run's patches are whole objects resized to the patch, and so have no scale."""
    try:
        return bool((project.run(run).parameters.get("recipe") or {}).get("fit", "window") == "whole")
    except UserError:
        return True


def _pixels(
    project: Project, ids: Sequence[int], facts: Mapping[int, dict[str, Any]]
) -> tuple[dict[int, NDArray[Any]], int | None]:
    """Return each id's pixels (C, S, S), and how many pixels of an image their side is; None where it differs."""
    found: dict[int, NDArray[Any]] = {}
    for run in dict.fromkeys(facts[number]["run"] for number in ids if facts[number]["synthetic"]):
        members = [number for number in ids if facts[number]["run"] == run]
        found.update(zip(members, project.read_synthetic(members), strict=True))
    real = [number for number in ids if not facts[number]["synthetic"]]
    sizes = {facts[number]["size"] for number in found}
    whole = any(fact["whole"] for fact in facts.values()) or len(sizes) > 1
    if real:
        size = min(sizes) if sizes else min(LARGEST_CROP, max(facts[number]["size"] for number in real))
        cut = project.crops(real, size=size, fit="whole" if whole else "window")
        found.update(zip(real, (_centre(crop, size) for crop in cut), strict=True))
        sizes |= {size}
    return found, None if whole or len(sizes) > 1 else next(iter(sizes))


def _centre(crop: NDArray[Any], size: int) -> NDArray[Any]:
    y, x = (max(0, length - size) // 2 for length in crop.shape[-2:])
    return crop[:, y : y + size, x : x + size]


def _ranges(
    pixels: Mapping[int, NDArray[Any]], facts: Mapping[int, dict[str, Any]], contrast: str
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return what is black and white in each patch."""
    members: dict[Any, list[int]] = {}
    for number, each in pixels.items():
        alike = {"shared": 0, "class": facts[number]["class_id"], "each": number}[contrast]
        members.setdefault((alike, each.shape[0]), []).append(number)
    ranges = {key: display_range([pixels[number] for number in numbers[:500]]) for key, numbers in members.items()}
    return {number: ranges[key] for key, numbers in members.items() for number in numbers}


def _cell(
    pixels: NDArray[Any], bounds: tuple[NDArray[np.float64], NDArray[np.float64]], fact: dict[str, Any], side: int
) -> Cell:
    picture = Image.fromarray(to_rgb(pixels, *bounds)).resize((side, side), Image.Resampling.BILINEAR)
    return Cell(picture, fact["color"], fact["synthetic"], fact["review"])


def _um_a_pixel(project: Project, side: int | None) -> float | None:
    """Return the side of an image's pixel, where all images say the same."""
    sizes = project.images()["pixel_size_um"].dropna().unique()
    return float(sizes[0]) if side is not None and len(sizes) == 1 else None


def _has(facts: Mapping[int, dict[str, Any]], class_id: int) -> bool:
    return any(fact["class_id"] == class_id for fact in facts.values())
