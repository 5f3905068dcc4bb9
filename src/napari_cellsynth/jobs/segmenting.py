"""The segmentation job: frame by frame from file to objects, never more than one frame in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Outlined, Progress, Stop, Stopped
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.imaging.enhance import enhance
from napari_cellsynth.imaging.segment import segment_colonies, to_gray
from napari_cellsynth.imaging.segmenters import ENTROPY, segmenter
from napari_cellsynth.jobs.job import Job, SegmentParameters
from napari_cellsynth.project import Project


def segment(job: Job, stop: Stop) -> Iterator[Event]:
    """Find the objects of every asked frame and put them into the project; labels are carried over by overlap.

    Yields
    ------
    Event
        Progress in frames; `Finished` with ``frames``, ``objects``, ``carried`` (labels), ``orphans`` (object ids whose
        label found no new object) and ``seconds`` spent in the segmentation itself.
    """
    parameters = job.checked()
    assert isinstance(parameters, SegmentParameters)
    if parameters.method != ENTROPY:
        # A method that is not there, or a setting that it does not know, is told before the first frame.
        segmenter(parameters.method).settings(parameters.options)
    with Project.open(job.project) as project:
        frames = _frames(project, parameters)
        names = project.images()["name"].to_dict()
        objects = carried = 0
        orphans: list[int] = []
        for done, (image_id, t) in enumerate(frames):
            if stop():
                yield Stopped()
                return
            frame = project.frame(image_id, t)
            labels = segment_frame(frame, parameters, name=f"{names[image_id]}, frame {t}")
            change = project.set_objects(image_id, t, boxes_of(labels), labels)
            objects += int(np.max(labels, initial=0))
            carried += change.carried
            orphans += change.orphans
            yield Progress(done + 1, len(frames), "frames", f"{objects} objects")
        yield Finished({"frames": len(frames), "objects": objects, "carried": carried, "orphans": orphans})


def try_segment(job: Job, stop: Stop) -> Iterator[Event]:
    """Find the objects of one frame and write nothing.

    Yields
    ------
    Event
        `Outlined`, then `Finished` with ``objects``.
    """
    parameters = job.checked()
    assert isinstance(parameters, SegmentParameters)
    with Project.open(job.project, read_only=True) as project:
        image_id, t = _frames(project, parameters)[0]
        frame, name = project.frame(image_id, t), str(project.images()["name"][image_id])
    begun = time.perf_counter()
    labels = segment_frame(frame, parameters, name=f"{name}, frame {t}")
    if stop():
        yield Stopped()
        return
    yield Outlined(labels, time.perf_counter() - begun)
    yield Finished({"objects": int(labels.max(initial=0))})


def segment_frame(frame: NDArray[Any], parameters: SegmentParameters, *, name: str) -> NDArray[np.int32]:
    """Return the objects of one frame (C, Y, X) as int32 labels (Y, X); ``name`` is what an error calls the frame."""
    if parameters.method != ENTROPY:
        return segmenter(parameters.method).segment(frame, parameters.options, name=name)
    # A frame of the project has its channels first, however many; only three of them are a colour.
    channels = frame if frame.shape[0] == 3 else frame[:1]
    return segment_colonies(
        enhance(to_gray(channels, name=name), parameters.enhance, name=name),
        radius_px=parameters.radius_px,
        opening_px=parameters.opening_px,
        min_area_px=parameters.min_area_px,
        flat_field_px=parameters.flat_field_px,
        split_touching=parameters.split_touching,
        cell_width_px=parameters.cell_width_px,
        name=name,
    )


def _frames(project: Project, parameters: SegmentParameters) -> list[tuple[int, int]]:
    images = project.images()
    if parameters.images is not None:
        unknown = sorted(set(parameters.images) - set(images.index))
        if unknown:
            raise UserError(f"There is no image {unknown[0]} in this project.", "`info` lists the images.")
        images = images.loc[parameters.images]
    wanted = None if parameters.frames is None else set(parameters.frames)
    frames = [
        (image_id, t)
        for image_id, count in zip(images.index.tolist(), images["frames"].tolist(), strict=True)
        for t in range(count)
        if wanted is None or t in wanted
    ]
    if not frames:
        raise UserError("There are no frames to segment.", "Add images to the project first.")
    return frames
