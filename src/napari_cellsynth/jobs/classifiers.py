"""The classifier jobs: train on real and synthetic patches, score on held-out real ones, predict every object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.classify.balance import synthetic_counts
from napari_cellsynth.classify.recipe_base import CUTTING
from napari_cellsynth.classify.recipes_classical import FeatureRecipe
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.score_words import unsure_words
from napari_cellsynth.events import Event, Finished, Progress, Saved, Stop, Stopped
from napari_cellsynth.imaging.crop import intensity_range
from napari_cellsynth.jobs.job import Job, PredictParameters, TrainClassifierParameters
from napari_cellsynth.jobs.runs import ended, hold_out_if_undecided, intact, resolved, resumed
from napari_cellsynth.project import Project

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from napari_cellsynth.project.runs import RunRecord
    from napari_cellsynth.training.loader import CropStore

_CHUNK = 512


def train_classifier(job: Job, stop: Stop) -> Iterator[Event]:
    """Train (or resume) a classifier; the held-out groups are scored at the end and never learned from.

    Yields
    ------
    Event
        Progress, curves; `Finished` with ``run``, ``classes``, ``scores``, ``confusion`` (rows: truth) and counts.
    """
    from napari_cellsynth.classify import train
    from napari_cellsynth.classify.recipes import classifier_recipe
    from napari_cellsynth.classify.targets import suited
    from napari_cellsynth.training.device import pick_device

    parameters = job.checked()
    assert isinstance(parameters, TrainClassifierParameters)
    with Project.open(job.project) as project:
        device = pick_device(parameters.device)
        notices: list[str] = []
        if parameters.resume is not None:
            run = resumed(project, parameters, "classifier")
            recipe = classifier_recipe(run.recipe, **run.parameters["recipe"])
        else:
            recipe = resolved(project, classifier_recipe(parameters.recipe, **parameters.overrides))
            recipe, notices = suited(recipe, several=project.multi_label, asked="balance" in parameters.overrides)
            hold_out_if_undecided(project)
            run = _new_run(project, parameters, recipe)
        yield Saved(run.id, str(run.folder))
        data = _Data(project, run, device)
        events = train.train(
            data.real,
            data.labels,
            data.names,
            recipe,
            run.folder,
            synthetic=data.synthetic,
            mode=run.parameters["mode"],
            validation=data.validation,
            held_out=data.held_out,
            groups=data.groups,
            groups_held_out=data.groups_held_out,
            calibration=data.calibration,
            seed=run.seed,
            device=device,
            stop=stop,
            resume=parameters.resume is not None,
            meta=data.meta,
        )
        counts = {
            "real": len(data.labels),
            "synthetic": len(run.parameters["synthetic_patches"]),
            "validation": len(run.parameters.get("validation_objects", [])),
            "synthetic_per_class": run.parameters["synthetic"],
            "held_out": len(run.parameters["test_objects"]),
        }
        if data.calibration is not None:
            counts["calibrated_on"] = len(data.calibration[1])
        yield from ended(project, run, _noting(events, notices), counts)


def _noting(events: Iterator[Event], notices: list[str]) -> Iterator[Event]:
    """Pass a training's events on, with what was to be said of it before it began."""
    for event in events:
        if isinstance(event, Finished):
            event = Finished(event.result | {"notices": [*notices, *event.result["notices"]]})
        yield event


def predict(job: Job, stop: Stop) -> Iterator[Event]:
    """Predict the class of every object of the asked images with a trained classifier."""
    from napari_cellsynth.jobs.predicting import answers

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


