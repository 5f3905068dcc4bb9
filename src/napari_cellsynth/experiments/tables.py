"""Tables of a protocol: figures by arm as mean ± standard deviation over the folds, and a paper's own beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.evaluate import scores
from napari_cellsynth.experiments.analysis import Predictions

RATES = ("TPR", "TNR", "PPV", "NPV", "F1")


def arm_figures(labels: NDArray[np.int64], predictions: Sequence[Predictions]) -> pd.DataFrame:
    """Return one row a trained classifier: arm, repeat, fold, and the figures that the papers print.

    ``TPR`` is the mean recall over the classes, ``TNR``, ``PPV`` and ``NPV`` the means of those rates, ``macro F1`` the
    mean F1, ``macro F1 of means`` S1's (equation 8), ``weighted F1`` the mean F1 weighed by the classes' crops.
    """
    rows = []
    for each in predictions:
        true, p = each.tested(labels)
        pred = p.argmax(axis=1)
        table = scores.per_class(true, pred, range(p.shape[1]))
        rates = table[list(RATES)].fillna(0.0)
        rows.append(
            {
                "arm": each.arm,
                "repeat": each.fold.repeat,
                "fold": each.fold.number,
                "accuracy": scores.accuracy(true, pred),
                **{name: float(rates.loc[table["true"] > 0, name].mean()) for name in RATES[:-1]},
                "macro F1": scores.macro_f1(true, pred),
                "macro F1 of means": scores.macro_f1_of_means(true, pred),
                "micro F1": scores.micro_f1(true, pred),
                "weighted F1": float(np.average(rates["F1"], weights=table["true"])),
                "ROC-AUC": scores.roc_auc(true, p),
                "minutes": each.seconds / 60,
                "least training loss": each.least_loss,
            }
        )
    return pd.DataFrame(rows)


def mean_and_spread(table: pd.DataFrame, by: Sequence[str] = ("arm",), digits: int = 3) -> pd.DataFrame:
    """Return every figure as “mean ± standard deviation” over folds, after the mean over the seeds of a fold."""
    keys = list(by)
    figures = [name for name in table if name not in (*keys, "repeat", "fold")]
    units = table.groupby([*keys, "repeat", "fold"], sort=False)[figures].mean()
    over_folds = units.groupby(keys, sort=False)
    means, spreads = over_folds.mean(), over_folds.std()
    text = {name: [_spread(m, s, digits) for m, s in zip(means[name], spreads[name], strict=True)] for name in figures}
    return pd.DataFrame(text, index=means.index)


def _spread(mean: float, spread: float, digits: int) -> str:
    if mean != mean:
        return "–"
    return f"{mean:.{digits}f} ± {spread:.{digits}f}" if spread == spread else f"{mean:.{digits}f}"


def class_figures(
    labels: NDArray[np.int64],
    predictions: Sequence[Predictions],
    class_names: Sequence[str],
    rates: Sequence[str] = RATES,
) -> pd.DataFrame:
    """Return one row a trained classifier and class: TPR (recall), TNR (specificity), PPV (precision), NPV and F1.

    ``rates`` may also name the ``accuracy`` of telling the class from the rest.
    """
    rows = []
    for each in predictions:
        true, p = each.tested(labels)
        table = scores.per_class(true, p.argmax(axis=1), range(p.shape[1]))
        for name, row in zip(class_names, table[list(rates)].to_dict("records"), strict=True):
            rows.append(
                {"arm": each.arm, "class": name, "repeat": each.fold.repeat, "fold": each.fold.number}
                | {str(key): value for key, value in row.items()}
            )
    return pd.DataFrame(rows)


def confusion(
    labels: NDArray[np.int64], predictions: Sequence[Predictions], arm: str, class_names: Sequence[str]
) -> pd.DataFrame:
    """Return an arm's confusion counts, a mean over folds and seeds; rows are the truth."""
    mine = [each for each in predictions if each.arm == arm]
    k = range(len(class_names))
    counts = [scores.confusion(labels[e.fold.test], e.probabilities.argmax(axis=1), k) for e in mine]
    return pd.DataFrame(np.mean(counts, axis=0), index=list(class_names), columns=list(class_names)).rename_axis(
        "truth"
    )


def beside(ours: pd.DataFrame, paper: Mapping[str, Mapping[str, object]], columns: Sequence[str]) -> pd.DataFrame:
    """Return our figures, each with the paper's to its right; a dash where the paper has none."""
    return pd.DataFrame(
        {
            key: values
            for name in columns
            for key, values in (
                (name, ours[name]),
                (f"{name}, paper", [paper.get(row, {}).get(name, "–") for row in ours.index]),
            )
        },
        index=ours.index,
    )


def published(rows: Mapping[str, Mapping[str, object]]) -> pd.DataFrame:
    """Return a paper's own figures as a table."""
    return pd.DataFrame({key: dict(row) for key, row in rows.items()}).T.rename_axis("published")
