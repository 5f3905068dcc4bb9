"""The score job: measure every synthetic patch on its own, so that a person can look at the doubtful ones first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped
from napari_cellsynth.imaging.crop import to_unit
from napari_cellsynth.jobs.feature_network import feature_network
from napari_cellsynth.jobs.gan_patches import keep_nearest, learned_from, nearest_real, trained, unit_range
from napari_cellsynth.jobs.job import Job, ScoreParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord

if TYPE_CHECKING:
    from napari_cellsynth.evaluate.fold_network import FoldNetwork

_CHUNK = 256


def score(job: Job, stop: Stop) -> Iterator[Event]:
    """Record realism, probability of its class, nearest real object and copy ratio of every patch of some runs.

    Yields
    ------
    Event
        Progress; `Finished` with ``patches``, ``runs`` and ``notices`` (what could not be measured, and why). What was
        measured before a stop is kept.
    """
    parameters = job.checked()
    assert isinstance(parameters, ScoreParameters)
    with Project.open(job.project) as project:
        table = project.synthetic()
        runs, notices = _runs(project, parameters, table)
        table = table[table["run"].isin([run.id for run in runs])]
        done = 0
        for run in runs:
            network, notice = yield from feature_network(project, run, stop)
            notices += [notice] if notice and notice not in notices else []
            for class_id, patches in table[table["run"] == run.id].groupby("class_id"):
                scorer = _Scorer(project, run, int(class_id), network)
                notices += [each for each in scorer.notices if each not in notices]
                ids = patches.index.tolist()
                for start in range(0, len(ids), _CHUNK):
                    if stop():
                        yield Stopped(run.id)
                        return
                    scorer.measure(ids[start : start + _CHUNK])
                    done += len(ids[start : start + _CHUNK])
                    yield Progress(done, len(table), "patches", "scoring")
        yield Finished({"patches": done, "runs": [run.id for run in runs], "notices": notices})


def _runs(project: Project, parameters: ScoreParameters, table: pd.DataFrame) -> tuple[list[RunRecord], list[str]]:
    """Return the runs whose patches are measured: those asked for, else all that have patches and a whole record."""
    with_patches = list(dict.fromkeys(table["run"]))
    if not with_patches:
        raise UserError("There are no synthetic patches to measure.", "Generate some first.")
    if parameters.runs:
        runs = [trained(project, run_id) for run_id in dict.fromkeys(parameters.runs)]
        if empty := [run.id for run in runs if run.id not in with_patches]:
            raise UserError(f"{empty[0]} has no synthetic patches.", "Generate some first.")
        return runs, []
    found: list[RunRecord] = []
    notices: list[str] = []
    for run_id in with_patches:
        try:
            found.append(trained(project, run_id))
        except UserError as error:  # patches outlive the record of their run; those of the others are measured
            notices.append(error.message)
    return found, notices


class _Scorer:
    """Measures patches of one class of one run against the real crops that the run has learned from.

    Features and probabilities come from the network of the quality table, which only knows training crops.
    """

    def __init__(self, project: Project, run: RunRecord, class_id: int, network: FoldNetwork | None) -> None:
        from napari_cellsynth.evaluate.extractors import features
        from napari_cellsynth.evaluate.realism import NEIGHBOURS

        self.notices: list[str] = []
        self._project, self._run = project, run
        self._objects, self._real = learned_from(project, run, class_id)
        self._network = None if network is None else network.seen_in(*unit_range(run))
        self._extractor = self._network or "handmade"
        # One patch an object: windows of one object lie so near to each other that their balls would hold nothing else.
        _, each_once = np.unique(self._objects, return_index=True)
        self._features = features(self._real[each_once], self._extractor)
        name = next(record.name for record in project.classes() if record.id == class_id)
        self._place = None if network is None or name not in network.classes else network.classes.index(name)
        self._enough = len(self._features) > NEIGHBOURS
        if not self._enough:
            self.notices.append(f"Realism of {name} needs more than {NEIGHBOURS} real crops.")
        if network is not None and self._place is None:
            self.notices.append(f"{name} has too few training crops for a class probability.")

    def measure(self, ids: list[int]) -> None:
        """Measure and record some patches."""
        unit = to_unit(self._project.read_synthetic(ids), *unit_range(self._run))
        unknown = np.full(len(ids), np.nan)
        keep_nearest(self._project, ids, nearest_real(unit, self._objects, self._real))
        certain = (
            unknown
            if self._network is None or self._place is None
            else self._network.probabilities(unit)[:, self._place].astype(np.float64)
        )
        realism = self._realism(unit) if self._enough else unknown
        self._project.set_figures(ids, {"realism": realism, "confidence": certain})

    def _realism(self, unit: NDArray[np.float32]) -> NDArray[np.float64]:
        from napari_cellsynth.evaluate.extractors import features, standardised
        from napari_cellsynth.evaluate.realism import realism

        real, made = standardised(self._features, features(unit, self._extractor))
        return realism(real, made)
