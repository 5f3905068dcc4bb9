"""Two runs or more held against each other: parameters that differ, scores, curves, samples."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.runs import RunRecord

if TYPE_CHECKING:
    from napari_cellsynth.project import Project

Curve = tuple[list[float], list[float]]
"""Steps and values."""

_HELD = ("objects", "object_classes", "object_class_sets", "class_ids", "held_back", "low", "high")
"""What a record holds beside settings; of the lists of objects only the number is told."""


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; every table has a row a name and a value a run, None where a run has none.

    Attributes
    ----------
    runs : list of RunRecord
    parameters : dict of str to list
        Recipe, classes, seed, crops, groups and the recipe's settings, nested ones with dots.
    differing : list of str
        Those of them that are not the same in all runs.
    scores : dict of str to list of float or None
        What was measured of them.
    curves : dict of str to list of Curve or None
        The figures of each training, step by step.
    samples : list of Path or None
        The newest page of samples.
    """

    runs: list[RunRecord]
    parameters: dict[str, list[Any]]
    differing: list[str]
    scores: dict[str, list[float | None]]
    curves: dict[str, list[Curve | None]]
    samples: list[Path | None]


def compare_runs(project: Project, run_ids: Sequence[str]) -> Comparison:
    """Hold runs against each other, of any recipes and kinds.

    Raises
    ------
    UserError
        When one of them is missing or damaged, or is named twice.
    """
    if len(set(run_ids)) < len(run_ids):
        raise UserError("A run cannot be compared with itself.", "Name each run once.")
    runs = [project.run(run_id) for run_id in run_ids]
    names = {record.id: record.name for record in project.classes()}
    parameters = _beside([_settings(run, names) for run in runs])
    return Comparison(
        runs=runs,
        parameters=parameters,
        differing=[name for name, values in parameters.items() if any(value != values[0] for value in values)],
        scores=_beside([_scores(run, names) for run in runs]),
        curves=_beside([curves_of(run.folder) for run in runs]),
        samples=[newest_samples(run.folder) for run in runs],
    )


def _beside(tables: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return a row a name, in the order in which names first come."""
    return {name: [table.get(name) for table in tables] for name in dict.fromkeys(n for table in tables for n in table)}


def _settings(run: RunRecord, names: dict[int, str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "recipe": run.recipe,
        "classes": ", ".join(names.get(each, str(each)) for each in run.class_ids) or None,
        "seed": run.seed,
        "fold": run.fold,
        "crops": len(run.parameters["objects"]) if isinstance(run.parameters.get("objects"), list) else None,
        "groups": len(run.groups),
    }
    recipe = run.parameters.get("recipe")
    settings = recipe if isinstance(recipe, dict) else {}
    others = {name: value for name, value in run.parameters.items() if name not in (*_HELD, "recipe")}
    flat = _flat(settings) | _flat(others)
    flat = {name: value for name, value in flat.items() if name not in ("name", "source", "purpose")}
    return {name: value for name, value in (told | flat).items() if value is not None}


def _flat(values: dict[str, Any], group: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{group}{name}.")
        elif isinstance(value, list):
            flat[group + name] = ", ".join(map(str, value[:8])) + (" …" if len(value) > 8 else "")
        else:
            flat[group + name] = value
    return flat


def _scores(run: RunRecord, names: dict[int, str]) -> dict[str, float]:
    """Return the numbers of a run's result: its scores, and the quality of a GAN's patches by class."""
    found = _numbers(run.result, ("steps", "seconds", "epochs"))
    scores = run.result.get("scores")
    if isinstance(scores, dict):
        found |= _numbers(scores)
    for class_id in run.class_ids:
        name = names.get(class_id, str(class_id))
        found |= {f"{key} · {name}": value for key, value in _numbers(run.quality(class_id)).items()}
    return found


def _numbers(values: dict[str, Any], only: Sequence[str] = ()) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and (not only or name in only)
    }


def curves_of(folder: Path) -> dict[str, Curve]:
    """Return the figures of a training by name, of ``metrics.csv`` in either of its forms; empty where there is none.

    A GAN's has a column a figure, a classifier's a row a figure (step, name, value). Half a last row is left out.
    """
    try:
        with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
            head, *rows = list(csv.reader(file)) or [[]]
    except (OSError, ValueError, csv.Error):
        return {}
    long = head == ["step", "name", "value"]
    curves: dict[str, Curve] = {}
    for row in rows:
        if len(row) != len(head):
            continue
        pairs = [(row[1], row[2])] if long else list(zip(head[1:], row[1:], strict=True))
        for name, text in pairs:
            step, value = _number(row[0]), _number(text)
            if math.isfinite(step) and math.isfinite(value):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(step)
                values.append(value)
    return curves


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def newest_samples(folder: Path) -> Path | None:
    """Return the newest page of a run's samples."""
    return max(folder.glob("samples/*.png"), default=None, key=lambda file: file.name)


def value_text(value: Any) -> str:
    """Return a parameter or a score for the eye: four figures, and – where a run has none."""
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
