"""The sources of a merge: annotated folders and projects, each read into what an import of it would write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.exchange import TABLE, existing_folder, folder_plan
from napari_cellsynth.project.images import read_facts
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.plan import ImportPlan, PlannedObject, meaning
from napari_cellsynth.project.project import Project


@dataclass(frozen=True)
class Source:
    """A source by name, with all that an import of it would write."""

    name: str
    path: Path
    plan: ImportPlan

    def types(self) -> Counter[str]:
        """Return how many objects there are of each type; those without a label are none."""
        return Counter(item.label for item in self.plan.objects if not isinstance(meaning(item.label), int))


def read_sources(paths: Sequence[str | Path]) -> list[Source]:
    """Read sources: folders with an ``objects.csv``, with one folder a class, or projects.

    Raises
    ------
    UserError
        If there are fewer than two, one is given twice, or one cannot be read.
    """
    places = [_folder(path).resolve() for path in paths]
    if len(places) < 2:
        raise UserError("A merge needs two sources or more.", "Give each folder or project.")
    if twice := next((place for place in places if places.count(place) > 1), None):
        raise UserError(f"{twice} is given twice.", "Give each source once.")
    return [
        Source(name, place, _project_plan(place) if Project.is_project(place) else folder_plan(place))
        for name, place in zip(_names(places), places, strict=True)
    ]


def _folder(path: str | Path) -> Path:
    """Return a source's folder, which a table in it may stand for."""
    place = usable(path)
    return place.parent if place.name == TABLE and place.is_file() else existing_folder(place)


def _names(places: Sequence[Path]) -> list[str]:
    """Return the folders' names, with the folder above where two have one name, else a number."""
    names = [place.stem for place in places]
    if len(set(names)) < len(names):
        names = [f"{place.parent.name}-{name}" for place, name in zip(places, names, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{name}-{number}" for number, name in enumerate(names, start=1)]
    return names


def _project_plan(path: Path) -> ImportPlan:
    """Return what is in a project: images with objects, their boxes and labels; masks and runs stay there."""
    plan = ImportPlan()
    with Project.open(path, read_only=True) as project:
        objects, images = project.objects(), project.images()
        place: dict[int, int] = {}
        for image_id in dict.fromkeys(objects["image_id"].tolist()):
            image = images.loc[image_id]
            if image["missing"]:
                raise UserError(f"The image {image['name']} of {path.name} is missing.", "Relink it there first.")
            place[image_id] = len(plan.facts)
            plan.facts.append(read_facts(image["path"]))
            plan.groups.append(str(image["group"]))
            if image["split"]:
                plan.splits[place[image_id]] = {str(image["split"])}
        columns = ["image_id", "frame", "y0", "x0", "y1", "x1", "label"]
        words = {label: project.label_words(label) for label in objects["label"].unique().tolist()}
        for image_id, frame, y0, x0, y1, x1, label in objects[columns].itertuples(index=False):
            plan.objects.append(PlannedObject(place[image_id], frame, y0, x0, y1, x1, words[label]))
        if (objects["mask_label"] > 0).any():
            plan.notices.append(f"{path.name} has masks; boxes and labels are merged, masks are not.")
    return plan
