"""Several sources merged into one new project: copies out, types grouped into classes, groups kept apart by source."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped, never
from napari_cellsynth.imaging.duplicates import Copy, copies, fingerprint, thumbnail
from napari_cellsynth.imaging.source import open_image
from napari_cellsynth.project.importing import carry_out
from napari_cellsynth.project.merge_report import FOLDER, MergeReport, write_merge
from napari_cellsynth.project.plan import ImportPlan, PlannedObject, meaning
from napari_cellsynth.project.project import Project
from napari_cellsynth.project.sources import Source, read_sources
from napari_cellsynth.project.types import check_types, class_of, read_types

_SAME_BOX = 0.5


def merge(
    path: str | Path, sources: Sequence[str | Path], types: str | Path | None = None, stop: Stop = never
) -> Iterator[Event]:
    """Merge sources into a new project.

    Of pictures that are there more than once (whole images first, then objects) the first one is kept, in the order of
    the sources; boxes that only the copy of an image has are kept on the first one. A copy of another class is told.

    Parameters
    ----------
    path : str or Path
        The project to make.
    sources : sequence of str or Path
        Folders with an ``objects.csv``, with one folder a class, or projects.
    types : str or Path, optional
        The mapping of types to classes, as `types.write_types` writes it; without it every type is a class.
    stop : callable
        Polled between images; nothing is left behind then.

    Yields
    ------
    Event
        ``Progress`` in images; last ``Finished`` with what a `merge_report.MergeReport` holds and the ``project``, or
        ``Stopped``.

    Raises
    ------
    UserError
        If a source cannot be read, a type has no line in the mapping, the sources' images are of different kinds, or
        the project is there already; nothing is made then.
    """
    read = read_sources(sources)
    mapping = None if types is None else read_types(types)
    if mapping is not None:
        check_types(mapping, (name for source in read for name in source.types()), str(types))
    pool = _Pool(read, mapping)
    project = Project.create(path)
    try:
        for done in pool.look():
            if stop():
                project.close()
                shutil.rmtree(project.path)
                yield Stopped()
                return
            yield Progress(done, len(pool.facts), "images", "looking for copies")
        plan = pool.without_copies()
        with project:
            imported = carry_out(project, plan)
            pool.report.images, pool.report.objects = imported.images, imported.objects
            pool.report.notices += imported.notices
            write_merge(project.path, pool.report, pool.rows)
    except BaseException:
        project.close()
        shutil.rmtree(project.path, ignore_errors=True)
        raise
    yield Finished({"project": str(project.path)} | asdict(pool.report))


class _Pool:
    """All sources' images and objects under one numbering, and what they look like."""

    def __init__(self, sources: Sequence[Source], types: dict[str, str] | None) -> None:
        self.sources, self.types = sources, types
        self.facts, self.groups, self.of_source = [], [], []  # type: ignore[var-annotated]
        self.objects: list[PlannedObject] = []
        self.splits: dict[int, set[str]] = {}
        self.report = MergeReport()
        self.rows: list[dict[str, Any]] = []
        for number, source in enumerate(sources):
            first, plan = len(self.facts), source.plan
            self.facts += plan.facts
            names = [group.strip() or fact.name for group, fact in zip(plan.groups, plan.facts, strict=True)]
            self.groups += [f"{source.name}/{name}" for name in names]
            self.of_source += [number] * len(plan.facts)
            items = sorted(dict.fromkeys(plan.objects), key=lambda item: item.image)
            self.objects += [item._replace(image=item.image + first) for item in items]
            self.splits |= {first + image: set(splits) for image, splits in plan.splits.items()}
            self.report.notices += plan.notices
            about = {"images": len(plan.facts), "objects": len(plan.objects)}
            self.report.sources.append({"name": source.name, "path": str(source.path), **about})
        self._check_kinds()

    def _check_kinds(self) -> None:
        kinds = {(fact.shape[1], fact.dtype): number for fact, number in zip(self.facts, self.of_source, strict=True)}
        if len(kinds) > 1:
            (one, first), (other, second) = list(kinds.items())[:2]
            raise UserError(
                f"{self.sources[first].name} has images of {one[0]} channel{'s' * (one[0] > 1)} of {one[1]}, "
                f"{self.sources[second].name} of {other[0]} of {other[1]}.",
                "Crops of different kinds cannot be trained on together: convert the images first.",
            )

    def look(self) -> Iterator[int]:
        """Read every image once; yields how many are read."""
        of_image: dict[int, list[int]] = {}
        for position, item in enumerate(self.objects):
            of_image.setdefault(item.image, []).append(position)
        self.image_looks: list[tuple[NDArray[np.float32], str]] = []
        looks: dict[int, tuple[NDArray[np.float32], str]] = {}
        for number, fact in enumerate(self.facts):
            source = open_image(fact.path)
            try:
                wanted = sorted(of_image.get(number, []), key=lambda position: self.objects[position].frame)
                frame, pixels = 0, source.frame(0)
                # A series is the same as another where its content is; its first frame stands for nearly the same.
                told = fingerprint(pixels) if fact.shape[0] == 1 else fact.content_hash
                self.image_looks.append((thumbnail(pixels), told))
                for position in wanted:
                    item = self.objects[position]
                    if item.frame != frame:
                        frame, pixels = item.frame, source.frame(item.frame)
                    crop = pixels[:, item.y0 : item.y1, item.x0 : item.x1]
                    looks[position] = thumbnail(crop), fingerprint(crop)
            finally:
                source.close()
            yield number + 1
        self.looks = [looks[position] for position in range(len(self.objects))]

    def without_copies(self) -> ImportPlan:
        """Return what is to be written: every picture once."""
        same = self._same_images()
        kept: list[PlannedObject] = []
        looks = []
        boxes: dict[tuple[int, int], list[int]] = {}
        for item, look in zip(self.objects, self.looks, strict=True):
            copy = same.get(item.image)
            moved = item if copy is None else self._moved(item, copy.first)
            place = boxes.setdefault((moved.image, moved.frame), [])
            twin = None if copy is None else _like(moved, [(k, kept[k]) for k in place])
            if copy is not None and twin is not None:
                kept[twin] = self._drop(kept[twin], kept[twin], item, copy.identical, copy.likeness)
                continue
            place.append(len(kept))
            kept.append(moved)
            looks.append(look)
        again = self._same_objects(kept, looks)
        for position, copy in again.items():
            first = kept[copy.first]
            kept[copy.first] = self._drop(first, first, kept[position], copy.identical, copy.likeness)
        rest = [item for position, item in enumerate(kept) if position not in again]
        return self._plan(rest)

    def _same_images(self) -> dict[int, Copy]:
        """Return the images that are copies of an earlier one of as many frames."""
        found = copies(*_stacked(self.image_looks), range(len(self.facts)), self.groups)
        frames = [fact.shape[0] for fact in self.facts]
        return {each.again: each for each in found if frames[each.first] == frames[each.again]}

    def _same_objects(
        self, kept: Sequence[PlannedObject], looks: Sequence[tuple[NDArray[np.float32], str]]
    ) -> dict[int, Copy]:
        images = [item.image for item in kept]
        found = copies(*_stacked(looks), images, [self.groups[image] for image in images])
        return {each.again: each for each in found}

    def _moved(self, item: PlannedObject, image: int) -> PlannedObject:
        """Return a box on another image that shows the same, larger or smaller as that is."""
        here, there = self.facts[item.image].shape, self.facts[image].shape
        down, right = there[2] / here[2], there[3] / here[3]
        y0, x0 = min(round(item.y0 * down), there[2] - 1), min(round(item.x0 * right), there[3] - 1)
        y1, x1 = max(round(item.y1 * down), y0 + 1), max(round(item.x1 * right), x0 + 1)
        return PlannedObject(image, item.frame, y0, x0, y1, x1, item.label)

    def _drop(
        self, kept: PlannedObject, first: PlannedObject, again: PlannedObject, identical: bool, likeness: float
    ) -> PlannedObject:
        """Note a copy, and return what is kept: with the copy's label where it has none itself."""
        ours, theirs = (meaning(class_of(item.label, self.types)) for item in (first, again))
        conflict = not isinstance(ours, int) and not isinstance(theirs, int) and ours != theirs
        self.report.identical += identical
        self.report.near_identical += not identical
        self.report.conflicts += conflict
        row: dict[str, Any] = {"copy": "identical" if identical else "nearly", "likeness": f"{likeness:.4f}"}
        for before, item in (("kept_", first), ("", again)):
            row[f"{before}source"] = self.sources[self.of_source[item.image]].name
            row[f"{before}image"] = self.facts[item.image].path
            row[f"{before}box"] = f"{item.x0} {item.y0} {item.x1} {item.y1} frame {item.frame}"
            row[f"{before}type"] = item.label
        self.rows.append(row | {"conflict": "yes" if conflict else ""})
        unlabelled = meaning(kept.label) == 0
        return kept._replace(label=again.label) if unlabelled else kept

    def _plan(self, objects: Sequence[PlannedObject]) -> ImportPlan:
        before, after = (Counter(item.label for item in each) for each in (self.objects, objects))
        for name in sorted(name for name in before if not isinstance(meaning(name), int)):
            given = class_of(name, self.types)
            self.report.types[name] = {"class": given, "before": before[name], "after": after[name]}
        used = sorted({item.image for item in objects})
        place = {image: number for number, image in enumerate(used)}
        labelled = [item._replace(image=place[item.image], label=class_of(item.label, self.types)) for item in objects]
        self.report.notices += self._told_copies()
        return ImportPlan(
            facts=[self.facts[image] for image in used],
            groups=[self.groups[image] for image in used],
            objects=labelled,
            splits={place[image]: splits for image, splits in self.splits.items() if image in place},
        )

    def _told_copies(self) -> list[str]:
        told = []
        if left_out := self.report.identical + self.report.near_identical:
            told.append(
                f"{left_out} copies were left out: {self.report.identical} pixel by pixel, "
                f"{self.report.near_identical} nearly."
            )
        if self.report.conflicts:
            were = "copies were" if self.report.conflicts > 1 else "copy was"
            told.append(
                f"{self.report.conflicts} {were} of another class than the one kept: look at them in "
                f"{FOLDER}/copies.csv."
            )
        return told


def _stacked(
    looks: Sequence[tuple[NDArray[np.float32], str]],
) -> tuple[NDArray[np.float32], list[str]]:
    return np.stack([look for look, _ in looks]), [told for _, told in looks]


def _like(box: PlannedObject, others: Sequence[tuple[int, PlannedObject]]) -> int | None:
    """Return which of some boxes of a frame overlaps a box most, from an intersection over union of 0.5 on."""
    best, most = None, _SAME_BOX
    for position, other in others:
        height = min(box.y1, other.y1) - max(box.y0, other.y0)
        width = min(box.x1, other.x1) - max(box.x0, other.x0)
        inner = max(height, 0) * max(width, 0)
        areas = (box.y1 - box.y0) * (box.x1 - box.x0) + (other.y1 - other.y0) * (other.x1 - other.x0)
        if inner / (areas - inner) >= most:
            best, most = position, inner / (areas - inner)
    return best
