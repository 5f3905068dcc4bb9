from __future__ import annotations

import sqlite3
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import BAD_SEGMENTATION, UNLABELLED, UNSURE, Project


def labels(project: Project) -> list[int]:
    return list(project.objects()["class_id"])


def test_a_label_is_there_after_opening_again(project: Project) -> None:
    project.label([1, 3], 2)
    project.label([2], UNSURE)
    project.label([4], BAD_SEGMENTATION)
    with Project.open(project.path) as second:
        assert labels(second) == [2, UNSURE, 2, BAD_SEGMENTATION]
        assert list(second.objects()["source"]) == ["hand"] * 4
        assert second.label_counts() == {2: 2, UNSURE: 1, BAD_SEGMENTATION: 1}


def test_the_newest_row_of_the_journal_is_the_current_label(project: Project) -> None:
    for label in (1, 2, UNSURE, BAD_SEGMENTATION, UNLABELLED, 1):
        project.label([1], label)
        assert project.history(1)["new"].iloc[-1] == project.objects().loc[1, "class_id"] == label
    assert list(project.history(1)["old"]) == [0, 1, 2, UNSURE, BAD_SEGMENTATION, 0]
    assert set(project.history(1)["source"]) == {"hand"}


def test_the_journal_cannot_be_rewritten(project: Project) -> None:
    project.label([1], 1)
    for statement in ("DELETE FROM journal", "UPDATE journal SET new = 2"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            project._db.write(statement)
    assert labels(project)[0] == 1


def test_undo_and_redo_walk_the_whole_history(project: Project) -> None:
    project.label([1], 1)
    project.label([2], 2)
    project.label([1], UNSURE)
    assert [project.undo(), labels(project)] == [[1], [1, 2, 0, 0]]
    assert [project.undo(), labels(project)] == [[2], [1, 0, 0, 0]]
    assert [project.redo(), labels(project)] == [[2], [1, 2, 0, 0]]
    assert [project.undo(), project.undo(), project.undo()] == [[2], [1], []]
    assert labels(project) == [0, 0, 0, 0]
    assert [project.redo(), project.redo(), project.redo(), project.redo()] == [[1], [2], [1], []]
    assert labels(project) == [UNSURE, 2, 0, 0]
    assert len(project.history(1)) == 2 + 2 + 2, "undoing appends, it deletes nothing"


def test_undo_and_redo_work_across_restarts(project: Project) -> None:
    project.label([1, 2], 1, source="bulk")
    project.label([3], 2)
    with Project.open(project.path) as second:
        assert second.undo() == [3]
    with Project.open(project.path) as third:
        assert third.undo() == [1, 2]
        assert third.redo() == [1, 2]
    with Project.open(project.path) as fourth:
        assert fourth.redo() == [3]
        assert labels(fourth) == [1, 1, 2, 0]


def test_a_new_label_ends_redo(project: Project) -> None:
    project.label([1], 1)
    project.label([2], 1)
    project.undo()
    project.label([3], 2)
    assert project.redo() == []
    assert [project.undo(), project.undo(), project.undo()] == [[3], [1], []]


def test_one_call_is_one_step(project: Project) -> None:
    project.label([1], 2)
    project.label([1, 2, 3, 4], 1, source="bulk")
    assert project.undo() == [1, 2, 3, 4]
    assert labels(project) == [2, 0, 0, 0]


def test_an_import_is_no_step_and_keeps_redo(project: Project) -> None:
    project.label([1], 1)
    project.undo()
    project.label([4], 2, source="import")
    assert project.redo() == [1]
    assert [project.undo(), project.undo()] == [[1], []]
    assert labels(project) == [0, 0, 0, 2]


def test_undo_leaves_what_somebody_else_has_labelled_since(project: Project) -> None:
    project.label([1, 2], 1, user="anna")
    with Project.open(project.path) as second:
        second.label([2], 2, user="ben")
        assert project.undo() == [1]
        assert labels(project) == [0, 2, 0, 0]
        assert second.undo() == [2]
    assert list(project.history(2)["user"]) == ["anna", "ben", "ben"]


def test_undo_takes_back_the_own_steps_only(project: Project) -> None:
    project.label([1], 1, user="anna")
    with Project.open(project.path) as second:
        second.label([2], 2, user="ben")
        assert project.undo() == [1]
        assert project.undo() == []
        assert second.undo() == [2]


@pytest.mark.parametrize(
    ("ids", "label", "words"), [([99], 1, "99"), ([1, 99], 1, "99"), ([1], 7, "id 7"), ([1], -3, "-3")]
)
def test_a_wrong_object_or_class_labels_nothing(project: Project, ids: list[int], label: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        project.label(ids, label)
    assert labels(project) == [0, 0, 0, 0]
    assert project.undo() == []


def test_labelling_nothing_is_no_step(project: Project) -> None:
    project.label([1], 1)
    project.label([], 2)
    assert project.undo() == [1]


def test_numpy_ids_are_ids(project: Project) -> None:
    project.label(np.array([1, 2]), np.int64(1))  # type: ignore[arg-type]
    assert labels(project) == [1, 1, 0, 0]


def test_the_pace_counts_steps_of_the_last_minutes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    assert project.labels_per_minute() == 0
    for second in range(30):
        monkeypatch.setattr(time, "time", lambda second=second: now + 2 * second)
        project.label([1], 1)
    monkeypatch.setattr(time, "time", lambda: now + 60)
    project.label([1, 2, 3, 4], 1, source="import")
    assert project.labels_per_minute() == pytest.approx(30)
    monkeypatch.setattr(time, "time", lambda: now + 1000)
    assert project.labels_per_minute() == 0


def test_a_history_tells_when_who_and_by_which_action(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    project.label([1, 2], 1, user="anna")
    monkeypatch.setattr(time, "time", lambda: 2000.0)
    project.label([1], UNSURE, user="ben", source="decision")
    first, second = project.history(1), project.history(2)
    assert first.index.name == "entry" and first.index.is_monotonic_increasing
    assert list(first.columns) == ["time", "old", "new", "source", "user", "action", "note"]
    assert [tuple(row) for row in first[["time", "old", "new", "source", "user"]].to_numpy()] == [
        (1000.0, 0, 1, "hand", "anna"),
        (2000.0, 1, UNSURE, "decision", "ben"),
    ]
    assert first["action"].iloc[0] == second["action"].iloc[0] < first["action"].iloc[1]
    assert project.users() == ["anna", "ben"]


def test_undoing_and_redoing_stand_in_the_history_under_their_names(project: Project) -> None:
    project.label([1], 2)
    project.undo()
    project.redo()
    assert list(project.history(1)["source"]) == ["hand", "undo", "redo"]
    assert list(project.history(1)["old"]) == [0, 2, 0] and list(project.history(1)["new"]) == [2, 0, 2]


def test_whoever_labels_first_is_told_first_whatever_the_alphabet_says(project: Project) -> None:
    for user in ("zoe", "adam", "zoe"):
        project.label([1], 1, user=user)
    assert project.users() == ["zoe", "adam"]


def test_the_newest_labels_come_first_and_only_classes_count(project: Project, mask: NDArray[np.int32]) -> None:
    assert project.labelled_last(3) == []
    for number, label in [(1, 1), (2, 2), (3, UNSURE), (4, 1), (1, 2)]:
        project.label([number], label)
    assert project.labelled_last(9) == [1, 4, 2]
    assert project.labelled_last(2) == [1, 4]
    project.label([4], UNLABELLED)
    assert project.labelled_last(2) == [1, 2]
    fresh = np.where(mask == 1, 0, mask).astype(np.int32)  # The object with the newest label is gone.
    project.set_objects(1, 0, boxes_of(fresh), fresh)
    assert project.labelled_last(9) == [2]


def test_the_newest_objects_are_those_of_a_range_of_labels(project: Project, mask: NDArray[np.int32]) -> None:
    project.label([1, 2, 3], 1)
    project.label([4], 2)
    assert project.newest_objects(2, 1, 1) == [3, 2]
    assert project.newest_objects(9, 1, 2) == [4, 3, 2, 1]
    assert project.newest_objects(9, 2, 2) == [4]
    assert project.newest_objects(9, 0, 0) == []
    fresh = np.where(mask == 4, 0, mask).astype(np.int32)
    project.set_objects(1, 0, boxes_of(fresh), fresh)
    assert project.newest_objects(9, 1, 2) == [3, 2, 1]


def test_an_object_is_labelled_by_whoever_gave_its_newest_label(project: Project) -> None:
    project.label([1, 2], 1, user="anna")
    project.label([1], 2, user="ben")
    run = project.new_run("gan", "dcgan", {}, class_id=1, groups=(), seed=0)
    patches = project.add_synthetic(run.id, "c", 1, 0, 0, np.zeros((2, 1, 16, 16), np.uint8))
    project.review(patches, "accepted")
    assert project.labelled_by() == {1: "ben", 2: "anna"}


def test_the_pace_is_of_the_window_and_never_of_less_than_ten_seconds(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in (1000.0, 1004.0):
        monkeypatch.setattr(time, "time", lambda at=at: at)
        project.label([1], 1)
        project.label([2], 1, source="import")
        project.undo()
    assert project.labels_per_minute() == 60 * 2 / 10
    monkeypatch.setattr(time, "time", lambda: 1300.0)
    assert project.labels_per_minute() == pytest.approx(60 * 2 / 300)
    monkeypatch.setattr(time, "time", lambda: 1300.5)
    assert project.labels_per_minute() == pytest.approx(60 / 296.5)
    assert project.labels_per_minute(window_s=1000) == pytest.approx(60 * 2 / 300.5)


def test_undoing_a_review_brings_the_reason_of_the_one_before_back(project: Project) -> None:
    run = project.new_run("gan", "dcgan", {}, class_id=1, groups=(), seed=0)
    patches = project.add_synthetic(run.id, "c", 1, 0, 0, np.zeros((1, 1, 16, 16), np.uint8))
    project.review(patches, "rejected", "blurred")
    project.review(patches, "accepted")
    assert project.undo() == patches
    assert project.synthetic()[["review", "reason"]].to_numpy().tolist() == [["rejected", "blurred"]]
