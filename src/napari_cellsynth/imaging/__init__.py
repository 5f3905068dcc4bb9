"""Pixels: opening frames, enhancing them, finding the objects in them and cutting crops out.

Nothing here knows of a project. ``source`` opens microscopy files lazily (``tiff`` and ``picture`` read the formats),
``enhance`` evens out contrast, ``entropy`` measures texture, ``morphology`` works on binary maps, ``segment`` finds
the colonies and ``split`` parts those that touch, ``crop`` cuts them out and scales them for networks, ``features``
measures them, and ``simulate`` makes time-lapses with a known truth. The names below are imported when they are first
used, because numba and scikit-image take a second to load; ``enhance`` shares its module's name and is imported from
there.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_cellsynth.imaging.crop import (
        Box,
        boxes_of,
        cut,
        cut_context,
        from_unit,
        intensity_range,
        to_unit,
    )
    from napari_cellsynth.imaging.entropy import local_entropy
    from napari_cellsynth.imaging.features import object_features
    from napari_cellsynth.imaging.segment import segment_colonies, segmentation_scores, to_gray
    from napari_cellsynth.imaging.simulate import SimulatedTimelapse, simulate_timelapse, write_timelapses
    from napari_cellsynth.imaging.source import ImageSource, open_image

__all__ = [
    "Box",
    "ImageSource",
    "SimulatedTimelapse",
    "boxes_of",
    "cut",
    "cut_context",
    "from_unit",
    "intensity_range",
    "local_entropy",
    "object_features",
    "open_image",
    "segment_colonies",
    "segmentation_scores",
    "simulate_timelapse",
    "to_gray",
    "to_unit",
    "write_timelapses",
]

_HOME = {
    "Box": "crop",
    "boxes_of": "crop",
    "cut": "crop",
    "cut_context": "crop",
    "from_unit": "crop",
    "intensity_range": "crop",
    "to_unit": "crop",
    "local_entropy": "entropy",
    "object_features": "features",
    "segment_colonies": "segment",
    "segmentation_scores": "segment",
    "to_gray": "segment",
    "SimulatedTimelapse": "simulate",
    "simulate_timelapse": "simulate",
    "write_timelapses": "simulate",
    "ImageSource": "source",
    "open_image": "source",
}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
