"""Train a classical classifier on features of patches: measure, fit, calibrate by groups, score."""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.classify.batches import Mode, Part
from napari_cellsynth.classify.feature_model import (
    FEATURE_MODEL_FILE,
    FeatureClassifier,
    names_of,
    raw_probabilities,
    rows_of,
    save,
)
from napari_cellsynth.classify.history import History
from napari_cellsynth.classify.importance import importance
from napari_cellsynth.classify.outcome import outcome
from napari_cellsynth.classify.recipes_classical import FeatureRecipe
from napari_cellsynth.classify.resampling import resampled
from napari_cellsynth.classify.scoring import score
from napari_cellsynth.classify.targets import curve_figures, is_multi_label
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import multi_label, scores
from napari_cellsynth.evaluate.calibration import fit_temperature, tempered
from napari_cellsynth.evaluate.splits import grouped_folds
from napari_cellsynth.events import Event, Metric, Progress, Saved, Stop, Stopped

FOLDS = 5
"""Folds of the calibration, or as many as there are groups."""


class Rows:
    """The features of a part's crops: a table (M, d), which crop a row is of, and each row's class."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._tables: list[NDArray[np.float64]] = []
        self._owners: list[NDArray[np.int64]] = []

    def measure(self, recipe: FeatureRecipe) -> Iterator[int]:
        """Measure all crops and yield how many are done after each batch."""
        done = 0
        for table, owners in rows_of(self.part.store, recipe):
            self._tables.append(table)
            self._owners.append(owners)
            done += len(np.unique(owners))
            yield done
        self.table, self.owners = np.concatenate(self._tables), np.concatenate(self._owners)
        self.labels = self.part.labels[self.owners]


def train(
    parts: Sequence[Part],
    held_out: Part | None,
    notices: Sequence[str],
    class_names: Sequence[str],
    recipe: FeatureRecipe,
    folder: Path,
    *,
    mode: Mode,
    groups: ArrayLike | None,
    groups_held_out: ArrayLike | None,
    seed: int,
    stop: Stop,
    resume: bool,
    meta: dict[str, Any],
) -> Iterator[Event]:
    """Train a classical classifier and yield what happens; the partner of `train.train`, which checks and calls it.

    Its probabilities are calibrated by one temperature. The real training crops are split into folds by group (by
    crop, where no groups are given); each fold is predicted by a classifier of the other folds' real crops, and the
    temperature is that of least log loss; where crops have several classes, the thresholds are chosen by these answers
    instead. Synthetic patches have no part in it: their generator has seen the fold.

    Parameters
    ----------
    parts : sequence of Part
        Real crops, then perhaps synthetic patches; learned from together.
    held_out : Part, optional
        Real crops of other groups, for the scores.
    notices : sequence of str
        What the user should know already.
    groups : array_like, optional
        The groups of the real training crops.
    class_names, recipe, folder, mode, groups_held_out, seed, stop, resume, meta
        As in `train.train`. A stopped training has nothing to go on with; resuming starts it anew.

    Yields
    ------
    Event
        ``Progress`` in steps (a batch of crops measured, or a classifier fitted), a ``Metric`` of the folds
        (``fold_balanced_accuracy``, ``fold_loss``), ``Saved``, and ``Finished`` with the keys of `train.train` and
        ``importance`` (see `importance.importance`). ``steps`` is the number of fits,
        ``parameters`` the number of features.
    """
    began = time.monotonic()
    if mode == "pretrained":
        raise UserError(f"'{recipe.name}' cannot be pretrained: it learns in one step.", "Choose the mode mixed.")
    if resume and (folder / FEATURE_MODEL_FILE).exists():
        raise UserError(f"The training in {folder} is finished; there is nothing to resume.", "Start a new one.")
    folder.mkdir(parents=True, exist_ok=True)
    history = History(folder / "metrics.csv")
    history.cut_after(0)
    rows = [Rows(part) for part in parts]
    tested = None if held_out is None else Rows(held_out)
    yield Progress(0, sum(len(part.labels) for part in parts), "crops", " ".join(notices))
    folds = yield from _measured_and_folded(rows, tested, recipe, len(class_names), seed, groups, stop)
    if folds is None:
        yield Stopped(folder.name)
        return
    last = len(folds) + 1
    yield Progress(len(folds), last, "fits", "all training crops")
    temperature, thresholds, figures = folds.result()
    table, labels = np.concatenate([each.table for each in rows]), np.concatenate([each.labels for each in rows])
    estimator = fitted(recipe, table, labels, len(class_names), seed)
    channels = parts[0].store.channels
    model = FeatureClassifier(estimator, temperature, recipe, tuple(class_names), channels, meta, thresholds)
    found: dict[str, Any] = {}
    if tested is not None:
        found, of_curves = _scored(model, tested, folder, groups_held_out, seed)
        figures |= of_curves
    figures = {name: float(value) for name, value in figures.items() if value is not None}
    history.append(last, figures)
    yield Metric(last, figures)
    names = names_of(recipe, channels)
    weighed = importance(estimator, names, None if tested is None else (tested.table, tested.labels), seed)
    path = save(folder, model)
    yield Progress(last, last, "fits")
    yield Saved(folder.name, str(path))
    yield outcome(
        parts,
        class_names,
        found,
        temperature=temperature,
        thresholds=thresholds,
        calibration_crops=len(parts[0].labels) if len(folds) else 0,
        notices=[*notices, *folds.notices],
        seconds=time.monotonic() - began,
        steps=last,
        parameters=len(names),
        importance=weighed,
    )


def _measured_and_folded(
    rows: Sequence[Rows],
    tested: Rows | None,
    recipe: FeatureRecipe,
    k: int,
    seed: int,
    groups: ArrayLike | None,
    stop: Stop,
) -> Generator[Event, None, _Folds | None]:
    """Measure all crops, and return the folds of the real training crops, all of them predicted; None if stopped."""
    every = [*rows] if tested is None else [*rows, tested]
    crops, done = sum(len(each.part.labels) for each in every), 0
    for each in every:
        for measured in each.measure(recipe):
            if stop():
                return None
            yield Progress(done + measured, crops, "crops", "measured")
        done += len(each.part.labels)
    folds = _Folds(rows[0], recipe, k, seed, groups)
    for number in range(len(folds)):
        if stop():
            return None
        yield Progress(number, len(folds) + 1, "fits", "calibration")
        folds.fit(number)
    return None if stop() else folds


def _scored(
    model: FeatureClassifier, tested: Rows, folder: Path, groups: ArrayLike | None, seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the scores of the held-out crops, and the figures of them that belong into the curves."""
    labels = tested.part.labels
    p = model.probabilities(tested.table, tested.owners, len(labels))
    found = score(
        folder,
        tested.part.store,
        labels,
        p,
        model.class_names,
        groups=groups,
        seed=seed,
        thresholds=model.thresholds,
        with_size=model.recipe.with_size,
    )
    return found, curve_figures(labels, p, model.thresholds)


