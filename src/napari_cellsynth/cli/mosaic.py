"""The verb for frames larger than memory: `segment-mosaic`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from napari_cellsynth.cli.options import Json
from napari_cellsynth.console import note, show

_SHOWN_EVERY = 20


def segment_mosaic(
    image: Annotated[Path, typer.Argument(help="OME-Zarr, or a tiled TIFF.", show_default=False)],
    out: Annotated[
        Path | None, typer.Argument(help="The label image; IMAGE/labels/objects of an OME-Zarr if left out.")
    ] = None,
    radius: Annotated[int, typer.Option(help="Texture radius in px.")] = 9,
    opening: Annotated[int, typer.Option(help="Opening radius in px.")] = 5,
    min_area: Annotated[int, typer.Option(help="Smallest object in px.")] = 500,
    as_json: Json = False,
) -> None:
    """Find the objects of a frame larger than memory, chunk by chunk, as an OME-Zarr label image."""
    from napari_cellsynth.imaging.mosaic import segment_mosaic as segment_anywhere
    from napari_cellsynth.imaging.mosaic import segment_within

    def told(done: int, of: int) -> None:
        if done % _SHOWN_EVERY == 0 or done == of:
            note(f"{done} of {of} chunks")

    find = partial(segment_within, image) if out is None else partial(segment_anywhere, image, out)
    report = find(radius=radius, opening=opening, min_area=min_area, progress=told)
    assert report is not None
    show({"objects": sum(report.objects), "frames": len(report.objects), "file": str(report.path)}, as_json)
