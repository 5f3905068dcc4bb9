"""Where the camera looks for a place in an image: at it, but not over the image's edge into the void."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_cellsynth.widgets.own_layers import camera_of


def look_at(viewer: Any, image: Any, centre: Sequence[float]) -> None:
    """Bring a place (y, x) of an image layer into the middle of the canvas, as far as there is image around it."""
    camera = camera_of(viewer)
    view = _view_of(viewer, camera.zoom)
    if view is not None:
        low, high = image.extent.world[:, -2:]
        centre = kept_inside(centre, low, high, view)
    camera.center = (*camera.center[:-2], *centre)


def kept_inside(
    centre: Sequence[float], low: Sequence[float], high: Sequence[float], view: Sequence[float]
) -> tuple[float, ...]:
    """Return the centre of the view that is nearest to a wanted one and shows nothing beyond an image's edges.

    Parameters
    ----------
    centre : sequence of float
        The wanted one, an axis each; all in world units.
    low, high : sequence of float
        The image's edges.
    view : sequence of float
        How much is seen.

    Returns
    -------
    tuple of float
        Along an axis on which the whole image is seen, its middle.
    """
    return tuple(
        (start + end) / 2 if end - start <= seen else min(max(middle, start + seen / 2), end - seen / 2)
        for middle, start, end, seen in zip(centre, low, high, view, strict=True)
    )


def _view_of(viewer: Any, zoom: float) -> tuple[float, float] | None:
    """Return how many world units high and wide the canvas is; None where napari does not tell, or it is not shown."""
    # napari 0.9 made it public.
    size = getattr(getattr(viewer, "canvas", None), "size", None) or getattr(viewer, "_canvas_size", None)
    if size is None or min(size) <= 0 or zoom <= 0:
        return None
    return float(size[0]) / zoom, float(size[1]) / zoom
