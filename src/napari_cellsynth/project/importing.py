"""What every import ends in: a plan made while reading, then carried out in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from napari_cellsynth.project.actions import Change
from napari_cellsynth.project.base import RESERVED_NAMES, UNLABELLED
from napari_cellsynth.project.classes import SEPARATOR
from napari_cellsynth.project.images import ImageFacts
from napari_cellsynth.project.label_sets import parts_of
from napari_cellsynth.project.project import Project

IMAGE_ENDINGS = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
_RESERVED_IDS = {name: number for number, name in RESERVED_NAMES.items()} | {"": UNLABELLED}
_NAMED_PAIRS = 5
_INSERT = (
    "INSERT INTO objects (id, image_id, frame, y0, x0, y1, x1, cy, cx, area, mask_label, mask_hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '')"
)


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
    """One box to import."""

    image: int
    frame: int
    y0: int
    x0: int
    y1: int
    x1: int
    label: str


@dataclass
class ImportPlan:
    """Everything that an import will write, checked already.

    ``groups`` has one entry an image (``""``: the image is its own group); ``splits`` lists every split that occurs in
    an image, so that a split that straddles its group is noticed.
    """

    facts: list[ImageFacts] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    objects: list[PlannedObject] = field(default_factory=list)
    splits: dict[int, set[str]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def meaning(label: str) -> int | frozenset[str]:
    """Return what makes two labels the same: a reserved id, however it is written, or the classes' names."""
    reserved = _RESERVED_IDS.get(label.casefold())
    return frozenset(parts_of(label)) if reserved is None else reserved


def carry_out(project: Project, plan: ImportPlan) -> ImportReport:
    """Write a plan into a project in one transaction."""
    with project._db.transaction():
        before = set(project.splits()), _count(project, "images")
        image_ids = project._link(plan.facts, plan.groups)
        notices = plan.notices + _notice_groups(project, plan, image_ids)
        known = {record.name for record in project.classes()}
        labels = dict.fromkeys(item.label for item in plan.objects if item.label.casefold() not in _RESERVED_IDS)
        parts = {label: parts_of(label, known) for label in labels}
        names = list(dict.fromkeys(name for of in parts.values() for name in of))
        notices += _notice_several(project, parts)
        class_ids = project._require_classes(names)
        fresh, there, repeated = _without_doubles(project, plan.objects, image_ids)
        if there:
            boxes, were = ("1 box", "was") if there == 1 else (f"{there} boxes", "were")
            notices.append(f"{boxes} {were} in the project already and {were} left out.")
        notices += _notice_repeated(plan, repeated)
        _insert(project, fresh, image_ids, _meant(project, fresh, class_ids, known))
        notices += _set_splits(project, plan, image_ids, known=before[0])
        images = _count(project, "images") - before[1]
    return ImportReport(images, len(fresh), tuple(names), notices)


def _notice_several(project: Project, parts: Mapping[str, Sequence[str]]) -> list[str]:
    """Make a project without labels multi-label where objects come with several classes, and say so."""
    several = next((label for label, of in parts.items() if len(of) > 1), None)
    if several is None or project.multi_label or any(label > 0 for label in project.label_counts()):
        return []
    project.set_multi_label(True)
    return [f"Objects may have several classes in this project: the table has labels such as {several}."]


def _meant(
    project: Project, fresh: Sequence[PlannedObject], class_ids: Mapping[str, int], known: Collection[str]
) -> dict[str, int]:
    """Return the number of every label, making those of several classes that are new."""
    labels = dict.fromkeys(item.label for item in fresh)
    found = {label: _RESERVED_IDS.get(label.casefold()) for label in labels}
    return {
        label: project._label_of([class_ids[name] for name in parts_of(label, known)]) if number is None else number
        for label, number in found.items()
    }


