"""Suggestions while somebody labels: what is learned, what is followed, and how it ends."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.events import Failed, Finished, Looks, Progress, Stopped, Suggestions
from napari_cellsynth.jobs import suggesting
from napari_cellsynth.jobs.job import Job, SuggestParameters
from napari_cellsynth.jobs.run import run
from napari_cellsynth.project import Project


@pytest.fixture
def unlabelled(crops_project):
    """The blobs and stripes without labels, and what each of them is."""
    table = crops_project.objects()
    names = {record.id: record.name for record in crops_project.classes()}
    truth = table["class_id"].map(names)
    crops_project.label(table.index.tolist(), 0)
    return crops_project, truth


def watching(project, most=200, **parameters):
    """Run the job in this process, as an iterator of its events that is stopped after ``most`` looks."""
    looks = iter(range(most))
    return run(Job.of(project.path, SuggestParameters(**parameters)), stop=lambda: next(looks, None) is None)


def give(project, truth, per_class):
    """Label so many objects of each class by their truth."""
    ids = {record.name: record.id for record in project.classes()}
    given = []
    for name, class_id in ids.items():
        chosen = truth.index[truth == name][:per_class].tolist()
        project.label(chosen, class_id)
        given += chosen
    return given


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    monkeypatch.setattr(suggesting, "REST_S", 0.0)


def test_three_labels_of_each_class_are_enough_to_suggest_the_others(unlabelled):
    project, truth = unlabelled
    given = give(project, truth, 3)
    told = [event for event in watching(project, watch=False) if isinstance(event, Suggestions)][-1]
    names = {record.id: record.name for record in project.classes()}
    suggested = {number: names[c] for number, c in zip(told.object_ids.tolist(), told.class_ids.tolist(), strict=True)}
    others = [number for number in truth.index if number not in given]
    assert np.mean([suggested[number] == truth[number] for number in others]) > 0.9
    assert told.n_labels == 6 and (told.score, told.score_before) == (None, None)
    assert len(told.object_ids) == len(truth)
    assert ((told.confidence >= 0.5) & (told.confidence <= 1)).all()


def test_labels_that_come_later_are_noticed_and_learned_from(unlabelled):
    project, truth = unlabelled
    events = watching(project)
    for event in events:
        if isinstance(event, Progress) and event.done == event.total:
            break
    with Project.open(project.path) as other:
        give(other, truth, 2)
    assert next(event for event in events if isinstance(event, Suggestions)).n_labels == 4
    with Project.open(project.path) as other:
        give(other, truth, 5)
    assert next(event for event in events if isinstance(event, Suggestions)).n_labels == 10
    with Project.open(project.path) as other:
        other.undo()
    assert next(event for event in events if isinstance(event, Suggestions)).n_labels < 10
    assert isinstance(list(events)[-1], Stopped)


def test_the_score_is_that_of_groups_not_learned_from_and_tells_what_the_newest_labels_did(unlabelled, monkeypatch):
    project, truth = unlabelled
    monkeypatch.setattr(suggesting, "RECENT", 10)
    give(project, truth, 18)
    told = [event for event in watching(project, watch=False) if isinstance(event, Suggestions)][-1]
    assert told.score is not None and told.score > 0.9
    assert told.score_before is not None and told.score_before > 0.5


def test_random_labels_score_like_a_guess(unlabelled):
    project, truth = unlabelled
    ids = [record.id for record in project.classes()]
    random = np.random.default_rng(0).permutation(np.repeat(ids, len(truth) // 2))
    for class_id in ids:
        project.label(truth.index[random == class_id].tolist(), class_id)
    told = [event for event in watching(project, watch=False) if isinstance(event, Suggestions)][-1]
    assert told.score is not None and 0.2 < told.score < 0.8


def test_without_two_classes_nothing_is_suggested_and_without_objects_it_says_why(unlabelled, tmp_path):
    project, truth = unlabelled
    project.label(truth.index[:5].tolist(), project.classes()[0].id)
    events = list(watching(project, watch=False))
    assert not any(isinstance(event, Suggestions) for event in events) and isinstance(events[-1], Finished)
    with Project.create(tmp_path / "empty.cellsynth") as empty:
        [failed] = watching(empty)
    assert isinstance(failed, Failed) and "no objects" in failed.message and not failed.traceback


def test_objects_that_are_segmented_again_are_looked_at_again(unlabelled):
    project, truth = unlabelled
    give(project, truth, 3)
    events = watching(project)
    next(event for event in events if isinstance(event, Suggestions))
    gone = int(truth.index[-1])
    row = project.objects().loc[gone]
    with Project.open(project.path) as other:
        box = row[["y0", "x0", "y1", "x1"]].to_frame().T.astype(int)
        [new] = other.add_boxes(int(row["image_id"]), int(row["frame"]), box)
    for event in events:
        if isinstance(event, Suggestions) and new in event.object_ids:
            assert len(event.object_ids) >= len(truth)
            break
    else:
        raise AssertionError("the new object never got a suggestion")


def test_looks_come_once_all_objects_were_seen_and_similar_ones_lie_near(unlabelled):
    project, truth = unlabelled
    give(project, truth, 2)
    [looks] = [event for event in watching(project) if isinstance(event, Looks)]
    assert sorted(looks.object_ids.tolist()) == sorted(truth.index)
    kinds = truth.loc[looks.object_ids].to_numpy()
    apart = np.linalg.norm(looks.x[:, None] - looks.x, axis=2)
    np.fill_diagonal(apart, np.inf)
    assert np.mean(kinds[apart.argmin(axis=1)] == kinds) > 0.9
    assert set(truth.loc[looks.different[:4]]) == set(truth)


def test_a_multi_label_project_gets_looks_and_no_suggestions(unlabelled):
    project, truth = unlabelled
    give(project, truth, 3)
    project.set_multi_label(True)
    events = list(watching(project))
    assert sum(isinstance(event, Looks) for event in events) == 1
    assert not any(isinstance(event, Suggestions) for event in events) and isinstance(events[-1], Stopped)
