"""Images that were moved: found again in a folder by name or size, and taken only for the same content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.source import ENDINGS
from napari_cellsynth.project.paths import usable

if TYPE_CHECKING:
    from napari_cellsynth.project.project import Project

_MOST_CANDIDATES = 50
"""Of one name or size: whoever has a thousand files of one name gets no answer by reading them all."""


@dataclass
class Relinked:
    """What a search for moved images found.

    Attributes
    ----------
    found : dict of int to str
        Image to its new place.
    differing : dict of str to str
        Name of an image that was not found to a file of its name with other pixels.
    missing : list of str
        Names of the images of which nothing was found.
    """

    found: dict[int, str] = field(default_factory=dict)
    differing: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def words(self) -> str:
        """Say it in one line."""
        left = len(self.differing) + len(self.missing)
        if not self.found and not left:
            return "No image is missing."
        parts = [f"{len(self.found)} of {len(self.found) + left} missing images found and relinked"]
        if self.differing:
            name, place = next(iter(self.differing.items()))
            more = f" and {len(self.differing) - 1} more" if len(self.differing) > 1 else ""
            parts.append(f"other pixels under the name of {name}{more} ({place}): not taken")
        if self.missing:
            more = f" and {len(self.missing) - 3} more" if len(self.missing) > 3 else ""
            parts.append(f"not there: {', '.join(self.missing[:3])}{more}")
        return " · ".join(parts)


def relink_folder(project: Project, folder: str | Path, *, stop: Callable[[], bool] = lambda: False) -> Relinked:
    """Find the images that are not where they were in a folder and all folders in it, and link them there.

    Parameters
    ----------
    project : Project
        Open for writing.
    folder : str or Path
        Where to look.
    stop : callable
        Asked now and then; the search ends where it says True, what was found stays.

    Returns
    -------
    Relinked

    Raises
    ------
    UserError
        When there is no such folder, or the project is read-only.

    Notes
    -----
    A candidate has the name of the missing file, folder of frames or pattern; failing that, a file of the same size is
    taken for one that was renamed. Either is linked only where its content hash is the one that was stored.
    """
    place = usable(folder)
    if not place.is_dir():
        raise UserError(f"There is no folder {place}.", "Choose the folder that the images were moved to.")
    if project.read_only:
        raise UserError(f"{project.path} was opened read-only.", "Open it for writing to relink its images.")
    images = project.images()
    missing = images[images["missing"]]
    told = Relinked()
    if not len(missing):
        return told
    names, sizes = _listed(place, stop)
    by_id: dict[int, int] = dict(project._db.read("SELECT id, size_bytes FROM images"))
    for image_id, path, name in zip(missing.index.tolist(), missing["path"], missing["name"], strict=True):
        if stop():
            break
        differing = ""
        for candidate in [*_named(path, names), *sizes.get(int(by_id[image_id]), [])][:_MOST_CANDIDATES]:
            try:
                project.relink(image_id, candidate)
            except UserError:
                # Another image, or none at all: of the same name it is worth telling.
                same_name = os.path.basename(candidate) == os.path.basename(path)
                differing = differing or (candidate if same_name else "")
                continue
            told.found[image_id] = str(project.images().loc[image_id, "path"])
            break
        else:
            if differing:
                told.differing[name] = differing
            else:
                told.missing.append(name)
    return told


def _listed(folder: Path, stop: Callable[[], bool]) -> tuple[dict[str, list[str]], dict[int, list[str]]]:
    """Return what lies in a folder and below by name, and its image files by size."""
    names: dict[str, list[str]] = {}
    sizes: dict[int, list[str]] = {}
    for place, folders, files in os.walk(folder):
        if stop():
            break
        folders[:] = sorted(each for each in folders if not each.endswith(".cellsynth") and not each.startswith("."))
        for name in [*folders, *sorted(files)]:
            names.setdefault(name, []).append(os.path.join(place, name))
        for name in (each for each in sorted(files) if each.lower().endswith(ENDINGS)):
            try:
                sizes.setdefault(os.stat(os.path.join(place, name)).st_size, []).append(os.path.join(place, name))
            except OSError:
                continue  # a dead link
    names.setdefault(folder.name, []).append(str(folder))
    return names, sizes


def _named(path: str, names: dict[str, list[str]]) -> Iterator[str]:
    """Return the places of a name; of a pattern of frames, the pattern in every folder of its folder's name."""
    name = os.path.basename(path)
    if any(mark in name for mark in "*?["):
        for folder in names.get(os.path.basename(os.path.dirname(path)), []):
            yield os.path.join(folder, name)
        return
    yield from names.get(name, [])
