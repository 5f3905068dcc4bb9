"""The segmentation job, from file to objects: never more than one frame in memory, large ones by chunks."""

from __future__ import annotations

import time
import zlib
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Outlined, Progress, Stop, Stopped
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.imaging.enhance import enhance
from napari_cellsynth.imaging.segment import segment_colonies, to_gray
from napari_cellsynth.imaging.segmenters import ENTROPY, segmenter
from napari_cellsynth.jobs.cluster import Tell
from napari_cellsynth.jobs.divided import divided, refuse_unseen
from napari_cellsynth.jobs.job import Job, SegmentParameters
from napari_cellsynth.jobs.segmenting_large import segment_large
from napari_cellsynth.project import Project

_AT_A_TIME = 4
"""Frames a piece: a worker that is lost costs so many."""


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
        small = [key for key in frames if not project.is_large(key[0])]
        masks = _masks(project, small, parameters, names, stop)
        for done, (image_id, t) in enumerate(frames):
            if stop():
                masks.close()  # workers that were started end here
                yield Stopped()
                return
            name = f"{names[image_id]}, frame {t}"
            if project.is_large(image_id):
                found = yield from segment_large(project, image_id, t, parameters, stop, name=name)
                if found is None:
                    yield Stopped()
                    return
                change = found
            else:
                labels = next(masks, None)
                if labels is None:
                    yield Stopped()
                    return
                change = project.set_objects(image_id, t, boxes_of(labels), labels)
            objects += change.kept + change.new
            carried += change.carried
            orphans += change.orphans
            yield Progress(done + 1, len(frames), "frames", f"{objects} objects")
        yield Finished({"frames": len(frames), "objects": objects, "carried": carried, "orphans": orphans})


def _masks(
    project: Project,
    frames: list[tuple[int, int]],
    parameters: SegmentParameters,
    names: dict[int, str],
    stop: Stop,
) -> Generator[NDArray[np.int32], None, None]:
    """Yield the labels of frames in their order, found here or by workers; fewer where it is stopped."""
    titles = [f"{names[image_id]}, frame {t}" for image_id, t in frames]
    if not parameters.divides:
        for (image_id, t), name in zip(frames, titles, strict=True):
            yield segment_frame(project.frame(image_id, t), parameters, name=name)
        return
    told = str(project.path), parameters.model_dump_json()
    pieces = [
        (*told, frames[at : at + _AT_A_TIME], titles[at : at + _AT_A_TIME]) for at in range(0, len(frames), _AT_A_TIME)
    ]
    for done in divided(segment_piece, pieces, parameters.workers, parameters.scheduler, stop):
        for shape, packed in done:
            yield np.frombuffer(zlib.decompress(packed), np.int32).reshape(shape)


def segment_piece(
    place: str, told: str, frames: list[tuple[int, int]], names: list[str], stop: Stop, _tell: Tell
) -> list[tuple[tuple[int, ...], bytes]] | None:
    """Be a worker: return the labels of some frames, as shape and compressed int32; None where it was stopped."""
    refuse_unseen(place)
    parameters = SegmentParameters.model_validate_json(told)
    found = []
    with Project.open(place, read_only=True) as project:
        for (image_id, t), name in zip(frames, names, strict=True):
            if stop():
                return None
            labels = segment_frame(project.frame(image_id, t), parameters, name=name)
            found.append((labels.shape, zlib.compress(labels.astype(np.int32).tobytes(), 1)))
    return found


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
        radius=parameters.radius,
        opening=parameters.opening,
        min_area=parameters.min_area,
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
