"""What an experiment asks and what it answers: the first lines of its report, and the differences that they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.evaluate.report import Block, Section
from napari_cellsynth.evaluate.statistics import holm
from napari_cellsynth.experiments import pictures
from napari_cellsynth.experiments.analysis import Contrast, Predictions, contrasts, score_table
from napari_cellsynth.experiments.dataset import Dataset
from napari_cellsynth.experiments.protocol import Findings
from napari_cellsynth.experiments.verdict import verdict

TITLE = "Question and answer"
_NEAR_CHANCE = 0.05
"""A balanced accuracy that is less than this above one over the number of classes is told as chance."""


def section(question: str, answer: str, caution: str = "") -> Section:
    """Return a report's first section."""
    return Section(TITLE, [question, answer, *([caution] if caution else [])])


def caution(table: pd.DataFrame, references: Sequence[str]) -> str:
    """Return a warning where no reference arm does better than chance, or nothing.

    Parameters
    ----------
    table : DataFrame
        One row a trained classifier, as `analysis.score_table` gives it.
    references : sequence of str
        The arms that the others are compared with.
    """
    classes = sum(name.startswith("recall ") for name in table)
    reached = table[table["arm"].isin(references)].groupby("arm")["balanced_accuracy"].mean().max()
    if reached > 1 / classes + _NEAR_CHANCE:
        return ""
    return (
        f"Hardly anything was learned: what the others are compared with has a balanced accuracy of {reached:.3f}, "
        f"and chance is {1 / classes:.3f}. The answer says nothing about the method: train longer."
    )


def answered(
    question: str,
    found: Findings,
    dataset: Dataset,
    predictions: Sequence[Predictions],
    pairs: Mapping[str, str],
    subject: str = "Synthetic patches",
) -> Findings:
    """Return findings with the question, its answer and the differences between pairs of arms before all else.

    Parameters
    ----------
    question : str
        What the protocol asks.
    found : Findings
        The paper's tables.
    dataset : Dataset
        Of one class a crop.
    predictions : sequence of Predictions
        Of the outer folds.
    pairs : mapping of str
        Each arm's reference; one p-value a pair, adjusted for all of them (Holm 1979).
    subject : str
        What the arms have and the references have not, in the plural.
    """
    compared = paired(dataset.labels, dataset.groups, predictions, pairs)
    answer = verdict(compared, subject)
    scored = score_table(dataset.labels, predictions, dataset.class_names)
    table = difference_table(compared)
    blocks: list[Block] = [pictures.differences(compared), shown_differences(table)]
    references = list(dict.fromkeys(pairs.values()))
    beside = f"“{references[0]}”" if len(references) == 1 else f"the same without {subject.lower()}"
    result = {
        "verdict": answer.effect,
        "words": answer.words,
        "rests_on": answer.rests_on.plain(),
        "differences": [each.plain() for each in compared],
    }
    return Findings(
        result=result | found.result,
        tables={"differences": table} | found.tables,
        sections=[
            section(question, answer.words, caution(scored, references)),
            Section(f"Differences to {beside}", blocks),
            *found.sections,
        ],
    )


def paired(
    labels: NDArray[np.int64],
    groups: NDArray[np.str_],
    predictions: Sequence[Predictions],
    pairs: Mapping[str, str],
) -> list[Contrast]:
    """Compare each arm with its own reference on the same folds; p-values are adjusted for all pairs."""
    found = []
    for reference in dict.fromkeys(pairs.values()):
        arms = [arm for arm, its in pairs.items() if its == reference]
        mine = [each for each in predictions if each.arm in (*arms, reference)]
        found += contrasts(labels, groups, mine, arms, reference)
    adjusted = holm([each.p for each in found])
    return [replace(each, p_holm=float(p)) for each, p in zip(found, adjusted, strict=True)]


def difference_table(compared: Sequence[Contrast]) -> pd.DataFrame:
    """Return the contrasts as a table."""
    rows = [each.plain() for each in compared]
    return pd.DataFrame(rows).set_index("arm") if rows else pd.DataFrame(index=np.array([], dtype=str))


def shown_differences(table: pd.DataFrame) -> pd.DataFrame:
    """Return the differences as a report shows them: in points, under names for a reader."""
    points = {
        "mean": "change",
        "low": "95 % from",
        "high": "to",
        "group_low": "over groups from",
        "group_high": "over groups to",
        "detectable": "could have seen",
    }
    shown = (100 * table[list(points)].astype(float)).map(lambda value: "–" if value != value else f"{value:+.1f}")
    seen = table["detectable"].astype(float)
    shown["detectable"] = shown["detectable"].str.lstrip("+").where(seen < 1, "none").where(table["p"].notna(), "–")
    shown = shown.rename(columns=points)
    shown.insert(3, "p", three(table[["p"]])["p"])
    shown.insert(4, "p after Holm", three(table[["p_holm"]])["p_holm"])
    return shown.rename_axis("arm (points of balanced accuracy)")


def three(table: pd.DataFrame) -> pd.DataFrame:
    """Return figures with three digits behind the point, all alike, so that a column can be compared at a glance."""
    return table.astype(float).map(lambda value: "–" if value != value else f"{value:.3f}")


def greatest(table: pd.DataFrame, figure: str) -> tuple[str, dict[str, Any]]:
    """Return which arm has the greatest mean over the folds, in words and as JSON values, where nothing is compared."""
    means = table.groupby("arm", sort=False)[figure].mean()
    words = (
        f"Nothing is compared by a test here: the tables answer. The greatest {figure} is that of “{means.idxmax()}”, "
        f"{means.max():.3f}, of {len(means)} that are tried, so it flatters a little."
    )
    return words, {"words": words}
