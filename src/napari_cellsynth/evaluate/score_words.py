"""A held-out test in words: every figure under its name, with its interval, for docks, reports and terminals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from napari_cellsynth.evaluate.report import Block

FIGURES = {
    "accuracy": ("accuracy", "Share of the crops whose class is right."),
    "balanced_accuracy": (
        "balanced accuracy",
        "Mean over the classes of the share found (TPR): rare classes count alike.",
    ),
    "macro_f1": ("macro F1", "Mean F1 over the classes."),
    "micro_f1": ("micro F1", "F1 of the pooled counts; for one class a crop it equals the accuracy."),
    "macro_f1_of_means": ("F1 of mean rates", "Harmonic mean of mean precision and mean recall (S1, equation 8)."),
    "roc_auc": ("ROC AUC", "Chance that a crop of a class outscores one that is not, mean over the classes."),
    "subset_accuracy": ("subset accuracy", "Share of the crops of which all classes are right, and none is missing."),
    "label_accuracy": ("label accuracy (S1)", "Share of the single answers (has a class, or not) that is right."),
    "hamming_loss": ("Hamming loss", "Share of the single answers that is wrong; 0 is best."),
    "log_loss": ("log loss", "Mean of -log p of what is true; 0 is best."),
    "expected_calibration_error": ("calibration error", "Mean gap between confidence and accuracy; 0 is best."),
}
"""Figure to its title and meaning, in the order of a table."""

RATES = {
    "TPR": "Recall, sensitivity: share of the class that is found.",
    "TNR": "Specificity: share of the others that is left alone.",
    "PPV": "Precision: share of the answers that is right.",
    "NPV": "Share right of the answers that are other classes.",
    "F1": "Harmonic mean of PPV and TPR.",
    "accuracy": "Of telling the class from all others.",
    "harmonic_TPR_TNR": "Harmonic mean of TPR and TNR; the liposome paper (S4) calls it F1.",
}
"""Rate of one class to its meaning, in the order of a table."""

SEVERAL_RATES = {name: RATES[name] for name in ("TPR", "PPV", "F1")} | {
    "AUC": "Chance that a crop with the class outscores one without it.",
    "threshold": "From which probability on the class is given.",
}
"""The same where crops have several classes."""

COUNTS = {
    "TP": "Crops that have the class and are given it.",
    "FN": "Crops that have the class and are not given it.",
    "FP": "Crops that are given the class and do not have it.",
    "TN": "Crops that neither have the class nor are given it.",
}
"""The four counts of one class where crops have several: what stands in the place of a confusion matrix."""


class Line(NamedTuple):
    """One figure in words."""

    title: str
    value: str
    interval: str
    meaning: str


def headline(scores: Mapping[str, Any]) -> str:
    """Return the name of the figure that a run goes by: balanced accuracy, or macro F1 for several classes a crop."""
    return "macro_f1" if scores.get("multi_label") else "balanced_accuracy"


def rates_of(scores: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the rates that a table of these scores shows of a class, with their meaning."""
    return SEVERAL_RATES if scores.get("multi_label") else RATES


def count_rows(scores: Mapping[str, Any]) -> list[list[int]]:
    """Return the four `COUNTS` of every class, empty for one class a crop."""
    return [[int(row[name]) for name in COUNTS] for row in scores["per_class"]] if scores.get("multi_label") else []


def score_lines(scores: Mapping[str, Any]) -> list[Line]:
    """Return every figure of a summary (`summary.summarise`) in words; those it lacks are left out."""
    intervals = scores.get("intervals") or {}
    lines = []
    for name, (title, meaning) in FIGURES.items():
        if scores.get(name) is None:
            continue
        bounds = intervals.get(name)
        shown = f"{bounds[0]:.3f} to {bounds[1]:.3f}" if bounds else ""
        lines.append(Line(title, f"{scores[name]:.3f}", shown, meaning))
    return lines


def class_rows(scores: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for every class: name, the `rates_of` these scores, and its number of crops."""
    rows = []
    for row in scores.get("per_class") or []:
        rates = ["–" if row.get(rate) is None else f"{row[rate]:.3f}" for rate in rates_of(scores)]
        rows.append([str(row["class"]), *rates, str(row["true"])])
    return rows


def unsure_words(scores: Mapping[str, Any], threshold: float) -> str:
    """Return what answering *unsure* below a confidence does to held-out crops; empty where it is not known."""
    price = scores.get("answered") or {}
    if not price.get("threshold"):
        return ""
    place = min(range(len(price["threshold"])), key=lambda i: abs(price["threshold"][i] - threshold))
    share, accuracy = price["share"][place], price["accuracy"][place]
    if share is None or accuracy is None:
        return "No held-out crop would be answered."
    return f"{share:.0%} of the held-out crops are answered, {accuracy:.0%} of those right"


def calibration_words(calibration: Mapping[str, Any]) -> str:
    """Return how a run's probabilities were calibrated, or its thresholds chosen."""
    if calibration.get("thresholds"):
        crops = calibration.get("crops")
        chosen = (
            f"chosen on {crops:,} crops that were not learned from" if crops else "one half: too few groups to choose"
        )
        return f"Thresholds a class {chosen}. Probabilities of several classes a crop are not calibrated."
    if not calibration.get("crops"):
        return "Not calibrated: that needs 30 training crops in groups that can be spared."
    crops, temperature = calibration["crops"], calibration["temperature"]
    return f"Calibrated on {crops:,} crops that were not learned from, temperature {temperature:.2f}."


def classifier_blocks(result: Mapping[str, Any], mistakes: Path) -> list[Block]:
    """Return what a report shows of a classifier's held-out test.

    Parameters
    ----------
    result : mapping
        The run's result.
    mistakes : Path
        The page of its mistakes (PNG); left out where there is none.
    """
    import pandas as pd

    from napari_cellsynth.evaluate.figures import bars_figure, confusion_figure
    from napari_cellsynth.evaluate.score_figures import curves_figure

    scores, names = result.get("scores") or {}, result.get("classes") or []
    lines = score_lines(scores)
    several = bool(scores.get("multi_label"))
    if not lines or not (several or result.get("confusion")):
        return []
    blocks: list[Block] = [
        pd.DataFrame(lines, columns=["figure", "value", "95 % interval", "meaning"]).set_index("figure")
    ]
    if "calibration" in result:
        blocks.append(calibration_words(result["calibration"]))
    if several:
        blocks.append("Of each class: crops that have it and are given it (TP), or not (FN), and the others (FP, TN).")
        blocks.append(pd.DataFrame(count_rows(scores), columns=list(COUNTS), index=pd.Index(names, name="class")))
        rows = pd.DataFrame(class_rows(scores), columns=["class", *SEVERAL_RATES, "crops"])
        blocks.append(rows.set_index("class"))
    else:
        blocks.append(confusion_figure(result["confusion"], names))
    if scores.get("per_class") and not several:
        table = pd.DataFrame(scores["per_class"]).set_index("class")
        blocks.append(table.rename(columns={"harmonic_TPR_TNR": "mean of TPR, TNR (S4)"}).round(3))
        rates = [rate for rate in ("accuracy", "TPR", "TNR") if rate in table]
        blocks.append(bars_figure({rate: table[rate].astype(float).to_dict() for rate in rates}, label="share"))
    if scores.get("roc"):
        blocks.append(curves_figure(scores, names))
    if mistakes.is_file():
        blocks += ["Misclassified crops, the surest mistakes first: answer, its probability, and the truth.", mistakes]
    return blocks