def fitted(recipe: FeatureRecipe, table: NDArray[np.float64], labels: NDArray[np.int64], k: int, seed: int) -> Any:
    """Return a fitted pipeline of a scaler and the recipe's classifier, for raw rows (M, d) of all of K classes.

    Where rows have several classes (``labels`` is 0/1 (M, K)), there is one classifier a class, of it against the rest.
    """
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import Pipeline

    scaler = recipe.scaler(len(table)).fit(table)
    if is_multi_label(labels):
        classifier = OneVsRestClassifier(recipe.estimator(table.shape[1], 2, seed))
        with warnings.catch_warnings():
            # A class that all rows have is given to all.
            warnings.filterwarnings("ignore", message="Label .* is present in all training examples")
            classifier.fit(scaler.transform(table), labels)
        return Pipeline([("scale", scaler), ("classify", classifier)])
    classifier = recipe.estimator(table.shape[1], k, seed)
    classifier.fit(*resampled(scaler.transform(table), labels, recipe.balance, seed))
    return Pipeline([("scale", scaler), ("classify", classifier)])


class _Folds:
    """Predictions of the real training crops by classifiers that saw no crop of their group."""

    def __init__(self, rows: Rows, recipe: FeatureRecipe, k: int, seed: int, groups: ArrayLike | None) -> None:
        self._rows, self._recipe, self._k, self._seed = rows, recipe, k, seed
        self._p = np.full((len(rows.labels), k), np.nan)
        of_crop = np.arange(len(rows.part.labels)) if groups is None else np.asarray(groups)
        self._splits = self._split(of_crop[rows.owners])
        self.notices = [] if self._splits else ["Too few groups to calibrate the probabilities: they may be too sure."]

    def __len__(self) -> int:
        return len(self._splits)

    def _split(self, groups: NDArray[Any]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return training and test rows of the folds whose training part has every class."""
        from sklearn.model_selection import StratifiedGroupKFold

        count = min(FOLDS, len(np.unique(groups)))
        labels = self._rows.labels
        if is_multi_label(labels):
            if count < 2 or labels.sum(axis=0).max() < count:
                return []
            found = grouped_folds(groups, labels, count, self._seed % 2**32)
            return [(a, b) for a, b in found if labels[a].any(axis=0).all()]
        if count < 2 or np.bincount(labels).max() < count:
            return []
        folds = StratifiedGroupKFold(count, shuffle=True, random_state=self._seed % 2**32)
        with warnings.catch_warnings():
            # Folds that lack a class are left out below.
            warnings.filterwarnings("ignore", message="The least populated class")
            found = list(folds.split(self._rows.table, labels, groups))
        return [(a, b) for a, b in found if len(b) and len(np.unique(labels[a])) == self._k]

    def fit(self, number: int) -> None:
        """Predict one fold by a classifier of the others."""
        learned, tested = self._splits[number]
        estimator = fitted(self._recipe, self._rows.table[learned], self._rows.labels[learned], self._k, self._seed)
        self._p[tested] = raw_probabilities(estimator, self._rows.table[tested])

    def result(self) -> tuple[float, tuple[float, ...] | None, dict[str, float]]:
        """Return the temperature of least log loss or the thresholds of best F1, and the figures of the folds at it."""
        known = np.isfinite(self._p).all(axis=1)
        p, labels = self._p[known], self._rows.labels[known]
        if is_multi_label(labels):
            limits = tuple(multi_label.choose_thresholds(labels, p))
            if not len(p):
                return 1.0, limits, {}
            f1 = scores.macro_f1(labels, multi_label.answers(p, limits))
            return 1.0, limits, {"fold_macro_f1": f1, "fold_loss": multi_label.log_loss(labels, p)}
        if not known.any():
            return 1.0, None, {}
        temperature = fit_temperature(p, labels)
        sure = tempered(p, temperature)
        return (
            temperature,
            None,
            {
                "fold_balanced_accuracy": scores.balanced_accuracy(labels, sure.argmax(axis=1)),
                "fold_loss": scores.log_loss(labels, sure),
            },
        )
