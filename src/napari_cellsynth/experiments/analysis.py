"""From predictions of held-out crops to differences between arms, with intervals, and to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.evaluate import scores
from napari_cellsynth.evaluate.statistics import corrected_paired_t, group_bootstrap, holm
from napari_cellsynth.experiments.dataset import Fold

LEVEL = 0.05
"""Share of experiments without any effect that may claim one, over all shares of synthetic patches together."""

POWER = 0.8
"""The smallest effect that a design can see is the one that it would find with this probability."""

FIGURES = ("balanced_accuracy", "macro_f1", "accuracy", "roc_auc", "log_loss", "expected_calibration_error")


@dataclass(frozen=True)
class Predictions:
    """What one classifier said of a fold's test crops: probabilities (n, K) in the order of the fold's ``test``.

    ``seconds`` and ``least_loss`` are of its training. ``training`` holds the positions of the crops that it learned
    from and its answers on them, where an arm asks for them; ``made`` the classes of synthetic patches that it was
    tested on as well, as some papers do, and its answers on those; ``asked`` those of patches
    that it was asked about, which count as no test. Where crops have several classes, each is given from its one of the
    ``thresholds`` on, chosen by training crops.
    """

    arm: str
    fold: Fold
    gan_seed: int
    seed: int
    probabilities: NDArray[np.float64]
    seconds: float = float("nan")
    least_loss: float = float("nan")
    training: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
    made: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
    asked: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
    thresholds: tuple[float, ...] | None = None

    def tested(self, labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the classes and probabilities of all that it was tested on, out of the classes of all crops."""
        true, p = labels[self.fold.test], self.probabilities
        if self.made is None:
            return true, p
        return np.concatenate([true, self.made[0]]), np.concatenate([p, self.made[1]])


@dataclass(frozen=True)
class Contrast:
    """The difference between two arms in balanced accuracy, arm minus reference.

    ``low`` and ``high`` bound the 95 % interval of the corrected resampled t, ``p`` is its two-sided p-value and
    ``p_holm`` the one adjusted for all shares. ``group_low`` and ``group_high`` bound the 95 % interval over resampled
    groups. ``detectable`` is the smallest true difference that this design would find with probability `POWER`; 1 and
    more: none. Where all folds differ by the same, the interval and the p-values are NaN, and so is ``detectable``.
    """

    arm: str
    reference: str
    mean: float
    low: float
    high: float
    p: float
    p_holm: float
    group_low: float
    group_high: float
    detectable: float
    folds: int

    def plain(self) -> dict[str, Any]:
        """Return JSON values, None for what is undefined."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


def score_table(
    labels: NDArray[np.int64], predictions: Sequence[Predictions], class_names: Sequence[str]
) -> pd.DataFrame:
    """Return one row a trained classifier: arm, repeat, fold, seeds, `FIGURES` and the recall of each class."""
    rows = []
    for each in predictions:
        true, p = labels[each.fold.test], each.probabilities
        pred = p.argmax(axis=1)
        row: dict[str, Any] = {
            "arm": each.arm,
            "repeat": each.fold.repeat,
            "fold": each.fold.number,
            "gan_seed": each.gan_seed,
            "seed": each.seed,
            "balanced_accuracy": scores.balanced_accuracy(true, pred),
            "macro_f1": scores.macro_f1(true, pred),
            "accuracy": scores.accuracy(true, pred),
            "roc_auc": scores.roc_auc(true, p),
            "log_loss": scores.log_loss(true, p),
            "expected_calibration_error": scores.expected_calibration_error(true, p),
        }
        recall = scores.per_class(true, pred, range(len(class_names)))["TPR"]
        rows.append(row | {f"recall {name}": value for name, value in zip(class_names, recall, strict=True)})
    return pd.DataFrame(rows)


def chosen(
    labels: NDArray[np.int64], predictions: Sequence[Predictions], inner: Sequence[Predictions], name: str
) -> tuple[list[Predictions], pd.DataFrame]:
    """Return, under a name of its own, the predictions of the arm that each fold's inner split prefers.

    Parameters
    ----------
    labels : ndarray of int64, shape (N,)
        The classes of all crops.
    predictions, inner : sequence of Predictions
        Those of the outer folds, and those of the inner splits of their training crops.
    name : str
        What the chosen predictions are called.

    Returns
    -------
    list of Predictions
        Of the outer folds. The preferred arm has the greatest balanced accuracy on its inner split, a mean over seeds.
    DataFrame
        One row a fold: its arms' inner balanced accuracies, and the ``chosen`` one.
    """
    scored: dict[tuple[int, int], dict[str, list[float]]] = {}
    for each in inner:
        reached = scores.balanced_accuracy(labels[each.fold.test], each.probabilities.argmax(axis=1))
        scored.setdefault((each.fold.repeat, each.fold.number), {}).setdefault(each.arm, []).append(reached)
    means = {fold: {arm: float(np.mean(told)) for arm, told in arms.items()} for fold, arms in scored.items()}
    best = {fold: max(arms, key=lambda arm: arms[arm]) for fold, arms in means.items()}
    found = [
        replace(each, arm=name) for each in predictions if best.get((each.fold.repeat, each.fold.number)) == each.arm
    ]
    rows = [{"fold": f"r{r}-f{n}", "chosen": best[r, n], **arms} for (r, n), arms in means.items()]
    return found, pd.DataFrame(rows).set_index("fold") if rows else pd.DataFrame()


def by_fold(table: pd.DataFrame, figure: str = "balanced_accuracy") -> pd.DataFrame:
    """Return a figure's mean over the seeds: one row a repeat and fold, one column an arm."""
    return table.pivot_table(index=["repeat", "fold"], columns="arm", values=figure, aggfunc="mean")


