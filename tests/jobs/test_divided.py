"""Segmenting and predicting shared among workers: the project is the one that a single process makes."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished, Progress, Stopped
from napari_cellsynth.jobs.cluster import Spread
from napari_cellsynth.jobs.divided import divided, refuse_unseen
from napari_cellsynth.jobs.job import Job, PredictParameters, SegmentParameters
from napari_cellsynth.jobs.run import do, run
from napari_cellsynth.jobs.segmenting import segment_piece
from napari_cellsynth.project import Project
from tests.jobs.test_cluster import workers
from tests.jobs.test_large_frames import colonies

SETTINGS = {"radius": 3, "opening": 2, "min_area": 60}
TINY = {"size": 32, "epochs": 1, "least_steps": 4, "width": 0.25}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of ten frames in two videos, segmented, trained and predicted by one process."""
    folder = tmp_path_factory.mktemp("divided")
    for video in range(2):
        frames = np.stack([colonies(200, 220, 10 * video + t) for t in range(5)])
        tifffile.imwrite(folder / f"{video}.tif", frames, photometric="minisblack")
    with Project.create(folder / "alone.cellsynth", classes=["a", "b"]) as project:
        project.add_images([folder / "0.tif", folder / "1.tif"])
    shutil.copytree(folder / "alone.cellsynth", folder / "plain.cellsynth")
    do(folder / "alone.cellsynth", "segment", **SETTINGS)
    return folder / "alone.cellsynth"


@pytest.fixture
def plain(alone: Path) -> Path:
    """The same images, not segmented yet."""
    place = alone.with_name(f"plain-{os.urandom(4).hex()}.cellsynth")
    shutil.copytree(alone.with_name("plain.cellsynth"), place)
    return place


def objects(place: Path) -> tuple[pd.DataFrame, list[bytes]]:
    with Project.open(place, read_only=True) as project:
        masks = [project.mask(image_id, t) for image_id in (1, 2) for t in range(5)]
        return project.objects(), [mask.tobytes() for mask in masks if mask is not None]


@pytest.mark.slow
def test_two_processes_find_the_objects_of_one(alone: Path, plain: Path) -> None:
    told = do(plain, "segment", **SETTINGS, workers=2)
    assert told["frames"] == 10
    (table, masks), (expected, expected_masks) = objects(plain), objects(alone)
    assert len(table) == told["objects"] > 20
    pd.testing.assert_frame_equal(table, expected)
    assert masks == expected_masks and len(masks) == 10


@pytest.mark.slow
def test_frames_of_a_worker_that_is_killed_are_segmented_by_another(alone: Path, plain: Path) -> None:
    before, killed = {each.pid for each in workers()}, []
    for event in run(Job.of(plain, SegmentParameters(**SETTINGS, workers=2))):
        if not killed and isinstance(event, Progress):
            for process in workers():
                if process.pid not in before and process.is_running() and "--name 1" in " ".join(process.cmdline()):
                    for each in [process, *process.children(recursive=True)]:
                        os.kill(each.pid, signal.SIGKILL)
                        killed.append(each.pid)
    assert killed and isinstance(event, Finished)
    pd.testing.assert_frame_equal(objects(plain)[0], objects(alone)[0])


@pytest.mark.slow
def test_two_processes_answer_as_one_does(alone: Path) -> None:
    with Project.open(alone) as project:
        table = project.objects()
        large = table["area"] > table["area"].median()
        project.label(table.index[large].tolist(), 1)
        project.label(table.index[~large].tolist(), 2)
        project.set_split({"0": "train", "1": "test"})
    done = do(alone, "train-classifier", overrides=TINY)
    do(alone, "predict", run=done["run"])
    with Project.open(alone, read_only=True) as project:
        expected = project.predictions(run=done["run"])
    shared = Job.of(alone, PredictParameters(run=done["run"], workers=2))
    assert isinstance(list(run(shared))[-1], Finished)
    with Project.open(alone, read_only=True) as project:
        found = project.predictions(run=done["run"])
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4)


def test_a_stop_before_the_workers_have_come_ends_it(plain: Path) -> None:
    job = Job.of(plain, SegmentParameters(**SETTINGS, workers=2))
    assert isinstance(list(run(job, lambda: True))[-1], Stopped)
    assert objects(plain)[0].empty


def test_results_that_come_early_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    monkeypatch.setattr("napari_cellsynth.jobs.divided.opened", lambda *_: nullcontext())
    monkeypatch.setattr(Spread, "__init__", lambda *_: None)
    monkeypatch.setattr(Spread, "close", lambda _self: None)
    monkeypatch.setattr(Spread, "submit", lambda *_: None)
    ended = [("2", "c", ""), ("0", None, "half"), ("0", "a", ""), ("1", "b", ""), ("4", "e", ""), ("3", None, "")]
    monkeypatch.setattr(Spread, "results", lambda *_: iter(ended))
    assert list(divided(segment_piece, [()] * 5, 2, None, lambda: False)) == ["a", "b", "c"]


def test_a_machine_that_does_not_see_the_project_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not see"):
        refuse_unseen(str(tmp_path))
