"""What classifiers said about objects: probabilities by run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import multi_label
from napari_cellsynth.evaluate.score_curves import entropy, margin
from napari_cellsynth.project.base import RESERVED_NAMES
from napari_cellsynth.project.label_sets import LabelSets
from napari_cellsynth.project.run_bin import binned, no_run, without_binned
from napari_cellsynth.project.values import damaged, telling_damage


class Predictions(LabelSets):
    """Keeping and listing predictions."""

    @telling_damage
    def set_predictions(
        self,
        run: str,
        object_ids: Sequence[int],
        probabilities: NDArray[Any],
        class_ids: Sequence[int],
        thresholds: Sequence[float] | None = None,
    ) -> None:
        """Keep a classifier's probabilities, replacing what the same run said of the same objects.

        Parameters
        ----------
        run : str
            The classifier run.
        object_ids : sequence of int
            N objects.
        probabilities : ndarray, shape (N, K)
            In [0, 1], one column a class.
        class_ids : sequence of int
            The K classes of the columns.
        thresholds : sequence of float, optional
            From which probability on an object has each of the K classes; where they are given it may have several, or
            none. Without them it has the most probable one.

        Raises
        ------
        UserError
            When a class is unknown, or the same run was kept with other classes.
        """
        values = np.ascontiguousarray(probabilities, "<f4")
        if values.shape != (len(object_ids), len(class_ids)):
            raise ValueError(f"probabilities are {values.shape}, not {(len(object_ids), len(class_ids))}")
        with self._db.transaction():
            columns = json.dumps([self._checked_class(number) for number in class_ids])
            before = self._db.read("SELECT class_ids FROM prediction_runs WHERE run = ?", (run,))
            if before and before[0][0] != columns:
                raise UserError(f"{run} has predicted other classes before.", "Predict with a new run.")
            # Replacing would take the predictions along, so the run moves to the newest place by its number.
            if not before:
                told = None if thresholds is None else json.dumps([float(each) for each in thresholds])
                self._db.write(
                    "INSERT INTO prediction_runs (run, class_ids, thresholds) VALUES (?, ?, ?)", (run, columns, told)
                )
            self._db.write(
                "UPDATE prediction_runs SET number = (SELECT max(number) + 1 FROM prediction_runs) WHERE run = ?",
                (run,),
            )
            self._db.write_many(
                "INSERT OR REPLACE INTO predictions (run, object_id, probabilities) VALUES (?, ?, ?)",
                ((run, int(number), row.tobytes()) for number, row in zip(object_ids, values, strict=True)),
            )
            self._changed("predictions_changed")

    def latest_prediction_run(self) -> str | None:
        """Return the run that predicted last and is not in the bin, or None."""
        present, names = without_binned(self.path, "run")
        rows = self._db.read(f"SELECT run FROM prediction_runs WHERE {present} ORDER BY number DESC LIMIT 1", names)
        return str(rows[0][0]) if rows else None

    @telling_damage
    def unsure_below(self) -> float:
        """Return the confidence below which an answer is *unsure*; 0 where nobody has set one."""
        rows = self._db.read("SELECT value FROM settings WHERE name = 'unsure_below'")
        return float(rows[0][0]) if rows else 0.0

    def set_unsure_below(self, confidence: float) -> None:
        """Set the confidence below which an answer is *unsure*, for all predictions of the project.

        Raises
        ------
        UserError
            When it is not in [0, 1).
        """
        if not 0 <= confidence < 1:
            raise UserError(f"{confidence} is no confidence.", "Give a share from 0 (never unsure) to below 1.")
        with self._db.transaction():
            self._db.write("INSERT OR REPLACE INTO settings VALUES ('unsure_below', ?)", (repr(float(confidence)),))
            self._changed("predictions_changed")

    @telling_damage
    def predictions(
        self, run: str | None = None, *, image_id: int | None = None, frame: int | None = None
    ) -> pd.DataFrame:
        """Return the predictions of active objects (of an image, of a frame).

        Parameters
        ----------
        run : str, optional
            The classifier run; the one that predicted last by default.
        image_id, frame : int, optional
            Only objects of an image, of a frame.

        Returns
        -------
        DataFrame
            Index ``object_id``; class_id (the most probable), classes (a tuple of it), confidence (its probability),
            entropy (of all probabilities; 0 sure, 1 clueless), margin (over the second class), unsure (whether the
            confidence lies below `unsure_below`), run, and ``p_<class name>`` for every class. Empty when there is no
            prediction. For a run that gives several classes, classes are those at their thresholds or above, class_id
            the first of them (0: none), and the other figures those of `evaluate.multi_label.certainty`.

        Raises
        ------
        UserError
            When that run has predicted nothing.
        """
        chosen = run or self.latest_prediction_run()
        class_ids: list[int] = []
        thresholds: list[float] | None = None
        if chosen is not None:
            rows = self._db.read("SELECT class_ids, thresholds FROM prediction_runs WHERE run = ?", (chosen,))
            if not rows:
                raise UserError(f"{chosen} has predicted nothing.", "Run it on the images first.")
            if chosen in binned(self.path):
                raise no_run(self.path, chosen, [])
            class_ids, told = self._classes_of(rows[0][0]), rows[0][1]
            thresholds = None if told is None else self._thresholds_of(told, len(class_ids))
        where, parameters = ["p.run = ?", "o.active = 1"], [chosen]
        for column, value in (("image_id", image_id), ("frame", frame)):
            if value is not None:
                where.append(f"o.{column} = ?")
                parameters.append(int(value))  # type: ignore[arg-type]
        # SQLite does not know that a frame holds fewer objects than a run has predicted.
        tables = "predictions p JOIN objects o" if image_id is None else "objects o CROSS JOIN predictions p"
        found = self._db.read(
            f"SELECT p.object_id, p.probabilities FROM {tables} ON o.id = p.object_id "
            f"WHERE {' AND '.join(where)} ORDER BY p.object_id",
            parameters,
        )
        stored = b"".join(row[1] for row in found)
        if len(stored) != 4 * len(found) * len(class_ids):
            raise damaged(self._db, "predictions")
        values = np.frombuffer(stored, "<f4").reshape(len(found), len(class_ids) or 1)
        if heirs := self._heirs():
            values, class_ids, thresholds = _merged(values, class_ids, thresholds, heirs)
        names = self._class_names()
        data = _answers(values, class_ids or [0], thresholds)
        data |= {"unsure": data["confidence"] < self.unsure_below(), "run": chosen or ""}
        data |= {f"p_{names[number]}": values[:, column] for column, number in enumerate(class_ids)}
        return pd.DataFrame(data, index=pd.Index([row[0] for row in found], dtype="int64", name="object_id"))

    def _classes_of(self, text: str) -> list[int]:
        """Return the classes of a run's columns, known ones all."""
        try:
            numbers = [int(number) for number in json.loads(text)]
        except (ValueError, TypeError, RecursionError, OverflowError) as error:
            raise damaged(self._db, "prediction_runs.class_ids") from error
        if not numbers or not set(numbers) <= set(self._class_names()) - set(RESERVED_NAMES):
            raise damaged(self._db, "prediction_runs.class_ids")
        return numbers

    def _thresholds_of(self, text: str, count: int) -> list[float]:
        """Return the thresholds of a run's columns, one each."""
        try:
            thresholds = [float(number) for number in json.loads(text)]
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged(self._db, "prediction_runs.thresholds") from error
        if len(thresholds) != count:
            raise damaged(self._db, "prediction_runs.thresholds")
        return thresholds


