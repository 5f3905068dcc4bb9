"""The verb that corrects a segmentation: `correct` merges, parts and deletes objects, or takes label images over."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_cellsynth.cli.options import Json, ProjectPath
from napari_cellsynth.console import note, show
from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    from napari_cellsynth.project import Project
    from napari_cellsynth.project.by_hand import Correction


class Drafts(StrEnum):
    """What becomes of the corrections that wait."""

    LIST = "list"
    TAKE = "take"
    DISCARD = "discard"


Ids = Annotated[list[str] | None, typer.Option(metavar="ID,ID", help="Objects of one frame that become one.")]


def correct(
    project: ProjectPath,
    merge: Ids = None,
    split: Annotated[
        list[str] | None, typer.Option(metavar="ID=N", help="An object that falls into N parts (N left out: 2).")
    ] = None,
    delete: Annotated[list[str] | None, typer.Option(metavar="ID,ID", help="Objects that are none.")] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help="A label image (TIFF, PNG), or a stack of one a frame, that becomes the objects."),
    ] = None,
    image: Annotated[str | None, typer.Option(help="With --masks: the image's name or id.")] = None,
    frame: Annotated[int | None, typer.Option(help="With --masks: of this frame only, counted from 0.")] = None,
    drafts: Annotated[
        Drafts | None,
        typer.Option(help="Corrections of the window that were not taken over: list, take, discard."),
    ] = None,
    over: Annotated[
        bool, typer.Option("--over", help="With --drafts take: also over what somebody has changed since.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Correct the segmentation: merge, split, delete objects, or take label images over; labels are carried over."""
    from napari_cellsynth.project import Project, by_hand

    named = merge or split or delete
    if over and drafts is not Drafts.TAKE:
        raise UserError("--over says how drafts are taken.", "Give it with --drafts take.")
    if drafts is not None:
        if masks is not None or named:
            raise UserError("--drafts stands alone.", "Correct objects in a second call.")
        _drafts(project, drafts, over, as_json)
        return
    if masks is None and (image is not None or frame is not None):
        raise UserError("--image and --frame say where --masks belong.", "Objects are named by their ids.")
    if masks is not None and named:
        raise UserError("--masks replaces whole frames.", "Merge, split and delete objects in a second call.")
    with Project.open(project) as opened:
        if masks is not None:
            done = _take_masks(opened, masks, image, frame)
        else:
            done = by_hand.correct(
                opened,
                merge=[_ids(text) for text in merge or []],
                part=dict(_part(text) for text in split or []),
                delete=[number for text in delete or [] for number in _ids(text)],
            )
    for each in done if len(done) < 10 else []:
        note(f"frame {each.frame}: {each.words()}")
    show(_summed(done), as_json)


def _drafts(project: Path, act: Drafts, over: bool, as_json: bool) -> None:
    from napari_cellsynth.project import Project
    from napari_cellsynth.project.by_hand import ChangedSinceError
    from napari_cellsynth.project.drafts import discard_draft, take_draft
    from napari_cellsynth.project.drafts import drafts as waiting

    with Project.open(project, read_only=act is Drafts.LIST) as opened:
        names, found = opened.images()["name"], waiting(opened)
        rows = [{"image": str(names.get(each.image_id, "")), "frame": each.frame} for each in found]
        if act is Drafts.TAKE:
            done = []
            for each, row in zip(found, rows, strict=True):
                try:
                    done.append(take_draft(opened, each, over=over))
                except ChangedSinceError as error:
                    raise UserError(
                        f"Somebody has changed frame {each.frame} of {row['image']} since its correction began.",
                        "Take the correction all the same: --drafts take --over. Or let go of it: --drafts discard.",
                    ) from error
                note(f"frame {each.frame}: {done[-1].words()}")
            show(_summed(done), as_json)
            return
        for each in found if act is Drafts.DISCARD else []:
            discard_draft(each.file)
        show({"drafts" if act is Drafts.LIST else "discarded": rows}, as_json)


def _take_masks(project: Project, file: Path, image: str | None, frame: int | None) -> list[Correction]:
    from napari_cellsynth.imaging.source import open_image
    from napari_cellsynth.project.by_hand import take_masks

    images = project.images()
    if image is None and len(images) != 1:
        raise UserError("Which image are the masks for?", "Say it by --image, a name or an id; `info` counts them.")
    found = (
        images.index if image is None else images.index[(images["name"] == image) | (images.index == _number(image))]
    )
    if not len(found):
        raise UserError(f"There is no image {image!r} in this project.", "Give its name as the Segment dock shows it.")
    source = open_image(file)
    try:
        if source.shape[1] != 1:
            raise UserError(f"{file} has {source.shape[1]} channels.", "A label image has one number a pixel.")
        done = []
        for correction in take_masks(project, int(found[0]), source.lazy()[:, 0], frame=frame, name=file.name):
            note(f"frame {correction.frame}: {correction.objects} objects")
            done.append(correction)
        return done
    finally:
        source.close()


def _summed(done: list[Correction]) -> dict[str, Any]:
    rows = [asdict(each) for each in done]
    lists = {name: sorted({each for row in rows for each in row[name]}) for name in ("orphans", "learnt_from_by")}
    return {
        "frames": len(rows),
        **{name: sum(row[name] for row in rows) for name in ("objects", "new", "carried", "in_pieces")},
        "gone": sum(len(row["gone"]) for row in rows),
        **lists,
    }


def _ids(text: str) -> list[int]:
    numbers = [_number(part) for part in text.split(",")]
    if None in numbers:
        raise UserError(f"{text!r} are no object ids.", "Give numbers with commas between them, for example 12,15.")
    return [number for number in numbers if number is not None]


def _part(text: str) -> tuple[int, int]:
    name, _, count = text.partition("=")
    object_id, parts = _number(name), _number(count or "2")
    if object_id is None or parts is None:
        raise UserError(f"--split takes ID=N, not {text!r}.", "For example: --split 12=3")
    return object_id, parts


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None
