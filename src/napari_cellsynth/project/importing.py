"""What every import ends in: a plan made while reading, then carried out in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import mask_hash
from napari_cellsynth.project.base import UNLABELLED
from napari_cellsynth.project.classes import SEPARATOR
from napari_cellsynth.project.label_sets import parts_of
from napari_cellsynth.project.painting import paint
from napari_cellsynth.project.plan import RESERVED_IDS, ImportPlan, ImportReport, PlannedObject, meaning, short
from napari_cellsynth.project.project import Project
from napari_cellsynth.project.relabelling import give_labels, notice_there, other_labels

_NAMED_PAIRS = 5
_INSERT = (
    "INSERT INTO objects (id, image_id, frame, y0, x0, y1, x1, cy, cx, area, mask_label, mask_hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '')"
)


def carry_out(project: Project, plan: ImportPlan, *, relabel: bool = False) -> ImportReport:
    """Write a plan into a project in one transaction.

    Parameters
    ----------
    project : Project
        Open for writing.
    plan : ImportPlan
        What to write.
    relabel : bool
        Give boxes that are in the project already the imported label, where that is another one.
    """
    _check_texts(plan)
    with project._db.transaction():
        before = set(project.splits()), _count(project, "images")
        image_ids = project._link(plan.facts, plan.groups)
        notices = plan.notices + _notice_groups(project, plan, image_ids)
        known = {record.name for record in project.classes()}
        fresh, there, repeated = _without_doubles(project, plan.objects, image_ids)
        differing = other_labels(project, there)
        used = [*fresh, *([each.planned for each in differing] if relabel else [])]
        labels = dict.fromkeys(item.label for item in used if item.label.casefold() not in RESERVED_IDS)
        parts = {label: parts_of(label, known) for label in labels}
        notices += _notice_several(project, parts)
        class_ids = project._require_classes([name for of in parts.values() for name in of], plan.colors)
        meant = _meant(project, used, class_ids, known)
        notices += notice_there(plan, there, differing, relabel)
        notices += _notice_repeated(plan, repeated)
        notices += _insert(project, fresh, image_ids, meant)
        if relabel:
            give_labels(
                project,
                [(each.object_id, each.label, meant[each.planned.label], each.planned.user) for each in differing],
            )
        notices += _set_splits(project, plan, image_ids, known=before[0])
        images = _count(project, "images") - before[1]
    every = dict.fromkeys(item.label for item in plan.objects if item.label.casefold() not in RESERVED_IDS)
    names = tuple(dict.fromkeys(name for label in every for name in parts_of(label, known)))
    return ImportReport(images, len(fresh), names, notices)


def _check_texts(plan: ImportPlan) -> None:
    """Refuse what cannot be stored as UTF-8: half a pair of UTF-16, which JSON and HDF5 can hold."""
    texts = {text for item in plan.objects for text in (item.label, item.user)} | {*plan.groups, *plan.colors}
    for text in texts:
        if text.encode("utf-8", "replace").decode() != text:
            shown = text.encode("utf-8", "replace").decode()
            raise UserError(f"The name {' '.join(shown.split())} is not valid Unicode.", "Correct it and import again.")


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
    found = {label: RESERVED_IDS.get(label.casefold()) for label in labels}
    return {
        label: project._label_of([class_ids[name] for name in parts_of(label, known)]) if number is None else number
        for label, number in found.items()
    }


def _insert(
    project: Project, planned: Sequence[PlannedObject], image_ids: Sequence[int], meant: Mapping[str, int]
) -> list[str]:
    """Write new objects, their masks and their labels; return what is to be said of the masks."""
    rows = project._db.read("SELECT seq FROM sqlite_sequence WHERE name = 'objects'")
    first = int(rows[0][0]) + 1 if rows else 1
    values, labelled = [], []
    for object_id, item in enumerate(planned, start=first):
        y0, x0, y1, x1 = item.box
        centre = (y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2
        values.append((object_id, image_ids[item.image], item.frame, y0, x0, y1, x1, *centre, (y1 - y0) * (x1 - x0)))
        if meant[item.label] != UNLABELLED:
            labelled.append((object_id, UNLABELLED, meant[item.label], item.user))
    project._db.write_many(_INSERT, values)
    notices = paint(project, list(enumerate(planned, start=first)), image_ids)
    give_labels(project, labelled)
    project._changed("objects_changed")
    return notices


def _without_doubles(
    project: Project, planned: Sequence[PlannedObject], image_ids: Sequence[int]
) -> tuple[list[PlannedObject], list[tuple[int, PlannedObject]], list[tuple[PlannedObject, PlannedObject]]]:
    """Return what is new, what the project has with its object, and each that is planned again with the first one.

    Objects are the same that have one box, unless both have masks and these differ. In a multi-label project a box that
    comes again in another class has both.
    """
    taken: dict[tuple[int, ...], dict[str, int]] = {}
    for number, code, *where in project._db.read(
        "SELECT id, mask_hash, image_id, frame, y0, x0, y1, x1 FROM objects WHERE active = 1"
    ):
        taken.setdefault(tuple(where), {}).setdefault(code, number)
    known, repeated = [], []
    fresh: dict[tuple[tuple[int, ...], str], PlannedObject] = {}
    several = project.multi_label
    for item in planned:
        place: tuple[int, ...] = (image_ids[item.image], item.frame, *item.box)
        code = mask_hash(item.mask, item.box) if item.mask is not None else ""
        here = taken.get(place, {})
        object_id = here.get(code, here.get("")) if code else next(iter(here.values()), None)
        again = fresh.get((place, code))
        if object_id is not None:
            known.append((object_id, item))
        elif again is not None and several and _are_classes(again.label, item.label):
            fresh[place, code] = again._replace(label=SEPARATOR.join([again.label, item.label]))
        elif again is not None:
            repeated.append((again, item))
        else:
            fresh[place, code] = item
    return list(fresh.values()), known, repeated


def _are_classes(*labels: str) -> bool:
    return all(label.casefold() not in RESERVED_IDS for label in labels)


def _notice_repeated(plan: ImportPlan, repeated: Sequence[tuple[PlannedObject, PlannedObject]]) -> list[str]:
    """Say which boxes came twice; the first one counts, and where their labels differ both are named."""
    differing = [(first, again) for first, again in repeated if meaning(first.label) != meaning(again.label)]
    # One sentence for a pair of images, however many frames they have.
    pairs = {(first.image, again.image): (first.label, again.label) for first, again in differing}
    notices = [
        f"{short(plan, first)} and {short(plan, again)} are the same image in the classes {label} and {other}: "
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
        listed = ", ".join(short(plan, other) for other in others[:_NAMED_PAIRS])
        listed += f" and {len(others) - _NAMED_PAIRS} more" if len(others) > _NAMED_PAIRS else ""
        notices.append(f"The same image as {short(plan, one)}, and counted once: {listed}.")
    if len(copies) > _NAMED_PAIRS:
        left = sum(map(len, list(copies.values())[_NAMED_PAIRS:]))
        are = "file is a copy of another one" if left == 1 else "files are copies of others"
        notices.append(f"{left} more {are} and counted once.")
    return notices


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
