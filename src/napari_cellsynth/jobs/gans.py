"""The GAN jobs: train one on a class's real training crops, and draw patches from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Preview, Progress, Saved, Stop, Stopped
from napari_cellsynth.imaging.crop import from_unit, intensity_range
from napari_cellsynth.jobs.gan_patches import (
    class_names,
    keep_nearest,
    learned_from,
    nearest_real,
    trained,
    unit_range,
    wanted_classes,
)
from napari_cellsynth.jobs.job import GenerateParameters, Job, TrainGanParameters
from napari_cellsynth.jobs.runs import ended, hold_out_if_undecided, resolved, resumed
from napari_cellsynth.project import Project
from napari_cellsynth.project.classes import ClassRecord
from napari_cellsynth.project.runs import RunRecord

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipe_base import GanRecipe
    from napari_cellsynth.training.loader import CropStore

_CHUNK = 256
_LEAST = 2


def train_gan(job: Job, stop: Stop) -> Iterator[Event]:
    """Train (or resume) a GAN on training crops, of one class or of several; held-out groups are never read.

    A crop that has several classes is one of each of them.

    Yields
    ------
    Event
        Progress in steps, losses, sample patches; `Finished` with ``run``, ``crops`` and what the training tells.
    """
    from napari_cellsynth.synthesis import selection, train
    from napari_cellsynth.synthesis.recipes import gan_recipe

    parameters = job.checked()
    assert isinstance(parameters, TrainGanParameters)
    with Project.open(job.project) as project:
        if parameters.resume is not None:
            run = resumed(project, parameters, "gan")
            recipe = gan_recipe(run.recipe, **(run.parameters["recipe"] | _steps(parameters)))
        else:
            recipe = resolved(project, gan_recipe(parameters.recipe, **(parameters.overrides | _steps(parameters))))
            hold_out_if_undecided(project)
            run = _new_run(project, parameters, recipe)
        yield Saved(run.id, str(run.folder))
        name = ", ".join(class_names(project, run))
        learned, kept = (_stored(project, run, part, parameters.device) for part in ("objects", "held_back"))
        assert learned is not None
        events = train.train(
            learned,
            recipe,
            run.folder,
            seed=run.seed,
            device=learned.device,
            stop=stop,
            resume=parameters.resume is not None,
            meta={each: run.parameters[each] for each in ("low", "high", "dtype")} | {"class": name},
            judge=None if kept is None else selection.Judge(learned, kept),
        )
        told = {"crops": len(learned), "held_back": 0 if kept is None else len(kept), "class": name}
        for event in ended(project, run, events, told):
            yield Preview(name, event.images) if isinstance(event, Preview) else event


def _new_run(project: Project, parameters: TrainGanParameters, recipe: GanRecipe) -> RunRecord:
    """Choose the crops to learn and those to hold back, and record them: labels may change, a run's data must not."""
    from napari_cellsynth.synthesis.selection import held_back

    records = _wanted_classes(project, recipe, parameters.classes)
    table = _training_crops(project, records, parameters.fold)
    aside = held_back(table["group"].tolist(), table["class_id"], parameters.seed)
    # A crop of several classes is held back in all of them, or learned in all.
    aside = table.index.isin(table.index[aside])
    learned, kept = table[~aside], table[aside]
    settings = recipe.model_dump(mode="json")
    crops = project.crops(learned.index.tolist(), size=recipe.size, fit=settings["fit"])
    low, high = intensity_range(crops)
    recorded: dict[str, Any] = {
        "recipe": settings,
        "objects": learned.index.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "dtype": str(crops[0].dtype),
        "held_back": kept.index.tolist(),
    }
    if recipe.conditional:
        place = {record.id: number for number, record in enumerate(records)}
        recorded |= {
            "class_ids": list(place),
            "object_classes": learned["class_id"].map(place).tolist(),
            "held_back_classes": kept["class_id"].map(place).tolist(),
        }
    return project.new_run(
        "gan",
        recipe.name,
        recorded,
        class_id=None if recipe.conditional else records[0].id,
        groups=sorted(set(table["group"])),
        seed=parameters.seed,
        fold=parameters.fold,
    )


