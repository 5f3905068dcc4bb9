"""The GAN jobs: train one on a class's real training crops, and draw patches from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Preview, Progress, Saved, Stop, Stopped
from napari_cellsynth.imaging.crop import from_unit, intensity_range
from napari_cellsynth.jobs.gan_patches import real_patches, trained, unit_range
from napari_cellsynth.jobs.job import GenerateParameters, Job, TrainGanParameters
from napari_cellsynth.jobs.runs import ended, hold_out_if_undecided, resolved, resumed
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord

_CHUNK = 256
_REFERENCE = 1000


def train_gan(job: Job, stop: Stop) -> Iterator[Event]:
    """Train (or resume) a GAN on the training crops of one class; held-out groups are never read.

    Yields
    ------
    Event
        Progress in steps, losses, sample patches; `Finished` with ``run``, ``crops`` and what the training tells.
    """
    from napari_cellsynth.synthesis import train
    from napari_cellsynth.synthesis.recipes import gan_recipe
    from napari_cellsynth.training.device import pick_device
    from napari_cellsynth.training.loader import CropStore

    parameters = job.checked()
    assert isinstance(parameters, TrainGanParameters)
    with Project.open(job.project) as project:
        if parameters.resume:
            run = resumed(project, parameters.resume, "gan")
            recipe = gan_recipe(run.recipe, **(run.parameters["recipe"] | _steps(parameters)))
            # Labels may have changed since; the data set of a run must not.
            objects = run.parameters["objects"]
            class_record = next(record for record in project.classes() if record.id == run.class_id)
        else:
            class_record = project.class_named(parameters.class_name)
            recipe = resolved(project, gan_recipe(parameters.recipe, **(parameters.overrides | _steps(parameters))))
            hold_out_if_undecided(project)
            table = _training_crops(project, class_record.id, class_record.name)
            objects = table.index.tolist()
        recorded = recipe.model_dump(mode="json")
        crops = project.crops(objects, size=recipe.size, fit=recorded["fit"])
        if parameters.resume:
            low, high = (np.asarray(run.parameters[end], dtype=np.float32) for end in ("low", "high"))
            seed = run.seed
        else:
            low, high = intensity_range(crops)
            seed = parameters.seed
            run = project.new_run(
                "gan",
                recipe.name,
                {
                    "recipe": recorded,
                    "objects": objects,
                    "low": low.tolist(),
                    "high": high.tolist(),
                    "dtype": str(crops[0].dtype),
                },
                class_id=class_record.id,
                groups=sorted(set(table["group"])),
                seed=seed,
            )
        yield Saved(run.id, str(run.folder))
        store = CropStore(crops, low, high, recipe.size, pick_device(parameters.device))
        events = train.train(
            store,
            recipe,
            run.folder,
            seed=seed,
            device=store.device,
            stop=stop,
            resume=bool(parameters.resume),
            meta={name: run.parameters[name] for name in ("low", "high", "dtype")} | {"class": class_record.name},
        )
        for event in ended(project, run, events, {"crops": len(crops), "class": class_record.name}):
            yield Preview(class_record.name, event.images) if isinstance(event, Preview) else event


def generate(job: Job, stop: Stop) -> Iterator[Event]:
    """Draw patches from a run's newest checkpoint into the project, with everything needed to make them again."""
    from napari_cellsynth.synthesis.sample import generate as draw
    from napari_cellsynth.synthesis.sample import newest_checkpoint
    from napari_cellsynth.training.device import pick_device

    parameters = job.checked()
    assert isinstance(parameters, GenerateParameters)
    with Project.open(job.project) as project:
        run = trained(project, parameters.run)
        checkpoint = newest_checkpoint(run.folder)
        device = pick_device(parameters.device)
        before = project.synthetic(run=run.id)
        same = before[(before["seed"] == parameters.seed) & (before["checkpoint"] == checkpoint)]
        # Asking for more patches of a seed goes on where the last ones ended instead of making them twice.
        first = 0 if same.empty else int(same["index_in_run"].max()) + 1
        real_ids, real = _learned_from(project, run)
        for start in range(0, parameters.n, _CHUNK):
            if stop():
                yield Stopped(run.id)
                return
            n = min(_CHUNK, parameters.n - start)
            unit = draw(
                run.folder,
                n,
                parameters.seed,
                first_index=first + start,
                checkpoint=checkpoint,
                device=device,
            )
            images = from_unit(unit, *unit_range(run), run.parameters["dtype"])
            assert run.class_id is not None
            ids = project.add_synthetic(run.id, checkpoint, run.class_id, parameters.seed, first + start, images)
            nearest, distance = _nearest(unit, real)
            project.set_nearest(ids, real_ids[nearest].tolist(), distance.tolist())
            yield Progress(start + n, parameters.n, "patches")
        yield Finished({"run": run.id, "checkpoint": checkpoint, "patches": parameters.n})


def _steps(parameters: TrainGanParameters) -> dict[str, int]:
    return {} if parameters.steps is None else {"steps": parameters.steps}


def _training_crops(project: Project, class_id: int, name: str) -> Any:
    table = project.training_objects()
    table = table[table["class_id"] == class_id]
    if len(table) < 2:
        raise UserError(
            f"{name} has {len(table)} labelled training crop{'s' if len(table) != 1 else ''}; a GAN needs at least 2.",
            "Label more crops of this class (60 and more are advisable).",
        )
    return table


def _learned_from(project: Project, run: RunRecord) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return up to a thousand patches that the run may have seen, and the objects they are of.

    A window of a large object is one of many, so few objects are looked at several times.
    """
    generator = np.random.default_rng(0)
    objects = generator.permutation(np.asarray(run.parameters["objects"]))
    windows = run.parameters["recipe"]["fit"] == "window"
    objects = np.resize(objects, _REFERENCE) if windows else objects[:_REFERENCE]
    return objects, real_patches(project, run, objects, generator)


def _nearest(patches: NDArray[np.float32], real: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return, for each patch, the nearest real patch over the eight flips and quarter turns, and its distance.

    The distance is the root mean square difference of pixels in [-1, 1].
    """
    flat = patches.reshape(len(patches), -1).astype(np.float32)
    best = np.full(len(flat), np.inf, dtype=np.float32)
    index = np.zeros(len(flat), dtype=np.intp)
    norm = (flat**2).sum(axis=1)[:, None]
    for turn in range(4):
        for flip in (False, True):
            seen = np.rot90(real[..., ::-1] if flip else real, turn, axes=(-2, -1))
            other = np.ascontiguousarray(seen).reshape(len(real), -1)
            squared = norm + (other**2).sum(axis=1)[None] - 2 * flat @ other.T
            nearest = squared.argmin(axis=1)
            distance = np.sqrt(np.maximum(squared[np.arange(len(flat)), nearest], 0) / flat.shape[1])
            index = np.where(distance < best, nearest, index)
            best = np.minimum(best, distance)
    return index, best
