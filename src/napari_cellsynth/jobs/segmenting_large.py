"""Segmenting a frame larger than memory into a project, chunk by chunk, with the objects of all at once."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Progress, Stop
from napari_cellsynth.imaging.large import Large
from napari_cellsynth.imaging.mosaic import MosaicReport, Told, segment_mosaic
from napari_cellsynth.imaging.mosaic_boxes import boxes_by_tiles
from napari_cellsynth.imaging.omezarr import OmeZarrReader
from napari_cellsynth.imaging.segmenters import ENTROPY
from napari_cellsynth.jobs.job import SegmentParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.objects import SegmentationChange

_LOOK_SECONDS = 0.2


def segment_large(
    project: Project, image_id: int, t: int, parameters: SegmentParameters, stop: Stop, *, name: str
) -> Generator[Event, None, SegmentationChange | None]:
    """Find the objects of a large frame and put them into the project.

    Yields
    ------
    Event
        Progress in chunks; each is gone over several times.

    Returns
    -------
    SegmentationChange or None
        None when stopped; the project is as it was then.

    Raises
    ------
    UserError
        When the method or a setting needs the whole frame at once, or an object is too large.
    """
    _check(parameters, name)
    path, within = project.source(image_id).place_of(t)
    place = project.new_large_mask(image_id, t)

    settings = parameters.radius, parameters.opening, parameters.min_area

    def work(told: Told, stop: Stop) -> MosaicReport | None:
        return segment_mosaic(path, place, *settings, only=within, progress=told, stop=stop)

    with ThreadPoolExecutor(1, thread_name_prefix="cellsynth-mosaic") as thread:
        asked, steps = threading.Event(), queue.SimpleQueue[tuple[int, int]]()
        future = thread.submit(work, lambda *step: steps.put(step), lambda: asked.is_set() or stop())
        try:
            while not future.done():
                for done, of in _newest(steps):
                    yield Progress(done, of, "chunks", name)
        finally:
            asked.set()  # where nobody listens any more the thread ends, too
    if future.result() is None:
        return None
    reader = OmeZarrReader(place)

    def read(rows: slice, columns: slice) -> NDArray[np.int32]:
        pixels: NDArray[np.int32] = reader.window(0, rows, columns)[0]
        return pixels

    try:
        boxes = boxes_by_tiles(Large((reader.height, reader.width), np.int32, read, name))
        return project.set_objects(image_id, t, boxes, place)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _newest(steps: queue.SimpleQueue[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the last of the steps that were told meanwhile."""
    try:
        step = steps.get(timeout=_LOOK_SECONDS)
        while not steps.empty():
            step = steps.get()
        yield step
    except queue.Empty:
        return


def _check(parameters: SegmentParameters, name: str) -> None:
    whole = {
        "method": parameters.method != ENTROPY,
        "enhance": parameters.enhance != "none",
        "flat_field_px": parameters.flat_field_px is not None,
        "split_touching": parameters.split_touching,
        "cell_width_px": parameters.cell_width_px is not None,
    }
    if asked := [setting for setting, set_ in whole.items() if set_]:
        raise UserError(
            f"{name} is too large for {asked[0]} = {getattr(parameters, asked[0])}, which needs all of it at once.",
            "Leave it out, or cut the image into tiles.",
        )