def _stored(project: Project, run: RunRecord, part: str, device: str) -> CropStore | None:
    """Return the crops that a run's record names as ``objects`` or as ``held_back``; None where there are none."""
    from napari_cellsynth.training.device import pick_device
    from napari_cellsynth.training.loader import CropStore

    recorded, recipe = run.parameters, run.parameters["recipe"]
    objects = recorded.get(part, [])
    if not objects:
        return None
    classes = recorded.get("object_classes" if part == "objects" else "held_back_classes")
    low, high = (np.asarray(recorded[end], dtype=np.float32) for end in ("low", "high"))
    crops = project.crops(objects, size=recipe["size"], fit=recipe["fit"])
    return CropStore(crops, low, high, recipe["size"], pick_device(device), classes)


def generate(job: Job, stop: Stop) -> Iterator[Event]:
    """Draw patches from a run's best checkpoint into the project, with everything needed to make them again."""
    from napari_cellsynth.synthesis.sample import best_checkpoint
    from napari_cellsynth.training.device import pick_device

    parameters = job.checked()
    assert isinstance(parameters, GenerateParameters)
    with Project.open(job.project) as project:
        run = trained(project, parameters.run)
        checkpoint = best_checkpoint(run.folder)
        device = pick_device(parameters.device)
        wanted = wanted_classes(project, run, parameters.classes)
        total = len(wanted) * parameters.n
        for number, class_id in enumerate(wanted):
            for done_of_class in _generated(project, run, checkpoint, class_id, parameters, device):
                done = number * parameters.n + done_of_class
                yield Progress(done, total, "patches")
                if done < total and stop():
                    yield Stopped(run.id)
                    return
        yield Finished({"run": run.id, "checkpoint": checkpoint, "patches": total})


def _generated(
    project: Project, run: RunRecord, checkpoint: str, class_id: int, parameters: GenerateParameters, device: Any
) -> Iterator[int]:
    """Draw the patches of one class into the project, and yield how many are there after each chunk."""
    from napari_cellsynth.synthesis.sample import generate as draw

    before = project.synthetic(run=run.id)
    same = before[
        (before["seed"] == parameters.seed) & (before["checkpoint"] == checkpoint) & (before["class_id"] == class_id)
    ]
    # Asking for more patches of a seed goes on where the last ones ended instead of making them twice.
    first = 0 if same.empty else int(same["index_in_run"].max()) + 1
    objects, real = learned_from(project, run, class_id)
    number = run.class_ids.index(class_id)
    for start in range(0, parameters.n, _CHUNK):
        n = min(_CHUNK, parameters.n - start)
        unit = draw(
            run.folder,
            n,
            parameters.seed,
            class_index=number,
            first_index=first + start,
            checkpoint=checkpoint,
            device=device,
        )
        images = from_unit(unit, *unit_range(run), run.parameters["dtype"])
        ids = project.add_synthetic(run.id, checkpoint, class_id, parameters.seed, first + start, images)
        keep_nearest(project, ids, nearest_real(unit, objects, real))
        yield start + n


def _steps(parameters: TrainGanParameters) -> dict[str, int]:
    return {} if parameters.steps is None else {"steps": parameters.steps}


def _wanted_classes(project: Project, recipe: GanRecipe, names: list[str | int]) -> list[ClassRecord]:
    """Return the classes to learn: one, or for a conditional recipe those named, else all that have crops."""
    named = [project.class_named(name) for name in dict.fromkeys(names)]
    if not recipe.conditional:
        if len(named) != 1:
            raise UserError(
                f"The recipe {recipe.name} learns one class at a time.",
                "Name the class to train, or take a recipe of several classes, such as cellsynth-conditional.",
            )
        return named
    counts = project.per_class(project.training_objects())["class_id"].value_counts()
    records = named or [record for record in project.classes() if counts.get(record.id, 0) >= _LEAST]
    if len(records) < 2:
        raise UserError(
            f"The recipe {recipe.name} learns several classes together; there are {len(records)} with training crops.",
            "Label crops of another class, or take a recipe that learns one class.",
        )
    return records


def _training_crops(project: Project, records: list[ClassRecord], fold: int | None) -> Any:
    table = project.per_class(project.training_objects(fold=fold))
    for record in records:
        count = int((table["class_id"] == record.id).sum())
        if count < _LEAST:
            crops = f"{count} labelled training crop{'s' if count != 1 else ''}"
            raise UserError(
                f"{record.name} has {crops}; a GAN needs at least {_LEAST}.",
                "Label more crops of this class (60 and more are advisable).",
            )
    return table[table["class_id"].isin([record.id for record in records])]