def contrasts(
    labels: NDArray[np.int64],
    groups: NDArray[np.str_],
    predictions: Sequence[Predictions],
    arms: Sequence[str],
    reference: str,
    *,
    resamples: int = 1000,
) -> list[Contrast]:
    """Compare arms with a reference arm on the same folds.

    The units are folds: seeds of a fold are averaged first, for they share its test crops. Folds share training
    crops, so their differences are not independent; the corrected resampled t (Nadeau and Bengio 2003) makes up for it.
    """
    table = score_table(labels, predictions, [str(number) for number in range(int(labels.max()) + 1)])
    units = by_fold(table)
    folds = list({each.fold.name: each.fold for each in predictions}.values())
    n_train = float(np.mean([len(fold.train) for fold in folds]))
    n_test = float(np.mean([len(fold.test) for fold in folds]))
    hits = {arm: _hits(labels, [each for each in predictions if each.arm == arm]) for arm in (*arms, reference)}
    tested = [corrected_paired_t((units[arm] - units[reference]).to_numpy(), n_train, n_test) for arm in arms]
    adjusted = holm([each.p for each in tested])
    found = []
    for arm, each, p_holm in zip(arms, tested, adjusted, strict=True):
        over_groups = group_bootstrap(_difference, labels, hits[arm], hits[reference], groups=groups, repeats=resamples)
        found.append(
            Contrast(
                arm,
                reference,
                each.mean,
                max(each.low, -1.0),  # no accuracy changes by more, whatever so few folds allow
                min(each.high, 1.0),
                each.p,
                float(p_holm),
                over_groups.low,
                over_groups.high,
                smallest_detectable(each.standard_error, len(units)),
                len(units),
            )
        )
    return found


def smallest_detectable(standard_error: float, folds: int) -> float:
    """Return the true difference that a two-sided test at `LEVEL` finds with probability `POWER`.

    The usual approximation: (t at 1 - LEVEL / 2 plus t at POWER) standard errors, with folds - 1 degrees of freedom.
    NaN where the error is not known: with one fold, and where all folds differ by the same.
    """
    if folds < 2 or standard_error == 0:
        return float("nan")
    from scipy.stats import t as student

    return float((student.ppf(1 - LEVEL / 2, folds - 1) + student.ppf(POWER, folds - 1)) * standard_error)


def _hits(labels: NDArray[np.int64], predictions: Sequence[Predictions]) -> NDArray[np.float64]:
    """Return for every crop how often it was told right, over seeds and repeats; NaN where it was never tested."""
    right, asked = np.zeros(len(labels)), np.zeros(len(labels))
    for each in predictions:
        right[each.fold.test] += each.probabilities.argmax(axis=1) == labels[each.fold.test]
        asked[each.fold.test] += 1
    with np.errstate(invalid="ignore"):
        return right / asked


def _difference(labels: NDArray[np.int64], hits: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the difference in mean recall over the classes, from how often each crop was told right."""
    return float(np.mean([np.mean((hits - reference)[labels == number]) for number in np.unique(labels)]))
