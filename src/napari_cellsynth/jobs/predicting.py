"""What a classifier answers for objects, chunk by chunk: here, or by workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.events import Stop
from napari_cellsynth.jobs.cluster import Tell
from napari_cellsynth.jobs.divided import divided, refuse_unseen
from napari_cellsynth.jobs.job import PredictParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord

Answer = tuple[NDArray[np.float32], Any]
"""Probabilities (object, class), and the thresholds of a classifier that gives several classes."""


def answers(
    project: Project, run: RunRecord, chunks: list[list[int]], parameters: PredictParameters, stop: Stop
) -> Iterator[Answer]:
    """Yield what a classifier answers for chunks of objects, in their order; fewer where it is stopped."""
    if parameters.divides:
        pieces = [(str(project.path), run.id, parameters.device, chunk) for chunk in chunks]
        yield from divided(answer_piece, pieces, parameters.workers, parameters.scheduler, stop)
        return
    answer = _answering(project, run, parameters.device)
    for chunk in chunks:
        if stop():
            return
        yield answer(chunk)


def answer_piece(place: str, run_id: str, device: str, chunk: list[int], stop: Stop, _tell: Tell) -> Answer | None:
    """Be a worker: return what a classifier answers for some objects; None where it was stopped."""
    refuse_unseen(place)
    if stop():
        return None
    with Project.open(place, read_only=True) as project:
        return _answering(project, project.run(run_id), device)(chunk)


def _answering(project: Project, run: RunRecord, device_name: str) -> Callable[[list[int]], Answer]:
    from napari_cellsynth.classify.predict import load, predict
    from napari_cellsynth.jobs.classifiers import cut_as
    from napari_cellsynth.training.device import pick_device
    from napari_cellsynth.training.loader import CropStore

    device = pick_device(device_name)
    model = load(run.folder, device=device)
    low, high = (np.asarray(run.parameters[end], dtype=np.float32) for end in ("low", "high"))
    size, cutting = run.parameters["recipe"]["size"], cut_as(run.parameters["recipe"])

    def answer(chunk: list[int]) -> Answer:
        store = CropStore(project.crops(chunk, **cutting), low, high, size, device)
        return predict(model, store, device=device), model.thresholds

    return answer
