"""napari-cellsynth: from microscopy images to an honest answer about synthetic training data.

The public names are loaded when they are first used, so that importing the package (as napari does to discover it)
costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_cellsynth.classify import train_classifier
    from napari_cellsynth.classify.predict import predict
    from napari_cellsynth.errors import UserError
    from napari_cellsynth.imaging.enhance import enhance
    from napari_cellsynth.imaging.mosaic import segment_mosaic
    from napari_cellsynth.imaging.segment import segment_colonies
    from napari_cellsynth.jobs.model_export import export
    from napari_cellsynth.jobs.recipes import recipes
    from napari_cellsynth.jobs.run import do
    from napari_cellsynth.project import Project
    from napari_cellsynth.project.exchange import import_folder
    from napari_cellsynth.synthesis import generate, train_gan

__version__ = "0.1.0"

_HOMES = {
    "Project": "napari_cellsynth.project",
    "UserError": "napari_cellsynth.errors",
    "do": "napari_cellsynth.jobs.run",
    "enhance": "napari_cellsynth.imaging.enhance",
    "export": "napari_cellsynth.jobs.model_export",
    "generate": "napari_cellsynth.synthesis",
    "import_folder": "napari_cellsynth.project.exchange",
    "predict": "napari_cellsynth.classify.predict",
    "recipes": "napari_cellsynth.jobs.recipes",
    "segment_colonies": "napari_cellsynth.imaging.segment",
    "segment_mosaic": "napari_cellsynth.imaging.mosaic",
    "train_classifier": "napari_cellsynth.classify",
    "train_gan": "napari_cellsynth.synthesis",
}

__all__ = [
    "Project",
    "UserError",
    "do",
    "enhance",
    "export",
    "generate",
    "import_folder",
    "predict",
    "recipes",
    "segment_colonies",
    "segment_mosaic",
    "train_classifier",
    "train_gan",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
