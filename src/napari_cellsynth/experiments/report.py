"""An experiment on paper: one HTML file, ``report.json`` and a CSV file a table."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_cellsynth.atomic import write_text
from napari_cellsynth.evaluate.report import Section, write_report
from napari_cellsynth.experiments.dataset import Dataset, Fold
from napari_cellsynth.experiments.protocol import Findings, Protocol, Settings
from napari_cellsynth.project.export import safe_table

_VERSIONS = ("napari-cellsynth", "torch", "numpy", "scikit-learn", "scikit-image", "timm")
_FEW = 4
"""Classes that have a column of their own in the table of folds."""


def write(
    folder: Path,
    protocol: Protocol,
    settings: Settings,
    dataset: Dataset,
    folds: Sequence[Fold],
    findings: Findings,
    about: Mapping[str, Any],
) -> Path:
    """Write the report of a finished experiment, and return the HTML file.

    Parameters
    ----------
    folder : Path
        Where ``report.html``, ``report.json`` and the tables go.
    protocol, settings : Protocol, Settings
        What was asked.
    dataset, folds : Dataset, sequence of Fold
        What it was asked of.
    findings : Findings
        What came out.
    about : mapping
        Plain values for the last section: trainings, seconds, device, command.
    """
    told = {
        "protocol": protocol.name,
        "settings": settings.model_dump(mode="json"),
        "data": data_table(dataset).to_dict(orient="index"),
        "data_sha256": dataset.digest(),
        "folds": [
            {"name": fold.name, "test_groups": sorted(set(dataset.groups[fold.test].tolist()))} for fold in folds
        ],
        "findings": findings.result,
        "about": dict(about) | versions(),
    }
    text = json.dumps(told, indent=1, default=_plain, allow_nan=False)
    write_text(folder / "report.json", text)
    for name, table in findings.tables.items():
        write_text(folder / f"{name}.csv", safe_table(table))
    first, *rest = findings.sections
    if settings.as_published:
        first = Section(first.title, [*first.blocks, _leaks(protocol)])
    sections = [
        first,
        Section("Data", [data_words(settings, dataset, folds), data_table(dataset), fold_table(dataset, folds)]),
        *rest,
        Section("What was checked", [_leaks(protocol) if settings.as_published else _CHECKED]),
        Section("To paste into a paper", [methods(protocol, settings, dataset, "differences" in findings.result)]),
        Section("How it was made", [about_table(told["about"])]),
    ]
    return write_report(folder / "report.html", protocol.title, sections)


_CHECKED = (
    "No group is on both sides of a fold. Intensity range, GANs, the choice of their checkpoints and synthetic patches "
    "come from a fold's training crops alone. Tests hold real crops alone. All arms take the same number of optimiser "
    "steps. No crop was found in two groups, neither pixel for pixel nor saved again or brightened (a correlation of "
    "0.995 at 64 px, at the best shift of up to 3 px). This finds most such copies and not all: noisy or "
    "overexposed ones may pass, and turned or mirrored ones do."
)


def _leaks(protocol: Protocol) -> str:
    return f"This was done as published, which leaks: {protocol.leaks}. The figures flatter; do not report them."


def data_table(dataset: Dataset) -> pd.DataFrame:
    """Return crops and groups by class."""
    rows = {
        name: {
            "crops": int(dataset.has(number).sum()),
            "groups": len(set(dataset.groups[dataset.has(number)].tolist())),
        }
        for number, name in enumerate(dataset.class_names)
    }
    return pd.DataFrame(rows).T.rename_axis("class")


def fold_table(dataset: Dataset, folds: Sequence[Fold]) -> pd.DataFrame:
    """Return crops and groups of every fold's two sides, and, of few classes, its test crops by class."""
    few = len(dataset.class_names) <= _FEW
    rows = {}
    for fold in folds:
        tested = dataset.counts(fold.test)
        rows[fold.name] = {
            "learned from": len(fold.train),
            "groups": len(set(dataset.groups[fold.train].tolist())),
            "tested on": len(fold.test),
            "groups of these": len(set(dataset.groups[fold.test].tolist())),
            **({f"tested {n}": c for n, c in zip(dataset.class_names, tested.tolist(), strict=True)} if few else {}),
        }
    return pd.DataFrame(rows).T.rename_axis("fold")


def data_words(settings: Settings, dataset: Dataset, folds: Sequence[Fold]) -> str:
    """Return the data set in a sentence."""
    channels, groups = dataset.crops[0].shape[0], len(set(dataset.groups.tolist()))
    tested = round(float(np.mean([len(fold.test) for fold in folds])))
    drawn = f"Of all labelled crops about {settings.most} were drawn at random. " if settings.most else ""
    return (
        f"{len(dataset):,} labelled crops in {len(dataset.class_names)} classes and {groups} groups, "
        f"{channels} channel{'s' * (channels > 1)} of {dataset.crops[0].dtype}, cut to {dataset.size} px. {drawn}"
        f"{len(folds)} folds by {'crop' if settings.as_published else 'group'}, {tested} test crops each on average. "
        f"SHA-256 of the data: {dataset.digest()[:16]}…"
    )


def methods(protocol: Protocol, settings: Settings, dataset: Dataset, compared: bool) -> str:
    """Return a methods paragraph; ``compared``: differences between arms were tested."""
    design = protocol.design(settings, dataset)
    classifiers = ", ".join(dict.fromkeys(arm.recipe for arm in design.arms))
    generators = [*design.compared, *(arm.synthetic.generator for arm in design.arms if arm.synthetic)]
    gans = ", ".join(dict.fromkeys(generator.recipe for generator in generators))
    again = f", repeated {settings.repeats} times" if settings.repeats > 1 else ""
    if settings.as_published:
        whole = (
            f"Crops were split one by one in {settings.folds}-fold cross-validation{again}, which leaks, as published. "
        )
        tested = "."
    else:
        whole = (
            "Groups (videos, slides, wells or animals) were kept whole in "
            f"{settings.folds}-fold cross-validation{again}. "
        )
        tested = ", and tested on real crops of groups that nothing in the fold had been learned from."
    made = f"In every fold GANs ({gans}) were trained, {_times(settings.gan_seeds)} each. " if gans else ""
    alike = ", with the same number of optimiser steps with and without synthetic patches" if gans else ""
    return (
        f"{protocol.title}{'' if protocol.title.endswith('?') else '.'} The question was asked with "
        f"napari-cellsynth {_version('napari-cellsynth')} (protocol "
        f"{protocol.name}) on {len(dataset):,} crops of {len(dataset.class_names)} classes. {whole}{made}Classifiers "
        f"({classifiers}) were trained {_times(settings.seeds)} each{alike}{tested}"
    ) + (_TESTED if compared else "")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


_TESTED = (
    " Differences were tested over folds with the corrected resampled t (Nadeau and Bengio 2003), p-values adjusted "
    "after Holm (1979)."
)


def about_table(about: Mapping[str, Any]) -> pd.DataFrame:
    """Return plain values as a table of two columns."""
    return pd.DataFrame({"value": {key: str(value) for key, value in about.items()}})


def versions() -> dict[str, str]:
    """Return what the experiment ran on."""
    return {"Python": platform.python_version(), "system": platform.platform()} | {n: _version(n) for n in _VERSIONS}


def _version(name: str) -> str:
    return version(name)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON value")