def _merged(
    values: NDArray[Any], class_ids: list[int], thresholds: list[float] | None, heirs: Mapping[int, int]
) -> tuple[NDArray[Any], list[int], list[float] | None]:
    """Return probabilities (N, K), their classes and thresholds with classes that are gone put into their heirs.

    Where an object has one class, the probabilities of merged classes add up; where it may have several, the greater
    counts. A class that was deleted is left out.
    """
    now = [heirs.get(number, number) for number in class_ids]
    kept = [number for number in dict.fromkeys(now) if number]
    if not kept:
        return np.ones((len(values), 1), np.float32), [0], None
    columns = [[place for place, number in enumerate(now) if number == wanted] for wanted in kept]
    if thresholds is None:
        joined = np.stack([values[:, places].sum(axis=1) for places in columns], axis=1)
        return joined, kept, None
    joined = np.stack([values[:, places].max(axis=1) for places in columns], axis=1)
    return joined, kept, [min(thresholds[place] for place in places) for places in columns]


def _answers(values: NDArray[Any], class_ids: list[int], thresholds: list[float] | None) -> dict[str, Any]:
    """Return the columns that say what probabilities (N, K) answer, and how surely."""
    if thresholds is not None:
        given = multi_label.answers(values, thresholds)
        kinds, place = np.unique(given, axis=0, return_inverse=True)
        options = [tuple(np.array(class_ids)[kind].tolist()) for kind in kinds]
        sure = multi_label.certainty(values, thresholds)
        figures = {"confidence": sure.confidence, "entropy": sure.entropy, "margin": sure.margin}
    else:
        place = values.argmax(axis=1)
        options = [(class_id,) for class_id in class_ids]
        confidence = values[np.arange(len(values)), place]
        figures = {"confidence": confidence, "entropy": entropy(values), "margin": margin(values)}
    # numpy would make a table of equally long tuples.
    tuples = np.empty(len(options), object)
    tuples[:] = options
    first = np.array([has[0] if has else 0 for has in options], np.int64)
    place = place.reshape(-1)
    return {"class_id": first[place], "classes": tuples[place], **figures}
