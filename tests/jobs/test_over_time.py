from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_cellsynth.evaluate.held_out import write_held_out
from napari_cellsynth.events import Failed, Finished, Progress, Stopped
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.jobs.job import Job, OverTimeParameters
from napari_cellsynth.jobs.object_classes import classes_of, followed, transition_words
from napari_cellsynth.jobs.run import run
from napari_cellsynth.project import BAD_SEGMENTATION, Project

SIDE, FRAMES = 96, 4


def squares(shift: int) -> np.ndarray:
    """Return a mask of four squares; the last one leaves the frame at a shift of 6."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    for number, (y, x) in enumerate([(4, 4), (4, 50), (50, 4), (50, 50)]):
        labels[y : y + 24, x + shift : x + shift + 24] = number + 1
    if shift >= 6:
        labels[labels == 4] = 0
    return labels


@pytest.fixture
def project(tmp_path):
    """Two videos of squares that move 2 px a frame; a run has predicted them, and was tested on 40 crops."""
    for value, name in enumerate(("one", "two")):
        video = np.full((FRAMES, SIDE, SIDE), value, np.uint8)
        tifffile.imwrite(tmp_path / f"{name}.tif", video, photometric="minisblack", metadata={"axes": "TYX"})
    with Project.create(tmp_path / "p.cellsynth", classes=["Dense", "<script>alert(1)</script>"]) as made:
        ids = made.add_images([tmp_path / "one.tif", tmp_path / "two.tif"])
        for image_id in ids:
            for frame in range(FRAMES):
                labels = squares(2 * frame)
                made.set_objects(image_id, frame, boxes_of(labels), labels)
        classes = [record.id for record in made.classes()]
        groups = [f"g{n % 8}" for n in range(40)]
        record = made.new_run(
            "classifier", "fast", {"class_ids": classes, "test_groups": groups}, groups=["elsewhere"], seed=0
        )
        true = np.repeat([0, 1], 20)
        p = np.eye(2)[true]
        p[18:20] = [0, 1]
        write_held_out(record.folder, true, p)
        made.update_run(record.id, status="finished", result={})
        objects = made.objects()
        said = np.where((objects["mask_label"] == 1) & (objects["frame"] >= 2), 1, 0)
        made.set_predictions(record.id, objects.index.tolist(), np.eye(2)[said], classes)
        yield made


def done(project, **parameters) -> dict:
    *_, last = run(Job.of(project.path, OverTimeParameters(**parameters)))
    assert isinstance(last, Finished), last
    return last.result


def test_objects_are_followed_by_their_masks_until_they_leave(project):
    image_id = int(project.images().index[0])
    pairs = pd.concat(list(followed(project, image_id)))
    assert [int((pairs["frame"] == t).sum()) for t in range(FRAMES - 1)] == [4, 4, 3]
    table = project.objects()
    same = (
        table["mask_label"].reindex(pairs["object"]).to_numpy() == table["mask_label"].reindex(pairs["next"]).to_numpy()
    )
    assert same.all()
    assert (table["frame"].reindex(pairs["next"]).to_numpy() == pairs["frame"].to_numpy() + 1).all()


def test_imported_boxes_are_followed_by_the_boxes(tmp_path, project):
    with Project.create(tmp_path / "boxes.cellsynth", classes=["Dense"]) as made:
        [image_id] = made.add_images([tmp_path / "one.tif"])
        for frame in range(FRAMES):
            made.add_boxes(image_id, frame, boxes_of(squares(2 * frame)).drop(columns=["mask_label"], errors="ignore"))
        assert sum(len(each) for each in followed(made, image_id)) == 11


def test_the_tables_and_the_page_say_what_there_is(project):
    project.label([int(project.objects().index[1])], project.classes()[1].id)
    result = done(project)
    folder = project.path / "over_time"
    assert result["followed"] == 22
    assert sorted(result["files"]) == sorted(path.name for path in folder.glob("*.csv"))
    frames = pd.read_csv(folder / "frames.csv")
    first = frames[(frames["video"] == "one") & (frames["frame"] == 0)].set_index("class")
    assert first["count"].to_dict() == {"Dense": 3, "<script>alert(1)</script>": 1}
    assert first.loc["<script>alert(1)</script>", "labelled"] == 1
    moves = pd.read_csv(folder / "transitions.csv")
    changed = moves[(moves["video"] == "two") & (moves["from"] != moves["to"])]
    assert changed["count"].tolist() == [1, 0]
    tracks = pd.read_csv(folder / "tracks.csv")
    assert tracks.groupby(["video", "track"]).size().tolist() == [4, 4, 4, 3] * 2
    page = (folder / "over_time.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert page.count("<img") == 2


def test_bad_segmentations_are_no_objects_and_unsure_ones_count_as_predicted(project):
    ids = project.objects().index
    project.label([int(ids[0])], BAD_SEGMENTATION)
    project.label([int(ids[1])], -1)
    done(project)
    videos = pd.read_csv(project.path / "over_time" / "videos.csv")
    assert videos[videos["video"] == "one"]["objects"].iloc[0] == 14
    assert videos["labelled"].sum() == 0


def test_errors_of_the_classifier_are_told_beside_the_changes(project):
    found = classes_of(project)
    pairs = pd.concat(list(followed(project, int(project.images().index[0]))))
    # 1 of 11 changed. Of Dense 2 of 20 are taken for the other: two looks differ at 2 x 0.1 x 0.9 of the Dense.
    assert "11 times an object was followed into the next frame; 9% changed class" in transition_words(found, pairs)
    assert "up to 16% would by errors" in transition_words(found, pairs)
    project.label(project.objects().index.tolist(), project.classes()[0].id)
    assert "up to 0% would" in transition_words(classes_of(project), pairs)


def test_a_classifier_that_learned_from_these_groups_is_no_fair_witness(project):
    assert classes_of(project).notices == []
    other = project.new_run(
        "classifier",
        "fast",
        {"class_ids": [1, 2], "test_groups": ["a"] * 4},
        groups=sorted(set(project.images()["group"])),
        seed=0,
    )
    write_held_out(other.folder, [0, 0, 0, 0], np.eye(2)[[0, 0, 1, 0]])
    ids = project.objects().index.tolist()
    project.set_predictions(other.id, ids, np.eye(2)[[0] * len(ids)], [1, 2])
    notices = " ".join(classes_of(project).notices)
    assert "No held-out crop of <script>alert(1)</script>" in notices
    assert "30 unlabelled objects are of groups that classifier-0002 learned from" in notices


def test_without_held_out_answers_fractions_stay_as_they_are_and_it_is_said(project):
    (project.run("classifier-0001").folder / "held_out.npz").unlink()
    result = done(project)
    assert "Predictions cannot be corrected" in result["notices"][0]
    assert pd.read_csv(project.path / "over_time" / "frames.csv")["corrected_fraction"].isna().all()


def test_labels_alone_are_enough_and_nothing_is_told_in_one_line(tmp_path, project):
    with Project.create(tmp_path / "new.cellsynth", classes=["Dense"]) as new:
        [image_id] = new.add_images([tmp_path / "one.tif"])
        *_, last = run(Job.of(new.path, OverTimeParameters()))
        assert isinstance(last, Failed)
        assert last.message == "No object is labelled or predicted yet."
        new.set_objects(image_id, 0, boxes_of(squares(0)), squares(0))
        new.label(new.objects().index.tolist()[:3], new.classes()[0].id)
        result = done(new)
    assert result["run"] is None
    assert result["notices"] == ["1 objects have neither label nor prediction and are left out: run the classifier."]
    *_, last = run(Job.of(project.path, OverTimeParameters(run="classifier-0009")))
    assert isinstance(last, Failed)
    assert "classifier-0009 has predicted nothing" in last.message


def test_a_stop_writes_nothing_and_progress_counts_frames(project):
    events = list(run(Job.of(project.path, OverTimeParameters())))
    assert [(e.done, e.total) for e in events if isinstance(e, Progress)] == [(n, 6) for n in range(1, 7)]
    *_, last = run(Job.of(project.path, OverTimeParameters(out=str(project.path / "other"))), lambda: True)
    assert isinstance(last, Stopped)
    assert not (project.path / "other").exists()


def test_a_folder_that_cannot_be_written_is_told(project, tmp_path):
    (tmp_path / "file").write_text("")
    *_, last = run(Job.of(project.path, OverTimeParameters(out=str(tmp_path / "file"))))
    assert isinstance(last, Failed)
    assert not last.traceback


def test_the_list_of_images_is_read_a_few_times_however_many_images_there_are(project, monkeypatch):
    asked, read = [], Project.images
    monkeypatch.setattr(Project, "images", lambda self: asked.append(1) or read(self))
    done(project)
    before = len(asked)
    for number in range(20):
        path = project.path.parent / f"single_{number}.tif"
        tifffile.imwrite(path, np.full((SIDE, SIDE), number, np.uint8))
        (image_id,) = project.add_images([path])
        project.set_objects(image_id, 0, boxes_of(squares(0)), squares(0))
        project.label(project.objects(image_id=image_id).index.tolist(), project.classes()[0].id)
    asked.clear()
    done(project)
    assert len(asked) == before