def _insert(
    project: Project, planned: Sequence[PlannedObject], image_ids: Sequence[int], meant: Mapping[str, int]
) -> None:
    rows = project._db.read("SELECT seq FROM sqlite_sequence WHERE name = 'objects'")
    first = int(rows[0][0]) + 1 if rows else 1
    values, changes = [], []
    for object_id, item in enumerate(planned, start=first):
        y0, x0, y1, x1 = item.y0, item.x0, item.y1, item.x1
        centre = (y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2
        values.append((object_id, image_ids[item.image], item.frame, y0, x0, y1, x1, *centre, (y1 - y0) * (x1 - x0)))
        if meant[item.label] != UNLABELLED:
            changes.append(Change(object_id, UNLABELLED, meant[item.label]))
    project._db.write_many(_INSERT, values)
    if changes:
        project._act("label", "import", changes)
    project._changed("objects_changed")


def _without_doubles(
    project: Project, planned: Sequence[PlannedObject], image_ids: Sequence[int]
) -> tuple[list[PlannedObject], int, list[tuple[PlannedObject, PlannedObject]]]:
    """Return the boxes that are new, how many the project has, and each that is planned again with the first one.

    In a multi-label project a box that comes again in another class has both.
    """
    taken = set(project._db.read("SELECT image_id, frame, y0, x0, y1, x1 FROM objects WHERE active = 1"))
    known, repeated = 0, []
    fresh: dict[tuple[int, ...], PlannedObject] = {}
    several = project.multi_label
    for item in planned:
        place = (image_ids[item.image], item.frame, item.y0, item.x0, item.y1, item.x1)
        if place in taken:
            known += 1
        elif place in fresh and several and _are_classes(fresh[place].label, item.label):
            fresh[place] = fresh[place]._replace(label=SEPARATOR.join([fresh[place].label, item.label]))
        elif place in fresh:
            repeated.append((fresh[place], item))
        else:
            fresh[place] = item
    return list(fresh.values()), known, repeated


def _are_classes(*labels: str) -> bool:
    return all(label.casefold() not in _RESERVED_IDS for label in labels)


def _notice_repeated(plan: ImportPlan, repeated: Sequence[tuple[PlannedObject, PlannedObject]]) -> list[str]:
    """Say which boxes came twice; the first one counts, and where their labels differ both are named."""
    differing = [(first, again) for first, again in repeated if meaning(first.label) != meaning(again.label)]
    # One sentence for a pair of images, however many frames they have.
    pairs = {(first.image, again.image): (first.label, again.label) for first, again in differing}
    notices = [
        f"{_short(plan, first)} and {_short(plan, again)} are the same image in the classes {label} and {other}: "
        f"{label} was kept."
        for (first, again), (label, other) in list(pairs.items())[:_NAMED_PAIRS]
    ]
    if len(pairs) > _NAMED_PAIRS:
        left = len(pairs) - _NAMED_PAIRS
        notices.append(f"{left} more {'pairs' if left > 1 else 'pair'} of equal images had different classes.")
    alike = [(first, again) for first, again in repeated if meaning(first.label) == meaning(again.label)]
    same = sum(first.image == again.image for first, again in alike)
    notices += _notice_equal_images(plan, [pair for pair in alike if pair[0].image != pair[1].image])
    if same:
        boxes = "1 box was" if same == 1 else f"{same} boxes were"
        notices.append(f"{boxes} given more than once and counted once.")
    return notices


def _notice_equal_images(plan: ImportPlan, pairs: Sequence[tuple[PlannedObject, PlannedObject]]) -> list[str]:
    """Name the files whose pixels are those of another file of the same class, such as empty or copied crops."""
    copies: dict[int, list[int]] = {}
    for one, other in dict.fromkeys((first.image, again.image) for first, again in pairs):
        copies.setdefault(one, []).append(other)
    notices = []
    for one, others in list(copies.items())[:_NAMED_PAIRS]:
        listed = ", ".join(_short(plan, other) for other in others[:_NAMED_PAIRS])
        listed += f" and {len(others) - _NAMED_PAIRS} more" if len(others) > _NAMED_PAIRS else ""
        notices.append(f"The same image as {_short(plan, one)}, and counted once: {listed}.")
    if len(copies) > _NAMED_PAIRS:
        left = sum(map(len, list(copies.values())[_NAMED_PAIRS:]))
        are = "file is a copy of another one" if left == 1 else "files are copies of others"
        notices.append(f"{left} more {are} and counted once.")
    return notices


def _short(plan: ImportPlan, image: int) -> str:
    """Return a file's name with its folder's, which is the class's where classes are folders."""
    return "/".join(Path(plan.facts[image].path).parts[-2:])


def _notice_groups(project: Project, plan: ImportPlan, image_ids: Sequence[int]) -> list[str]:
    stored: dict[int, str] = dict(project._db.read("SELECT id, group_name FROM images"))
    # The first file of several with the same pixels gives them its group; that the others are copies is told elsewhere.
    named = dict(reversed(list(zip(image_ids, plan.groups, strict=True))))
    differing = sum(bool(group) and stored[number] != group for number, group in named.items())
    if not differing:
        return []
    images, them = ("1 image", "it") if differing == 1 else (f"{differing} images", "them")
    return [f"{images} kept the group that the project had for {them}."]


def _set_splits(project: Project, plan: ImportPlan, image_ids: Sequence[int], *, known: set[str]) -> list[str]:
    """Store the split of each new group; one that straddles a group or differs from the project's is not, and told."""
    stored: dict[int, str] = dict(project._db.read("SELECT id, group_name FROM images"))
    found: dict[str, set[str]] = {}
    for image, splits in plan.splits.items():
        found.setdefault(stored[image_ids[image]], set()).update(splits)
    straddling = sorted(group for group, splits in found.items() if {"train", "test"} <= splits)
    clear = {group: next(iter(s)) for group, s in found.items() if group not in straddling and len(s) == 1}
    project.set_split({group: split for group, split in clear.items() if group not in known})
    now = project.splits()
    kept = sorted(group for group, split in clear.items() if now[group] != split)
    notices = []
    if straddling:
        notices.append(f"The split column was ignored for {_some(straddling)}: train and test would share a group.")
    if kept:
        notices.append(f"The split column differs for {_some(kept)}: the project kept the split that it had.")
    return notices


def _some(groups: Sequence[str]) -> str:
    return ", ".join(groups[:3]) + (f" and {len(groups) - 3} more" if len(groups) > 3 else "")


def _count(project: Project, name: str) -> int:
    return int(project._db.read(f"SELECT count(*) FROM {name}")[0][0])
