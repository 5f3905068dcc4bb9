"""Synthetic patches as a data set: one folder a class, a table, and a data card that says how they were made."""

from __future__ import annotations

import csv
import html
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.quality_words import lines, scorer, verdicts
from napari_cellsynth.project.export import safe_cell
from napari_cellsynth.project.formats.image_folder import class_folders, write_image
from napari_cellsynth.project.formats.place import folder_beside
from napari_cellsynth.project.project import Project
from napari_cellsynth.project.runs import RunRecord

_AT_ONCE = 256
_KEPT = ["run", "checkpoint", "seed", "index_in_run", "review", "realism", "confidence", "nearest_object", "distance"]


def write_synthetic(project: Project, out_path: str | Path, *, run: str | None = None) -> Path:
    """Write the synthetic patches that nobody rejected, raw intensities, with a data card (``README.md``).

    Parameters
    ----------
    project : Project
        Open.
    out_path : str or Path
        The folder to make: ``CLASS/NUMBER.png`` (or ``.tif``), ``patches.csv``, ``card.json`` and ``README.md``.
    run : str, optional
        Patches of this run alone.

    Raises
    ------
    UserError
        When there are no patches, there is no such run, or the folder is there or cannot be written.
    """
    if run is not None:
        project.run(run)  # says what is the matter with one that there is not
    every = project.synthetic(run=run)
    patches = every[every["review"] != "rejected"]
    if patches.empty:
        raise UserError(f"{project.path.name} has no synthetic patches to export.", "Generate some first.")
    names = {record.id: record.name for record in project.classes()}
    records = {run_id: project.run(run_id) for run_id in sorted(set(patches["run"]))}
    folders = class_folders(names[class_id] for class_id in set(patches["class_id"]))
    with folder_beside(out_path) as (beside, out):
        rows: list[list[object]] = [["image", "class", *_KEPT]]
        for (_, class_id, _, _), part in patches.groupby(["run", "class_id", "size", "channels"]):
            place = beside / folders[names[class_id]]
            place.mkdir(exist_ok=True)
            for start in range(0, len(part), _AT_ONCE):
                some = part.iloc[start : start + _AT_ONCE]
                pixels = project.read_synthetic(some.index.tolist())
                for number, patch, kept in zip(some.index, pixels, some[_KEPT].to_numpy(object), strict=True):
                    file = write_image(place / str(number), patch)
                    image = file.relative_to(beside).as_posix()
                    rows.append([safe_cell(cell) for cell in [image, names[class_id], *kept]])
        with (beside / "patches.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
        card = _card(project, records, every)
        (beside / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False), encoding="utf-8")
        page = _page(html.escape(out.name), _escaped(card))  # Markdown may hold HTML, and readers run it
        (beside / "README.md").write_text(page, encoding="utf-8")
    return out


def _card(project: Project, records: Mapping[str, RunRecord], every: pd.DataFrame) -> dict[str, Any]:
    """Return how the patches were made, from what, and how they were checked."""
    names = {record.id: record.name for record in project.classes()}
    splits, images = project.splits(), project.images()
    return {
        "program": f"napari-cellsynth {version('napari-cellsynth')}",
        "project": project.path.name,
        "images": {
            "count": len(images),
            "dtypes": sorted(set(images["dtype"])),
            "channels": sorted({int(count) for count in images["channels"]}),
            "pixel_size_um": sorted({float(size) for size in images["pixel_size_um"].dropna()}),
        },
        "held_out_groups": sorted(group for group, split in splits.items() if split == "test"),
        "runs": [_of_run(record, every[every["run"] == record.id], names) for record in records.values()],
    }


def _of_run(record: RunRecord, patches: pd.DataFrame, names: Mapping[int, str]) -> dict[str, Any]:
    counts = patches.groupby("class_id")["review"].value_counts()
    return {
        "run": record.id,
        "recipe": record.recipe,
        "settings": record.parameters.get("recipe", {}),
        "seed": record.seed,
        "trained": record.ended or record.created,
        "real_objects": len(record.parameters.get("objects", ())),
        "groups": list(record.groups),
        "checkpoints": sorted(set(patches["checkpoint"])),
        "seeds_of_noise": sorted({int(seed) for seed in patches["seed"]}),
        "classes": [
            {
                "name": names[class_id],
                "accepted": int(counts.get((class_id, "accepted"), 0)),
                "not_reviewed": int(counts.get((class_id, ""), 0)),
                "rejected_and_left_out": int(counts.get((class_id, "rejected"), 0)),
                "quality": record.quality(class_id),
            }
            for class_id in sorted(set(patches["class_id"]))
        ],
    }


def _escaped(told: Any) -> Any:
    """Return a card in which no text can be taken for HTML."""
    if isinstance(told, Mapping):
        return {key: _escaped(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_escaped(value) for value in told]
    return html.escape(told, quote=False) if isinstance(told, str) else told


def _page(name: str, card: Mapping[str, Any]) -> str:
    """Return the card as a page to read."""
    images = card["images"]
    text = [
        f"# {name}: synthetic patches",
        "Drawn by a generator. **They are no observations**: test on real images alone, of none of the groups below.",
        "## From what",
        f"{images['count']} images ({', '.join(images['dtypes'])}; channels: {_listed(images['channels'])}; "
        f"pixel size in µm: {_listed(images['pixel_size_um']) or 'not known'}) of {card['project']}. "
        f"Held out, never seen by a generator: {_listed(card['held_out_groups']) or 'no group'}.",
    ]
    for run in card["runs"]:
        text += [
            f"## How: {run['run']}",
            f"Recipe `{run['recipe']}` of {card['program']}, seed {run['seed']}, {run['trained']}, trained on "
            f"{run['real_objects']} real objects of the groups {_listed(run['groups']) or '(none)'}. Every setting "
            "is in `card.json`; run, checkpoint, seed and index of each patch, which make it again, in `patches.csv`.",
        ]
        for each in run["classes"]:
            text += [
                f"### {each['name']}: checked how",
                f"By eye: {each['accepted']} accepted, {each['not_reviewed']} not reviewed; "
                f"{each['rejected_and_left_out']} rejected and left out.",
                _quality(each["quality"]),
            ]
    return "\n\n".join(text) + "\n"


def _quality(quality: Mapping[str, Any]) -> str:
    if not quality:
        return "By figures: **not measured** (`napari-cellsynth quality`)."
    rows = [f"| {line.title} | {line.value} | {line.interval} | {line.floor} |" for line in lines(dict(quality))]
    table = "\n".join(["| figure | value | 95 % interval | real against real |", "|---|---|---|---|", *rows])
    gates = "\n".join(f"- {sentence}" for sentence in verdicts(dict(quality)))
    return "\n\n".join(part for part in (f"By figures ({scorer(dict(quality))}):", table, gates) if part)


def _listed(values: list[Any]) -> str:
    return ", ".join(str(value) for value in values)
