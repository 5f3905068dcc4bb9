"""Importing a folder a class (each image one object) and images with label images beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.imaging.source import ImageSource, open_image
from napari_cellsynth.project.images import group_of, read_facts
from napari_cellsynth.project.importing import carry_out
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.plan import IMAGE_ENDINGS, ImportPlan, ImportReport, PlannedObject
from napari_cellsynth.project.project import Project

_LABEL_ENDINGS = ("_cp_masks", "_masks", "_mask", "_labels", "_label")
_LABEL_FOLDERS = ("masks", "labels")
_GREATEST_COMPACT_LABEL = 65535


def import_class_folders(project: Project, folder: str | Path, *, group_by: str | None = None) -> ImportReport:
    """Import a folder that holds one folder of images for each class; every image (every frame) is one object.

    Parameters
    ----------
    project : Project
        Open for writing.
    folder : str or Path
        Its subfolders' names are the classes' names.
    group_by : str, optional
        A regular expression with one capturing group over the path that tells an image's group (see
        `Project.add_images`); without it every image is a group of its own.

    Raises
    ------
    UserError
        When there is no such folder, or an image in it cannot be opened. Nothing is imported then.
    """
    return carry_out(project, class_folder_plan(usable(folder), group_by=group_by))


def class_folder_plan(place: Path, *, group_by: str | None = None) -> ImportPlan:
    """Return what `import_class_folders` would write; parameters and errors as there."""
    found = find_class_folders(place)
    if not found:
        raise UserError(f"{place} holds no folder with images.", "It needs one folder for each class.")
    plan = ImportPlan()
    for class_folder in found:
        for file in images_in(class_folder):
            facts = read_facts(file)
            frames, _, height, width = facts.shape
            plan.facts.append(facts)
            relative = file.relative_to(place).with_suffix("").as_posix()
            plan.groups.append(group_of(str(file), group_by) if group_by else relative)
            image = len(plan.facts) - 1
            plan.objects += [
                PlannedObject(image, frame, 0, 0, height, width, class_folder.name) for frame in range(frames)
            ]
    if not group_by:
        plan.notices.append(
            "Every image is a group of its own: crops of one video, slide or well may come into both train and test."
        )
    return plan


def import_label_images(project: Project, folder: str | Path) -> ImportReport:
    """Import images with their instance label images.

    Parameters
    ----------
    project : Project
        Open for writing.
    folder : str or Path
        Holds ``NAME.tif`` with ``NAME_masks.tif`` (or ``_cp_masks``, ``_mask``, ``_labels``, ``_label``), or the
        folders ``images`` and ``masks`` (or ``labels``) with files of the same names.

    Raises
    ------
    UserError
        When there is no such pair, or a label image does not fit its image. Nothing is imported then.
    """
    pairs = find_label_images(usable(folder))
    if not pairs:
        raise UserError(f"{folder} holds no image with a label image.", "Name them like a.tif and a_masks.tif.")
    facts = [read_facts(image) for image, _ in pairs]
    objects = 0
    with project._db.transaction():
        before = len(project._db.read("SELECT id FROM images"))
        ids = project._link(facts, [""] * len(facts))
        for image_id, fact, (_, mask) in zip(ids, facts, pairs, strict=True):
            source = open_image(mask)
            try:
                _check_fit(source, mask, fact.shape)
                for frame in range(source.shape[0]):
                    labels = _as_labels(source.frame(frame), mask)
                    change = project.set_objects(image_id, frame, boxes_of(labels), labels)
                    objects += change.new
            finally:
                source.close()
        images = len(project._db.read("SELECT id FROM images")) - before
    return ImportReport(images, objects, (), [])


def find_class_folders(place: Path) -> list[Path]:
    """Return the subfolders that hold images, of a folder ``images`` where that holds none itself, by name.

    ``images``, ``masks`` and ``labels`` say what they hold and are no names of classes.
    """
    if not place.is_dir():
        return []
    within = place / "images"
    if within.is_dir() and not images_in(within):
        place = within
    folders = [folder for folder in sorted(place.iterdir()) if _is_shown(folder) and folder.is_dir()]
    return [folder for folder in folders if folder.name not in ("images", *_LABEL_FOLDERS) and images_in(folder)]


def find_label_images(place: Path) -> list[tuple[Path, Path]]:
    """Return the pairs of an image and its label image, in the order of names."""
    if not place.is_dir():
        return []
    pairs = []
    within = place / "images"
    for folder in (place, *(place / name for name in _LABEL_FOLDERS)):
        images = images_in(place if folder == place else within)
        masks = {file.stem: file for file in images_in(folder)}
        endings = _LABEL_ENDINGS if folder == place else ("", *_LABEL_ENDINGS)
        for image in images:
            pairs += [(image, masks[image.stem + ending]) for ending in endings if image.stem + ending in masks][:1]
    return pairs


def images_in(folder: Path) -> list[Path]:
    """Return the image files of a folder, in the order of names."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if _is_shown(file) and file.suffix.lower() in IMAGE_ENDINGS)


def _is_shown(path: Path) -> bool:
    return not path.name.startswith((".", "__"))


def _check_fit(source: ImageSource, file: Path, shape: tuple[int, int, int, int]) -> None:
    frames, channels, height, width = source.shape
    if channels != 1 or (frames, height, width) != (shape[0], *shape[2:]):
        raise UserError(
            f"{file} is {frames} frames of {height} x {width} pixels with {channels} channels; "
            f"its image is {shape[0]} of {shape[2]} x {shape[3]}.",
            "A label image has one channel and the size of its image.",
        )


def _as_labels(frame: NDArray[Any], file: Path) -> NDArray[np.int32]:
    values = frame[0]
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise UserError(f"{file} holds fractions, so it is no label image.", "Its pixels are whole numbers from 0 on.")
    if values.min() < 0:
        raise UserError(f"{file} holds negative numbers, so it is no label image.", "Its pixels are numbers from 0 on.")
    if values.max() > _GREATEST_COMPACT_LABEL:
        numbers, places = np.unique(values, return_inverse=True)
        compact: NDArray[np.int32] = (places.reshape(values.shape) + int(numbers[0] != 0)).astype(np.int32)
        return compact
    labels: NDArray[np.int32] = values.astype(np.int32)
    return labels
