"""What else a person does, to be killed in the middle: classes, corrections, the bin, moved images, other formats.

As in `activities`: ``act`` works for ever and says what is done, ``hold`` looks at what is left.
"""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from napari_cellsynth.project.by_hand import correct, take_over
from napari_cellsynth.project.exchange import import_folder
from napari_cellsynth.project.exporting import export
from napari_cellsynth.project.relinking import relink_folder
from tests.faults.activities import Activity, Say, _segment_holds

EXCHANGED = 12


# ---------------------------------------------------------------------- classes
def _classes(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        ids = list(project.objects().index)
        say("ready")
        while True:
            known = [record.id for record in project.classes()]
            what = chance.choice(("add", "rename", "recolor", "merge", "delete", "undo", "redo", "label"))
            try:
                if what == "add":
                    project.add_class(f"class {chance.randrange(10**6)}")
                elif what == "rename":
                    project.rename_class(chance.choice(known), f"name {chance.randrange(10**6)}")
                elif what == "recolor":
                    project.recolor_class(chance.choice(known), f"#{chance.randrange(1 << 24):06x}")
                elif what == "merge" and len(known) > 1:
                    project.merge_class(*chance.sample(known, 2))
                elif what == "delete" and len(known) > 1:
                    project.delete_class(chance.choice(known))
                elif what == "label":
                    project.label([chance.choice(ids)], chance.choice(known))
                elif what in ("undo", "redo"):
                    getattr(project, what)()
            except UserError:
                continue  # a class that still has objects is not deleted
            say(_state(project))


def _state(project: Project) -> str:
    classes = [[record.id, record.name, record.color] for record in project.classes()]
    return json.dumps([classes, project.objects()["class_id"].tolist()])


def _classes_hold(path: Path, said: list[str]) -> None:
    """Hold that all is as was said, or one step further: what was in flight is whole."""
    if not said:
        return
    with Project.open(path) as project:
        found = [_state(project)]
        project.undo()
        found.append(_state(project))
        project.redo(), project.redo()
        found.append(_state(project))
    assert said[-1] in found, (said[-1], found)


# ---------------------------------------------------------------------- corrections by hand
def _by_hand(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        project.label([1, 2], 1)
        say("ready")
        while True:
            rows = project.objects(image_id=1, frame=0)
            ids = [int(number) for number in rows.index[rows["mask_label"] > 0]]
            if len(ids) < 4:
                mask = np.zeros((100, 120), np.int32)
                for number in range(1, 9):
                    y, x = chance.randrange(80), chance.randrange(80)
                    mask[y : y + 15, x : x + 15] = number
                take_over(project, 1, 0, mask)
            else:
                first, second, third, fourth = chance.sample(ids, 4)
                correct(project, merge=[[first, second]], part={third: 2}, delete=[fourth])
            say("corrected")


# ---------------------------------------------------------------------- the bin for runs
def _bin(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        [made] = project.runs()
        say("ready")
        while True:
            project.delete_run(made.id)
            say("deleted")
            project.restore_run(made.id)
            say("restored")


def _bin_holds(path: Path, said: list[str]) -> None:
    """Hold that the run is in one place, whole, and its patches with it."""
    with Project.open(path) as project:
        here, away = [run.id for run in project.runs()], project.deleted_runs()
        assert len(here) + len(away) == 1, (here, away)
        if away:
            assert project.synthetic().empty
            project.restore_run(away[0])
        patches = project.synthetic()
        assert len(patches) and len(project.read_synthetic(list(patches.index))) == len(patches)


# ---------------------------------------------------------------------- moved images
def _relink(path: Path, say: Say, chance: random.Random) -> None:
    places = [path.parent / name for name in ("a", "b")]
    for place in places:
        place.mkdir()
    with Project.open(path) as project:
        shutil.copy(project.images().loc[1, "path"], places[0] / "moved.tif")
        project.relink(1, places[0] / "moved.tif")
        say("ready")
        while True:
            for before, after in (places, places[::-1]):
                (before / "moved.tif").rename(after / "moved.tif")
                relink_folder(project, after)
                say(str(after))


def _relink_holds(path: Path, said: list[str]) -> None:
    with Project.open(path) as project:
        if project.images()["missing"].any():
            relink_folder(project, path.parent)
        assert not project.images()["missing"].any()
        assert project.frame(1, 2).shape == (1, 100, 120)


# ---------------------------------------------------------------------- imports of other formats
def _exchange(path: Path, say: Say, chance: random.Random) -> None:
    name = chance.choice(("out.json", "out.geojson", "out.zarr"))
    other = path.parent / "other"
    other.mkdir()
    tifffile.imwrite(other / "c.tif", np.arange(160 * 160, dtype=np.uint16).reshape(160, 160))
    mask = np.zeros((160, 160), np.int32)
    for number in range(EXCHANGED):
        y, x = 40 * (number // 4), 40 * (number % 4)
        mask[y : y + 20, x : x + 20] = number + 1
    with Project.create(other / "p", classes=["New"]) as project:
        project.add_images([other / "c.tif"])
        project.set_objects(1, 0, boxes_of(mask), mask)
        project.label(list(project.objects().index), 1)
        export(project, other / name)
    with Project.open(path) as project:
        say("ready")
        import_folder(project, other / name)
        say("imported")
        while True:
            import_folder(project, other / name)


def _exchange_holds(path: Path, said: list[str]) -> None:
    with Project.open(path) as project:
        images = project.images()
        came = pd.DataFrame() if len(images) == 1 else project.objects(image_id=int(images.index[-1]))
        assert len(came) in (0, EXCHANGED) and (len(came) or "imported" not in said)
        assert ("New" in {record.name for record in project.classes()}) == bool(len(came))
        if len(came):
            mask = project.mask(int(images.index[-1]), 0)
            assert {project.label_words(label) for label in came["label"]} == {"New"}
            assert mask is not None and np.unique(mask).tolist() == list(range(EXCHANGED + 1))


EDITS = {
    "classes": Activity(_classes, _classes_hold, 0.8),
    "by-hand": Activity(_by_hand, _segment_holds, 2.0),
    "bin": Activity(_bin, _bin_holds, 0.4),
    "relink": Activity(_relink, _relink_holds, 0.6),
    "exchange": Activity(_exchange, _exchange_holds, 0.5),
}