class _Data:
    """A run's training and held-out sets, read from what its record names, so that a resumed run has the same."""

    def __init__(self, project: Project, run: RunRecord, device: torch.device) -> None:
        from napari_cellsynth.classify.targets import one_hot
        from napari_cellsynth.training.loader import CropStore

        recorded, recipe = run.parameters, run.parameters["recipe"]
        self.names: list[str] = recorded["class_names"]
        low, high = (np.asarray(recorded[end], dtype=np.float32) for end in ("low", "high"))
        index = {class_id: k for k, class_id in enumerate(recorded["class_ids"])}
        several = recorded.get("multi_label", False)

        def coded(pairs: list[list[Any]]) -> NDArray[np.int64]:
            if not several:
                return np.array([index[c] for _, c in pairs])
            return np.array([[c in has for c in index] for _, has in pairs], dtype=np.int64)

        def stored(pairs: list[list[Any]]) -> tuple[CropStore, NDArray[np.int64]]:
            crops = project.crops([i for i, _ in pairs], **cut_as(recipe))
            return CropStore(crops, low, high, recipe["size"], device), coded(pairs)

        self.real, self.labels = stored(recorded["training_objects"])
        self.held_out = stored(recorded["test_objects"]) if recorded["test_objects"] else None
        apart = recorded.get("calibration_objects")  # older runs have none of these
        self.calibration = stored(apart) if apart else None
        self.groups = recorded.get("training_groups")
        apart = recorded.get("validation_objects")
        self.validation = stored(apart) if apart else None
        self.groups_held_out = None
        if self.held_out is not None:
            self.groups_held_out = np.asarray(recorded["test_groups"], dtype=str)
        self.synthetic: tuple[CropStore, NDArray[np.int64]] | None = None
        if recorded["synthetic_patches"]:
            ids = [i for i, _ in recorded["synthetic_patches"]]
            store = CropStore(list(project.read_synthetic(ids)), low, high, recipe["size"], device)
            made_for = np.array([index[c] for _, c in recorded["synthetic_patches"]])
            # A synthetic patch has the class that it was made for and no other.
            self.synthetic = store, one_hot(made_for, len(index)) if several else made_for
        self.meta = {
            "low": low.tolist(),
            "high": high.tolist(),
            "class_ids": recorded["class_ids"],
            "class_names": self.names,
        }


