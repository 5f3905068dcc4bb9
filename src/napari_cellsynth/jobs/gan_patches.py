"""Real crops as a trained GAN sees them: in its run's own cut and intensity range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import to_unit
from napari_cellsynth.jobs.runs import intact
from napari_cellsynth.project import Project
from napari_cellsynth.project.runs import RunRecord

_REFERENCE = 1000


def trained(project: Project, run_id: str) -> RunRecord:
    """Return the record of a GAN run that has a checkpoint.

    Raises
    ------
    UserError
        Where there is no such run, it is no GAN, or it has no weights yet.
    """
    run = intact(project, run_id, "gan")
    if not any(run.folder.glob("*.safetensors")):
        raise UserError(f"{run_id} has no checkpoint yet.", "Train it a little longer, or resume it.")
    return run


def class_names(project: Project, run: RunRecord) -> list[str]:
    """Return the names of the classes that a GAN run has learned."""
    names = {record.id: record.name for record in project.classes()}
    return [names[class_id] for class_id in run.class_ids if class_id in names]


def wanted_classes(project: Project, run: RunRecord, classes: Sequence[str | int]) -> list[int]:
    """Return the ids of classes that a run has learned: of these (names or ids), of all where none are given.

    Raises
    ------
    UserError
        Where there is no such class, or the run has not learned it.
    """
    wanted = [project.class_named(each) for each in classes]
    for record in wanted:
        if record.id not in run.class_ids:
            known = ", ".join(class_names(project, run))
            raise UserError(f"{run.id} has not learned {record.name}.", f"It knows {known}.")
    return [record.id for record in wanted] or list(run.class_ids)


def unit_range(run: RunRecord) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the intensities, one a channel, that the run's patches have at -1 and at 1."""
    low, high = (np.asarray(run.parameters[end], dtype=np.float32) for end in ("low", "high"))
    return low, high


def real_patches(
    project: Project, run: RunRecord, objects: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return a random patch of each object, in the run's own cut and range."""
    recipe = run.parameters["recipe"]
    crops = project.crops(objects.tolist(), size=recipe["size"], fit=recipe["fit"])
    return to_unit(np.stack([window(crop, recipe["size"], generator) for crop in crops]), *unit_range(run))


def learned_from(project: Project, run: RunRecord, class_id: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return up to a thousand patches of a class that the run may have seen, and the objects they are of.

    A window of a large object is one of many, so few objects are looked at several times.
    """
    generator = np.random.default_rng(0)
    objects = generator.permutation(np.asarray(run.objects_of(class_id)))
    windows = run.parameters["recipe"]["fit"] == "window"
    objects = np.resize(objects, _REFERENCE) if windows else objects[:_REFERENCE]
    return objects, real_patches(project, run, objects, generator)


class Nearest(NamedTuple):
    """For each patch its nearest real object, the distance to it, and that over the distance to the second nearest."""

    objects: NDArray[np.int64]
    distance: NDArray[np.float64]
    copy_ratio: NDArray[np.float64]


def nearest_real(patches: NDArray[np.float32], objects: NDArray[np.int64], real: NDArray[np.float32]) -> Nearest:
    """Find, for each patch, the real object it is nearest to in any of the eight flips and quarter turns.

    Parameters
    ----------
    patches, real : ndarray of float32, shape (M, C, S, S) and (N, C, S, S)
        Generated patches and those of `learned_from`, in [-1, 1].
    objects : ndarray of int64, shape (N,)
        The objects of the real ones.

    Returns
    -------
    Nearest
        The distance is the root mean square difference of pixels; the ratio, in [0, 1], is that of
        `evaluate.memorisation.memorisation`, NaN where all real patches are of one object.
    """
    from napari_cellsynth.evaluate.memorisation import memorisation
    from napari_cellsynth.evaluate.symmetries import nearest_views

    if len(np.unique(objects)) < 2:
        distance, _ = nearest_views(patches.astype(np.float64), real.astype(np.float64))
        nearest = distance.argmin(axis=1)
        return Nearest(objects[nearest], distance.min(axis=1), np.full(len(patches), np.nan))
    found = memorisation(real, patches, objects=objects)
    return Nearest(objects[found["nearest"]], found["distance"], found["ratio"])


def keep_nearest(project: Project, patch_ids: Sequence[int], found: Nearest) -> None:
    """Record what `nearest_real` has found of these patches."""
    project.set_nearest(patch_ids, found.objects.tolist(), found.distance)
    project.set_figures(patch_ids, {"copy_ratio": found.copy_ratio})


def window(crop: NDArray[Any], size: int, generator: np.random.Generator) -> NDArray[Any]:
    """Return a random square of ``size`` pixels out of a crop (C, h, w)."""
    y, x = (int(generator.integers(0, length - size + 1)) for length in crop.shape[-2:])
    return crop[:, y : y + size, x : x + size]
