"""What a person or a job does to a project, to be killed in the middle, and what must hold afterwards.

Each activity works for ever and says what it has been told is done (``say``); its ``hold`` looks at the project after
the kill, with all that was said.
"""

from __future__ import annotations

import csv
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import tifffile

from napari_cellsynth.events import Failed, Finished, Progress
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.jobs import Job
from napari_cellsynth.jobs.job import ExperimentParameters, GenerateParameters, Parameters, TrainGanParameters
from napari_cellsynth.jobs.run import run
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import export_csv, import_folder

Say = Callable[[str], None]
SMALL: dict[str, Any] = {"size": 32, "width": 4, "batch": 4}
BOXES, PATCHES = 60, 8


class Activity(NamedTuple):
    """``act`` works and says; ``hold`` raises AssertionError; killed at a random moment of the first ``seconds``."""

    act: Callable[[Path, Say, random.Random], None]
    hold: Callable[[Path, list[str]], None]
    seconds: float


def template(folder: Path, *, crops: bool) -> Path:
    """Make the project that every try begins with a copy of."""
    from tests.conftest import write_crops

    with Project.create(folder / "p", classes=[] if crops else ["Dense", "Spread"]) as project:
        if crops:
            import_folder(project, write_crops(folder / "crops"))
            return project.path
        frames = np.random.default_rng(0).integers(0, 255, (3, 100, 120), np.uint8)
        tifffile.imwrite(folder / "video.tif", frames, photometric="minisblack", metadata={"axes": "TYX"})
        project.add_images([folder / "video.tif"])
        mask = np.zeros((100, 120), np.int32)
        mask[5:35, 5:45], mask[50:80, 60:100] = 1, 2
        project.set_objects(1, 0, boxes_of(mask), mask)
        y0 = np.arange(BOXES)
        project.add_boxes(1, 1, pd.DataFrame({"y0": y0, "x0": 0, "y1": y0 + 5, "x1": 9}))
        made = project.new_run("gan", "cellsynth", {}, class_id=1, groups=["video"], seed=0)
        project.add_synthetic(made.id, "best", 1, 0, 0, np.zeros((PATCHES, 1, 16, 16), np.uint8))
        project.update_run(made.id, "finished")
    to_import = folder / "import"
    to_import.mkdir()
    tifffile.imwrite(to_import / "b.tif", np.zeros((300, 300), np.uint8))
    rows = [f"b.tif,{x},{y},{x + 9},{y + 9},{'Dense' if x % 2 else 'New'}" for x in range(50) for y in range(50)]
    (to_import / "objects.csv").write_text("image,x0,y0,x1,y1,label\n" + "\n".join(rows) + "\n")
    return project.path


