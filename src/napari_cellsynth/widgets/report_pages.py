"""Classifier runs paired by what differs in them, and the project's figures written as one page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from napari_cellsynth.evaluate.score_words import headline
from napari_cellsynth.jobs.blind import blind_quality
from napari_cellsynth.widgets.class_table import quality_text
from napari_cellsynth.widgets.score_text import score_text

_VIDEOS = 4
"""Videos whose classes over time the page shows: it is written while the window waits."""


@dataclass(frozen=True)
class Pair:
    """Two runs that differ in their synthetic patches only; one of them may be missing."""

    title: str
    real: Any
    synthetic: Any

    def difference(self) -> float | None:
        """Return the runs' `headline` figure with synthetic patches minus that without, or None."""
        values = [_headline(run) for run in (self.real, self.synthetic)]
        if values[0] is None or values[1] is None:
            return None
        return values[1] - values[0]

    def intervals_apart(self) -> bool | None:
        """Return whether the 95 % intervals of the two do not overlap; None where one is missing."""
        bounds = [_interval(run) for run in (self.real, self.synthetic)]
        if bounds[0] is None or bounds[1] is None:
            return None
        return bool(bounds[0][1] < bounds[1][0] or bounds[1][1] < bounds[0][0])


def pairs_of(runs: list[Any]) -> list[Pair]:
    """Pair finished classifier runs, newest first.

    Two runs are a pair where recipe, seed, training crops and test crops are the same, one with synthetic patches and
    one without. Complete pairs come first.
    """
    real: dict[tuple[Any, ...], Any] = {}
    mixed: list[Any] = []
    for run in runs:
        if run.parameters.get("synthetic"):
            mixed.append(run)
        else:
            real.setdefault(_sameness(run), run)
    pairs, used = [], set()
    for run in mixed:
        key = _sameness(run)
        used.add(key)
        title = f"{run.recipe} · seed {run.seed} · +{run.parameters['synthetic']} {run.parameters.get('mode', 'mixed')}"
        pairs.append(Pair(title, real.get(key), run))
    pairs += [Pair(f"{run.recipe} · seed {run.seed}", run, None) for key, run in real.items() if key not in used]
    return sorted(pairs, key=lambda pair: pair.real is None or pair.synthetic is None)


def _sameness(run: Any) -> tuple[Any, ...]:
    parameters = run.parameters
    sets = [_frozen(parameters.get(name)) for name in ("training_objects", "test_objects")]
    return (run.recipe, _frozen(parameters.get("recipe")), run.seed, *sets)


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(sorted((key, _frozen(each)) for key, each in value.items()))
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    return value


def _headline(run: Any) -> float | None:
    if run is None:
        return None
    scores = (run.result or {}).get("scores") or {}
    value = scores.get(headline(scores))
    return None if value is None else float(value)


def _interval(run: Any) -> list[float] | None:
    if run is None:
        return None
    scores = (run.result or {}).get("scores") or {}
    bounds: dict[str, list[float]] = scores.get("intervals") or {}
    return bounds.get(headline(scores))


def write_project_report(project: Any) -> Path:
    """Write the project's figures as one HTML page, ``report.html`` in the project folder, and return its path.

    Raises
    ------
    UserError
        Where the page cannot be written.
    """
    from napari_cellsynth.evaluate.report import Section, write_report
    from napari_cellsynth.evaluate.score_words import classifier_blocks

    classifiers = [run for run in project.runs("classifier") if run.status == "finished"]
    comparison = [
        {
            "runs": pair.title,
            "real only": score_text(pair.real.result) if pair.real else "",
            "with synthetic": score_text(pair.synthetic.result) if pair.synthetic else "",
            "difference": pair.difference(),
        }
        for pair in pairs_of(classifiers)
    ]
    names = {record.id: record.name for record in project.classes()}
    gans = [(run, class_id) for run in project.runs("gan") for class_id in run.class_ids]
    tables = [(run, class_id, blind_quality(project, run, class_id)) for run, class_id in gans]
    measured = [(run, names.get(class_id, ""), quality) for run, class_id, quality in tables if quality]
    counts = {names[i]: n for i, n in project.label_counts().items() if i in names}
    sections = [Section("Labelled objects", [pd.DataFrame({"objects": counts})])]
    if comparison:
        figure = "Macro F1" if project.multi_label else "Balanced accuracy"
        words = f"{figure} on held-out real objects, with 95 % intervals over groups. One training each."
        sections.append(Section("With and without synthetic patches", [words, _by_first(comparison)]))
    if measured:
        sections += _quality_sections(measured)
    for run in classifiers:
        if blocks := classifier_blocks(run.result or {}, run.folder / "mistakes.png"):
            sections.append(Section(f"{run.id} · {run.recipe} · seed {run.seed}", blocks))
    sections += _over_time(project)
    return write_report(project.path / "report.html", project.path.stem, sections)


def _over_time(project: Any) -> list[Any]:
    """Return the classes over time where an image has several frames and something, of one class each, is predicted."""
    from napari_cellsynth.evaluate.over_time import FRAMES, GROUPS, class_table
    from napari_cellsynth.evaluate.report import Section
    from napari_cellsynth.jobs.object_classes import classes_of
    from napari_cellsynth.jobs.over_time import sections as of_time

    if project.multi_label or project.latest_prediction_run() is None or not (project.images()["frames"] > 1).any():
        return []
    found = classes_of(project)
    moving = project.images().query("frames > 1").index[:_VIDEOS]
    few = found.objects[found.objects["image_id"].isin(moving)]
    frames = class_table(few, found.names, found.confusion, FRAMES)
    groups = class_table(found.objects, found.names, found.confusion, GROUPS)
    more = "All videos, and what objects that could be followed turned into: over_time/over_time.html, by Write tables."
    return [*of_time(found, frames, groups, {}), Section("More over time", [more])]


def _quality_sections(measured: list[tuple[Any, str, dict[str, Any]]]) -> list[Any]:
    """Return a table of all measured GANs and, for each one, all its figures with what they mean."""
    from napari_cellsynth.evaluate.quality_words import lines, number, scorer, verdicts
    from napari_cellsynth.evaluate.report import Section

    rows, sections = [], []
    for run, class_name, quality in measured:
        gates = (quality.get("gates") or {}).items()
        rows.append(
            {
                "run": run.id,
                "class": class_name,
                "KID (floor)": quality_text(quality),
                "FID (floor)": f"{number(quality.get('fid'))} ({number((quality.get('floor') or {}).get('fid'))})",
                "copies": number(quality.get("copied"), share=True),
                "gates": ", ".join(f"{name} {'passed' if gate['passed'] else 'failed'}" for name, gate in gates),
            }
        )
        figures = [
            {"figure": f.title, "synthetic": f.value, "95 % interval": f.interval, "real": f.floor, "meaning": f.words}
            for f in lines(quality)
        ]
        told = [line for line in [*verdicts(quality), scorer(quality), *quality.get("notices", [])] if line]
        sections.append(Section(f"Synthetic {class_name} of {run.id}", [*told, _by_first(figures)]))
    words = "KID leads: it is fair for few patches. FID is not: its floor, what real patches get, is bias alone."
    return [Section("Synthetic patches", [words, _by_first(rows)]), *sections]


def _by_first(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table.set_index(table.columns[0])