def cut_as(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a classifier's recorded recipe has crops cut, as `Project.crops` takes it."""
    others = {name: recipe.get(name, default) for name, default in CUTTING.items()}  # older runs do not say them
    return {"size": recipe["size"], "fit": recipe["fit"], **others}


def _new_run(project: Project, parameters: TrainClassifierParameters, recipe: Any) -> RunRecord:
    """Choose what is learned, what chooses an epoch, calibrates and scores, and record it: a run keeps its data."""
    from napari_cellsynth.classify.validation import calibrating_part, validation_part

    train, test = project.training_objects(), project.test_objects()
    several = project.multi_label
    counts = project.per_class(train)["class_id"].value_counts()
    names = {record.id: record.name for record in project.classes()}
    class_ids = [class_id for class_id in names if counts.get(class_id, 0) > 0]
    if len(class_ids) < 2:
        raise UserError(
            f"A classifier needs labelled training crops of at least two classes; this project has {len(class_ids)}.",
            "Label more crops, or hold out fewer groups.",
        )
    _check_mode(parameters, recipe)
    test = test[project.indicators(test["label"], class_ids).any(axis=1)]
    labels = project.indicators(train["label"], class_ids) if several else train["class_id"]
    judging = validation_part(recipe, train["group"], labels, parameters.seed)
    apart = calibrating_part(recipe, judging, train["group"], labels, parameters.seed)
    validating, calibrating, train = train[judging], train[apart], train[~(judging | apart)]
    low, high = intensity_range(project.crops(train.index.tolist(), **cut_as(recipe.model_dump())))
    patches = _patches(project, parameters, recipe, counts.loc[class_ids], set(test["group"]))

    def pairs(table: pd.DataFrame) -> list[list[Any]]:
        """Return objects with their class, or with a list of their classes."""
        if not several:
            return list(table["class_id"].reset_index().to_numpy().tolist())
        return [[int(i), list(project.classes_of(label))] for i, label in table["label"].items()]

    return project.new_run(
        "classifier",
        recipe.name,
        {
            "recipe": recipe.model_dump(mode="json"),
            "mode": parameters.mode,
            "multi_label": several,
            "synthetic": parameters.synthetic,
            "up_to": parameters.up_to,
            "share": parameters.share,
            "class_ids": class_ids,
            "class_names": [names[class_id] for class_id in class_ids],
            "training_objects": pairs(train),
            "training_groups": train["group"].tolist(),
            "validation_objects": pairs(validating),
            "calibration_objects": pairs(calibrating),
            "test_objects": pairs(test),
            "test_groups": test["group"].tolist(),
            "synthetic_patches": patches,
            "low": low.tolist(),
            "high": high.tolist(),
        },
        class_id=None,
        groups=sorted({*train["group"], *validating["group"], *calibrating["group"]}),
        seed=parameters.seed,
    )


def _check_mode(parameters: TrainClassifierParameters, recipe: Any) -> None:
    if parameters.mode != "pretrained":
        return
    if isinstance(recipe, FeatureRecipe):
        raise UserError(f"'{recipe.name}' cannot be pretrained: it learns in one step.", "Choose the mode mixed.")
    if not parameters.adds_synthetic:
        raise UserError("Pretraining needs synthetic patches.", "Give the number a class (--synthetic N).")


def _patches(
    project: Project,
    parameters: TrainClassifierParameters,
    recipe: Any,
    counts: pd.Series[int],
    test_groups: set[str],
) -> list[list[int]]:
    """Return the synthetic patches to learn from, each with its class; ``counts`` are the real crops of each class."""
    if not parameters.adds_synthetic:
        return []
    amount = synthetic_counts(counts, each=parameters.synthetic, up_to=parameters.up_to, share=parameters.share)
    patches: list[list[int]] = []
    for class_id, wanted in zip(counts.index.tolist(), amount.tolist(), strict=True):
        if wanted:
            ids = project.synthetic_for_training(class_id, wanted, test_groups=test_groups)
            patches += [[int(i), class_id] for i in ids]
    if not patches and amount.any():
        raise UserError("There are no synthetic patches to train on.", "Train GANs and generate patches first.")
    if patches:
        _assert_same_shape(project, patches, recipe)
    return patches


def _assert_same_shape(project: Project, patches: list[list[int]], recipe: Any) -> None:
    """Refuse synthetic patches that were cut in another way than the real ones they would stand beside."""
    if others := [name for name, value in CUTTING.items() if getattr(recipe, name) != value]:
        raise UserError(
            f"Synthetic patches look like plain crops; this classifier takes crops with {others[0]} = "
            f"{getattr(recipe, others[0])}.",
            f"Train on real crops only, or with {others[0]} = {CUTTING[others[0]]}.",
        )
    table = project.synthetic().loc[[i for i, _ in patches]]
    for run_id in table["run"].unique():
        made = project.run(run_id).parameters["recipe"]
        if (made["size"], made["fit"]) != (recipe.size, recipe.fit):
            raise UserError(
                f"The patches of {run_id} are {made['size']} px, cut as {made['fit']!r}; this classifier takes "
                f"{recipe.size} px, cut as {recipe.fit!r}.",
                "Choose the same patch size and fit for both.",
            )


def chosen_classifier(project: Project, run_id: str | None) -> RunRecord:
    """Return a finished classifier run by its id, the newest one without an id."""
    if run_id is not None:
        run = intact(project, run_id, "classifier")
        if run.status != "finished":
            raise UserError(f"{run_id} is not a finished classifier.", "`info` lists the runs.")
        return run
    finished = [run for run in project.runs("classifier") if run.status == "finished"]
    if not finished:
        raise UserError("No classifier has been trained yet.", "Train one first.")
    return finished[0]