# ---------------------------------------------------------------------- labels
def _label(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        ids = list(project.objects().index)
        say("ready")
        while True:
            number, label = chance.choice(ids), chance.choice((1, 2, -1, -2, 0))
            project.label([number], label)
            say(f"{number} {label}")


def _bulk(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        ids = list(project.objects().index)
        say("ready")
        while True:
            chosen, label = chance.sample(ids, 20), chance.choice((1, 2, 0))
            project.label(chosen, label, source="bulk")
            say(" ".join(f"{number} {label}" for number in chosen))


def _undo(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        ids = list(project.objects().index)
        say("ready")
        while True:
            changed = [chance.choice(ids)]
            step = chance.choice(("label", "undo", "undo", "redo"))
            if step == "label":
                project.label(changed, chance.choice((1, 2)))
            else:
                changed = getattr(project, step)()
            now = project.objects()["class_id"]
            say(" ".join(f"{number} {now[number]}" for number in changed))


def _labels_hold(path: Path, said: list[str]) -> None:
    """Hold every acknowledged label; only the action in flight may have come through unsaid."""
    expected: dict[int, int] = {}
    for line in said:
        numbers = list(map(int, line.split()))
        expected |= dict(zip(numbers[::2], numbers[1::2], strict=True))
    with Project.open(path) as project:
        found = project.objects()["class_id"]
        [(newest,)] = project._db.read("SELECT max(id) FROM actions")
        in_flight = {row[0] for row in project._db.read("SELECT target FROM journal WHERE action = ?", (newest,))}
    lost = {number for number, label in expected.items() if found[number] != label}
    assert lost <= in_flight, f"lost: {lost - in_flight}"


# ---------------------------------------------------------------------- import, export, segmentation, review
def _import(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        say("ready")
        import_folder(project, path.parent / "import")
        say("imported")
        while True:
            import_folder(project, path.parent / "import")


def _import_holds(path: Path, said: list[str]) -> None:
    with Project.open(path) as project:
        count = len(project.objects()) - BOXES - 2
        images, names = len(project.images()), {record.name for record in project.classes()}
        labelled = sum(n for label, n in project.label_counts().items() if label)
    assert (count, images, labelled) in ((0, 1, 0), (2500, 2, 2500)), (count, images, labelled)
    assert ("New" in names) == (count > 0)
    assert count or "imported" not in said


def _export(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        say("ready")
        while True:
            export_csv(project, path.parent / "out.csv")
            say("exported")


def _export_holds(path: Path, said: list[str]) -> None:
    out = path.parent / "out.csv"
    assert out.exists() or "exported" not in said
    if out.exists():
        with out.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert len(rows) == BOXES + 3 and len({len(row) for row in rows}) == 1


def _segment(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        project.label([1, 2], 1)
        say("ready")
        while True:
            mask = np.zeros((100, 120), np.int32)
            for number in range(1, 9):
                y, x = chance.randrange(80), chance.randrange(80)
                mask[y : y + 15, x : x + 15] = number
            project.set_objects(1, 0, boxes_of(mask), mask)
            say("segmented")


def _segment_holds(path: Path, said: list[str]) -> None:
    with Project.open(path) as project:
        mask = project.mask(1, 0)
        rows = project.objects(image_id=1, frame=0).sort_values("mask_label")
        assert mask is not None
        columns = ["mask_label", "y0", "x0", "y1", "x1"]
        assert rows[columns].to_numpy().tolist() == boxes_of(mask)[columns].to_numpy().tolist()
        assert project.label_counts().get(1, 0) + len(project.orphans()) >= 1


def _review(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        ids = list(project.synthetic().index)
        say("ready")
        while True:
            number, verdict = chance.choice(ids), chance.choice(("accepted", "rejected"))
            project.review([number], verdict)
            say(f"{number} {verdict}")


def _review_holds(path: Path, said: list[str]) -> None:
    expected = dict(line.split() for line in said)
    with Project.open(path) as project:
        found = project.synthetic()["review"]
    assert sum(found[int(number)] != verdict for number, verdict in expected.items()) <= 1


def _add_patches(path: Path, say: Say, chance: random.Random) -> None:
    with Project.open(path) as project:
        [made] = project.runs()
        say("ready")
        while True:
            count, value = chance.randrange(1, 300), chance.randrange(1, 250)
            ids = project.add_synthetic(made.id, "best", 1, value, 0, np.full((count, 1, 16, 16), value, np.uint8))
            say(f"{ids[0]} {ids[-1]} {value}")


def _patches_hold(path: Path, said: list[str]) -> None:
    with Project.open(path) as project:
        patches = project.synthetic()
        pixels = project.read_synthetic(list(patches.index))
        assert (pixels == patches["seed"].to_numpy()[:, None, None, None]).all()
        for line in said:
            first, last, value = map(int, line.split())
            assert (patches.loc[first:last, "seed"] == value).all() and last in patches.index


# ---------------------------------------------------------------------- migration
def _migrate(path: Path, say: Say, chance: random.Random) -> None:
    """Bring up a project of the first schema with some thousand labels."""
    fixture = Path(__file__).parent / "fixtures" / "schema-1.sql"
    (path / "project.db").unlink()
    connection = sqlite3.connect(path / "project.db")
    connection.executescript(fixture.read_text())
    connection.close()
    say("ready")
    with Project.open(path):
        say("opened")
    while True:
        with Project.open(path):
            pass


def _migration_holds(path: Path, said: list[str]) -> None:
    from tests.faults.released import check_first_schema

    with Project.open(path) as project:
        check_first_schema(project)


# ---------------------------------------------------------------------- jobs
def _events(path: Path, parameters: Parameters) -> Iterator[Any]:
    return run(Job.of(path, parameters))


def _work(path: Path, say: Say, parameters: Parameters) -> None:
    """Say the events; ready is who has begun to learn, so that a slow start is not all that is ever killed."""
    ready = False
    for event in _events(path, parameters):
        if not ready and isinstance(event, Progress | Finished | Failed):
            ready = True
            say("ready")
        say(type(event).__name__)


def _train(path: Path, say: Say, chance: random.Random) -> None:
    _work(path, say, TrainGanParameters(classes=["blob"], steps=100_000, overrides=SMALL))


def _train_holds(path: Path, said: list[str]) -> None:
    """Hold that the run goes on where its last checkpoint was, and that its weights are whole."""
    with Project.open(path) as project:
        runs = project.runs("gan")
        if not runs:
            return
        assert runs[0].status == "stopped", runs[0].status
    for weights in runs[0].folder.glob("*.safetensors"):
        from napari_cellsynth.training import checkpoint

        checkpoint.load(weights)
    last = list(_events(path, TrainGanParameters(classes=["blob"], steps=2, resume=runs[0].id)))[-1]
    assert isinstance(last, Finished), last


def _generate(path: Path, say: Say, chance: random.Random) -> None:
    done = list(_events(path, TrainGanParameters(classes=["blob"], steps=2, overrides=SMALL)))[-1]
    assert isinstance(done, Finished), done
    _work(path, say, GenerateParameters(run=done.result["run"], n=20_000))


def _generate_holds(path: Path, said: list[str]) -> None:
    with Project.open(path) as project:
        [made] = project.runs("gan")
        before = len(project.synthetic())
        if before:
            assert project.read_synthetic(list(project.synthetic().index)).any(axis=(1, 2, 3)).all()
    last = list(_events(path, GenerateParameters(run=made.id, n=before + 5)))[-1]
    assert isinstance(last, Finished), last


def _experiment(path: Path, say: Say, chance: random.Random) -> None:
    _work(path, say, ExperimentParameters(preset="smoke"))


def _experiment_holds(path: Path, said: list[str]) -> None:
    with Project.open(path) as project:
        runs = project.runs("experiment")
    if runs:
        assert runs[0].status == "stopped"
        first = next(iter(_events(path, ExperimentParameters(resume=runs[0].id))))
        assert type(first).__name__ != "Failed", first


LIGHT = {
    "label": Activity(_label, _labels_hold, 0.6),
    "bulk": Activity(_bulk, _labels_hold, 0.6),
    "undo": Activity(_undo, _labels_hold, 0.8),
    "import": Activity(_import, _import_holds, 0.8),
    "export": Activity(_export, _export_holds, 0.3),
    "segment": Activity(_segment, _segment_holds, 0.8),
    "review": Activity(_review, _review_holds, 0.5),
    "patches": Activity(_add_patches, _patches_hold, 0.8),
    "migrate": Activity(_migrate, _migration_holds, 0.4),
}
HEAVY = {
    "train": Activity(_train, _train_holds, 4.0),
    "generate": Activity(_generate, _generate_holds, 2.0),
    "experiment": Activity(_experiment, _experiment_holds, 8.0),
}
