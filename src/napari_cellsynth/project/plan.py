"""What an import will write, checked already: images, boxes, masks where they are known, labels, groups and splits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.crop import Box
from napari_cellsynth.project.base import RESERVED_NAMES, UNLABELLED
from napari_cellsynth.project.images import ImageFacts
from napari_cellsynth.project.label_sets import parts_of

IMAGE_ENDINGS = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
RESERVED_IDS = {name: number for number, name in RESERVED_NAMES.items()} | {"": UNLABELLED}
"""What is no class, by the word that tables have for it."""


@dataclass(frozen=True)
class ImportReport:
    """What an import brought in.

    Attributes
    ----------
    images, objects : int
        How many are new in the project.
    classes : tuple of str
        The names of the classes that occur.
    notices : list of str
        One sentence for each thing that was left out or decided.
    """

    images: int
    objects: int
    classes: tuple[str, ...]
    notices: list[str]


class PlannedObject(NamedTuple):
    """One box to import; where its mask is known, as bool (y1 - y0, x1 - x0), and whoever labelled it, with them."""

    image: int
    frame: int
    y0: int
    x0: int
    y1: int
    x1: int
    label: str
    mask: NDArray[np.bool_] | None = None
    user: str = ""

    @property
    def box(self) -> Box:
        """The box alone."""
        return Box(self.y0, self.x0, self.y1, self.x1)


@dataclass
class ImportPlan:
    """Everything that an import will write, checked already.

    ``groups`` has one entry an image (``""``: the image is its own group); ``splits`` lists every split that occurs in
    an image, so that a split that straddles its group is noticed. ``colors`` has those of classes, if known.
    """

    facts: list[ImageFacts] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    objects: list[PlannedObject] = field(default_factory=list)
    splits: dict[int, set[str]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    colors: dict[str, str] = field(default_factory=dict)


def meaning(label: str) -> int | frozenset[str]:
    """Return what makes two labels the same: a reserved id, however it is written, or the classes' names."""
    reserved = RESERVED_IDS.get(label.casefold())
    return frozenset(parts_of(label)) if reserved is None else reserved


def short(plan: ImportPlan, image: int) -> str:
    """Return a file's name with its folder's, which is the class's where classes are folders."""
    return "/".join(Path(plan.facts[image].path).parts[-2:])
