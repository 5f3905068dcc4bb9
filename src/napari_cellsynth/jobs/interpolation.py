"""Patches drawn again from their records: as they were, and the way from one to another (the interpolate job)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Preview, Progress, Stop, Stopped
from napari_cellsynth.imaging.crop import from_unit
from napari_cellsynth.jobs.gan_patches import class_names, trained, unit_range
from napari_cellsynth.jobs.job import Device, InterpolateParameters, Job
from napari_cellsynth.project import Project


def interpolate(job: Job, stop: Stop) -> Iterator[Event]:
    """Draw the way from one synthetic patch of a run to another.

    Yields
    ------
    Event
        `Preview` with the strip; `Finished` with ``run``, ``patches`` (the two), ``steps`` and ``file``.
    """
    from napari_cellsynth.synthesis.sample import Drawn
    from napari_cellsynth.synthesis.sample import interpolate as between

    parameters = job.checked()
    assert isinstance(parameters, InterpolateParameters)
    with Project.open(job.project, read_only=True) as project:
        ends = [_record(project, patch_id) for patch_id in (parameters.first, parameters.last)]
        if len({(end["run"], end["checkpoint"]) for end in ends}) > 1:
            raise UserError(
                "The two patches are of different runs or checkpoints.", "Choose two patches of one run's checkpoint."
            )
        run = trained(project, ends[0]["run"])
        names = ", ".join(class_names(project, run))
        first, last = (Drawn(end["seed"], end["index_in_run"], run.class_ids.index(end["class_id"])) for end in ends)
    if stop():
        yield Stopped(run.id)
        return
    strip = between(
        run.folder, first, last, parameters.steps, checkpoint=ends[0]["checkpoint"], device=parameters.device
    )
    yield Progress(parameters.steps, parameters.steps, "patches")
    yield Preview(names, strip)
    if parameters.file:
        write_strip(list(strip), Path(parameters.file))
    chosen = [parameters.first, parameters.last]
    yield Finished({"run": run.id, "patches": chosen, "steps": parameters.steps, "file": parameters.file or ""})


def made_again(project: Project, patch_ids: list[int], *, device: Device = "auto") -> NDArray[Any]:
    """Draw synthetic patches once more from what the project records of them.

    Parameters
    ----------
    project : Project
        The project.
    patch_ids : list of int
        Patches of one size, channels and bit depth.
    device : str
        Where to draw; on the device they were drawn on first they come out the same bit for bit.

    Returns
    -------
    ndarray, shape (N, C, S, S)
        Raw intensities, as `Project.read_synthetic` gives them.

    Raises
    ------
    UserError
        When a patch is unknown, or its run's record or checkpoint is gone.
    """
    from napari_cellsynth.synthesis.sample import generate

    made = []
    for patch_id in patch_ids:
        record = _record(project, patch_id)
        run = trained(project, record["run"])
        unit = generate(
            run.folder,
            1,
            record["seed"],
            class_index=run.class_ids.index(record["class_id"]),
            first_index=record["index_in_run"],
            checkpoint=record["checkpoint"],
            device=device,
        )
        made.append(from_unit(unit, *unit_range(run), run.parameters["dtype"]))
    return np.concatenate(made)


def write_strip(patches: Sequence[NDArray[np.float32]], file: Path) -> None:
    """Write patches (C, S, S) of one size, in [-1, 1], side by side: one channel grey, else the first three.

    Raises
    ------
    UserError
        When the file cannot be written, or its name has no known ending.
    """
    from PIL import Image

    row = np.concatenate(patches, axis=2)
    planes = np.clip((row + 1) * 127.5, 0, 255).astype(np.uint8)
    planes = np.concatenate([planes, np.zeros_like(planes[:1])]) if len(planes) == 2 else planes
    pixels = planes[0] if len(planes) == 1 else np.moveaxis(planes[:3], 0, -1)
    try:
        Image.fromarray(np.ascontiguousarray(pixels)).save(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be written.", "Name a .png file in a folder that is there.") from error


def _record(project: Project, patch_id: int) -> dict[str, Any]:
    """Return the origin of a patch as plain values."""
    table = project.synthetic()
    if patch_id not in table.index:
        raise UserError(f"There is no synthetic patch {patch_id}.", "`review` lists them.")
    row = table.loc[patch_id]
    return {
        "run": str(row["run"]),
        "checkpoint": str(row["checkpoint"]),
        **{name: int(row[name]) for name in ("seed", "index_in_run", "class_id")},
    }
