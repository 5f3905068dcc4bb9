"""Which series a path stands for: one image, the fields of a plate, or the videos in a folder's folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.omezarr import described, is_ome_zarr
from napari_cellsynth.imaging.source import images_of, open_image

_DEEPEST = 5
_NAMED = 5


class Series(NamedTuple):
    """One series to link, and what it belongs to; without a group it is its own."""

    path: str
    group: str = ""


class Found(NamedTuple):
    """The series of a path, and what is to be said of them."""

    series: list[Series]
    notices: list[str]


def series_in(path: str | Path) -> Found:
    """Return the series of a path.

    Parameters
    ----------
    path : str or Path
        An image, folder of frames or glob, as `source.open_image` takes them: one series. An OME-Zarr plate or well:
        its fields, with the well as group. A folder without images of its own: what its sub-folders hold, however deep
        (five levels at most), a video each; files of several frames side by side are a video each, too.

    Raises
    ------
    UserError
        When a plate cannot be read, or no folder holds an image. What `open_image` refuses is left to it.
    """
    place = Path(path).expanduser()
    try:
        if is_ome_zarr(place):
            return _plate(place)
    except OSError:  # a name that cannot be, such as a very long one
        return Found([Series(str(path))], [])
    if not place.is_dir() or not os.access(place, os.R_OK) or _is_one(place):
        return Found([Series(str(path))], [])
    found: list[Found] = []
    empty: list[Found] = []
    try:
        for each in _walk(place, 0):
            (found if each.series else empty).append(each)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}.", "Check the permissions.") from error
    series = [one for each in found for one in each.series]
    if not series:
        return Found([Series(str(path))], [])  # opening it says what is missing
    own = sum(not one.group for one in series)
    count = f"{len(series):,} series" if len(series) > 1 else "1 series"
    whose = "each a group of its own" if own == len(series) else f"{own} of them groups of their own"
    told = [f"{place} holds {count}: {_some([_within(place, one.path) for one in series])}; {whose}."]
    notices = [notice for each in found for notice in each.notices]
    if empty:
        left = _some([each.notices[0] for each in empty])
        told.append(f"{len(empty)} folder{'s' * (len(empty) > 1)} of {place} without images left out: {left}.")
    return Found(series, told + notices)


def _is_one(folder: Path) -> bool:
    """Whether a folder's images are the frames of one time-lapse, or one video."""
    images = images_of(folder)
    return len(images) == 1 or (len(images) > 1 and not _is_video(images[0]))


def _is_video(file: Path) -> bool:
    try:
        source = open_image(file)
    except UserError:
        return False  # linking it tells why
    source.close()
    return source.shape[0] > 1


def _walk(folder: Path, depth: int) -> Iterator[Found]:
    """Yield what each sub-folder holds; an empty one with its name in place of a notice."""
    if images := images_of(folder):
        yield Found([Series(str(folder))] if _is_one(folder) else [Series(str(file)) for file in images], [])
        return
    below = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith((".", "__")))
    if depth and (not below or depth == _DEEPEST):
        yield Found([], [folder.name])
    for each in below if depth < _DEEPEST else []:
        yield from [_plate(each)] if is_ome_zarr(each) else _walk(each, depth + 1)


def _plate(place: Path) -> Found:
    about = described(place)
    try:
        if "plate" in about:
            wells = [str(well["path"]) for well in about["plate"]["wells"]]
            if not wells:
                raise UserError(f"{place} is a plate without wells.", "Give the folder of an image.")
            series = [each for well in wells for each in _well(_inside(place, well), f"{_stem(place)}/{well}")]
            return Found(
                series,
                [f"{place} is a plate: {len(series):,} fields of {len(wells):,} wells; the well is the group."],
            )
        if "well" in about:
            series = _well(place, f"{_stem(place.parent.parent)}/{place.parent.name}/{place.name}")
            return Found(series, [f"{place} is a well: {len(series):,} fields in one group."])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{place} cannot be read as a plate.", "It is damaged, or of another kind.") from error
    return Found([Series(str(place))], [])


def _well(place: Path, group: str) -> list[Series]:
    about: Any = described(place)
    fields = [str(field["path"]) for field in about["well"]["images"]]
    return [Series(str(_inside(place, field)), group) for field in fields]


def _inside(place: Path, name: str) -> Path:
    """Return a folder within another, and none elsewhere."""
    found = place / name
    if not found.resolve().is_relative_to(place.resolve()):
        raise ValueError("outside of the plate")
    return found


def _stem(place: Path) -> str:
    return re.sub(r"(\.ome)?\.zarr$", "", place.name)


def _within(place: Path, path: str) -> str:
    return Path(path).relative_to(place).as_posix()


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
