"""A plan of import under way: the images that a file names, and JSON whose parts are what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.source import ENDINGS
from napari_cellsynth.project.images import read_facts
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.plan import ImportPlan

_MOST_BYTES = 2 << 30


class Reading:
    """What is read from one file or several, until it is a whole plan.

    Attributes
    ----------
    plan : ImportPlan
        The plan so far.
    """

    def __init__(self) -> None:
        self.plan = ImportPlan()
        self._places: dict[Path, int] = {}

    def image(self, path: Path, *, group: str = "", split: str = "") -> int:
        """Return the place of an image in the plan, reading it where it is new.

        Raises
        ------
        UserError
            When it is missing or damaged.
        """
        path = usable(path)
        if path not in self._places:
            if not path.exists():
                raise UserError(f"{path} does not exist.", "Put the image there, or beside the file.")
            self.plan.facts.append(read_facts(path))
            self.plan.groups.append(group)
            self._places[path] = len(self.plan.facts) - 1
        place = self._places[path]
        if split in ("train", "test"):
            self.plan.splits.setdefault(place, set()).add(split)
        return place

    def shape(self, image: int) -> tuple[int, int, int]:
        """Return frames, height and width of an image of the plan."""
        frames, _, height, width = self.plan.facts[image].shape
        return frames, height, width


def read_json(file: Path) -> Any:
    """Return what is in a JSON file.

    Raises
    ------
    UserError
        When it cannot be read, or is no JSON.
    """
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UserError(f"{file} is larger than {_MOST_BYTES >> 30} GB.", "Export fewer images at a time.")
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", "Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is no JSON file.", "Export it again.") from error


def fail(file: Path, where: str, what: str) -> NoReturn:
    """Raise the `UserError` for one wrong entry of a file."""
    raise UserError(f"{file}, {where}: {what}.", "Correct the file and import again; nothing was imported.")


def check_extent(ring: NDArray[np.float64], height: int, width: int, file: Path, where: str) -> None:
    """Refuse points (x, y) further apart than the image is large; what goes over its border a little is cut off."""
    if len(ring) and (np.ptp(ring, axis=0) > (width + 1, height + 1)).any():
        fail(file, where, f"its outline is larger than its {width} x {height} image")


def text(value: Any) -> str:
    """Return a value if it is a text, else none."""
    return value if isinstance(value, str) else ""


def image_beside(file: Path, stem: str) -> Path | None:
    """Return the one image of that name, without its ending, beside a file or in ``images`` there; None without one."""
    for folder in (file.parent, file.parent / "images", file.parent.parent / "images"):
        found = [folder / (stem + ending) for ending in (*ENDINGS, ".ome.tif", ".ome.tiff", "")]
        here = [path for path in found if path.is_file() and path.suffix.lower() in ENDINGS]
        if here:
            return here[0]
    return None
