"""What an import says of labels for boxes that the project has already: told, and taken over where that is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from napari_cellsynth.project.actions import Change
from napari_cellsynth.project.base import as_json
from napari_cellsynth.project.plan import ImportPlan, PlannedObject, meaning, short
from napari_cellsynth.project.project import Project


class Differing(NamedTuple):
    """An object of the project, its label and the words for it, and what is planned for its box."""

    object_id: int
    label: int
    words: str
    planned: PlannedObject


def other_labels(project: Project, there: Sequence[tuple[int, PlannedObject]]) -> list[Differing]:
    """Return the objects that come with another label than they have; none at all is no other label."""
    rows = project._db.read(
        "SELECT id, class_id FROM objects WHERE id IN (SELECT value FROM json_each(?))",
        (as_json(number for number, _ in there),),
    )
    labels: dict[int, int] = {int(number): int(label) for number, label in rows}
    words = {label: project.label_words(label) for label in set(labels.values())}
    return [
        Differing(number, labels[number], words[labels[number]], item)
        for number, item in dict(there).items()
        if meaning(item.label) != 0 and meaning(item.label) != meaning(words[labels[number]])
    ]


def notice_there(
    plan: ImportPlan, there: Sequence[tuple[int, PlannedObject]], differing: Sequence[Differing], relabel: bool
) -> list[str]:
    """Say how many boxes the project has already, and what became of other labels for them."""
    if not there:
        return []
    boxes, were = ("1 box", "was") if len(there) == 1 else (f"{len(there)} boxes", "were")
    notices = [f"{boxes} {were} in the project already and {were} left out."]
    if differing:
        first = differing[0]
        x, y = f"x {first.planned.x0} to {first.planned.x1}", f"y {first.planned.y0} to {first.planned.y1}"
        which = f"{short(plan, first.planned.image)}, {x}, {y}: {first.words} here, {first.planned.label} there"
        have = "1 of them comes" if len(differing) == 1 else f"{len(differing)} of them come"
        done = "took the imported label" if relabel else "kept the project's label (--relabel takes the imported one)"
        notices.append(f"{have} with another label and {done}; the first is {which}.")
    return notices


def give_labels(project: Project, changes: Sequence[tuple[int, int, int, str]]) -> None:
    """Journal imported labels: (object, label before, label now, who gave it; the import's own user where empty)."""
    myself = project._user
    try:
        for user in dict.fromkeys(change[3] for change in changes):
            project._user = user or myself
            project._act("label", "import", [Change(*change[:3]) for change in changes if change[3] == user])
    finally:
        project._user = myself
