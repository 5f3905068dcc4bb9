"""The job that predicts every object's class with a trained classifier, chunk by chunk: here, or by workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.score_words import unsure_words
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped
from napari_cellsynth.jobs.classifiers import chosen_classifier, cut_as
from napari_cellsynth.jobs.cluster import Tell
from napari_cellsynth.jobs.divided import divided, refuse_unseen
from napari_cellsynth.jobs.job import Job, PredictParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord

_CHUNK = 512

Answer = tuple[NDArray[np.float32], Any]
"""Probabilities (object, class), and the thresholds of a classifier that gives several classes."""


def predict(job: Job, stop: Stop) -> Iterator[Event]:
    """Predict the class of every object of the asked images with a trained classifier."""
    parameters = job.checked()
    assert isinstance(parameters, PredictParameters)
    with Project.open(job.project) as project:
        run = chosen_classifier(project, parameters.run)
        table = project.objects()
        if parameters.images is not None:
            if unknown := sorted(set(parameters.images) - set(project.images().index)):
                raise UserError(f"There is no image {unknown[0]} in this project.", "Leave the ids out to take all.")
            table = table[table["image_id"].isin(parameters.images)]
        if table.empty:
            raise UserError("There are no objects to predict.", "Segment the images or import objects first.")
        ids = table.sort_values(["image_id", "frame"]).index.to_numpy()
        chunks = [ids[start : start + _CHUNK].tolist() for start in range(0, len(ids), _CHUNK)]
        done = 0
        answered = answers(project, run, chunks, parameters, stop)
        for chunk, (probabilities, thresholds) in zip(chunks, answered, strict=False):  # fewer where it is stopped
            project.set_predictions(run.id, chunk, probabilities, run.parameters["class_ids"], thresholds)
            done += len(chunk)
            yield Progress(done, len(ids), "objects")
        if done < len(ids):
            yield Stopped(run.id)
            return
        if parameters.unsure_below is not None:
            project.set_unsure_below(parameters.unsure_below)
        unsure = project.predictions(run=run.id)["unsure"].reindex(ids)
        consequence = unsure_words(run.result.get("scores") or {}, project.unsure_below())
        told = {"unsure": int(unsure.sum()), "unsure_below": project.unsure_below(), "consequence": consequence}
        yield Finished({"run": run.id, "objects": len(ids)} | told)


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
