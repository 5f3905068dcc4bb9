"""Edits of classes and their undo; `project` has classes and objects (see conftest)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.checking import check


@pytest.fixture
def place(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 200), np.uint8))
    with Project.create(tmp_path / "p", classes=["Dense", "Spread"]) as project:
        [image] = project.add_images([tmp_path / "a.tif"])
        left = np.arange(6) * 30
        project.add_boxes(image, 0, pd.DataFrame({"y0": 2, "x0": left, "y1": 20, "x1": left + 20}))
        return project.path


def names(project: Project) -> list[tuple[int, str, str]]:
    return [(record.id, record.name, record.key) for record in project.classes()]


def labels(project: Project) -> list[int]:
    return project.objects()["class_id"].tolist()


def test_every_edit_is_undone_and_redone_in_order_after_a_restart(place: Path) -> None:
    with Project.open(place) as project:
        states = [project.classes()]

        def done() -> None:
            states.append(project.classes())

        debris = project.add_class("Debris")
        done()
        project.rename_class(1, "Compact")
        done()
        project.recolor_class(2, "#123456")
        done()
        project.set_class_key(debris, "1")
        done()
        assert names(project) == [(1, "Compact", "3"), (2, "Spread", "2"), (3, "Debris", "1")]
        project.delete_class(debris)
        done()
    for state in reversed(states[:-1]):
        with Project.open(place) as project:
            step = project.undo_step()
            assert step is not None and step.kind == "class" and step.class_ids and not step.targets
            assert project.classes() == state
    with Project.open(place) as project:
        assert project.undo_step() is None
        for state in states[1:]:
            assert project.redo_step() is not None
            assert project.classes() == state
        assert project.redo_step() is None
    assert [found.message for found in check(place) if "backup" not in found.message] == []


def test_the_first_classes_and_imported_ones_are_no_steps_of_undo(place: Path) -> None:
    with Project.open(place) as project:
        assert project.undo_step() is None and len(names(project)) == 2


def test_a_rename_is_undone_under_a_label_that_another_person_gave_meanwhile(place: Path) -> None:
    with Project.open(place) as ann, Project.open(place) as bob:
        ann.user, bob.user = "ann", "bob"
        ann.rename_class(1, "Compact")
        bob.label([1], 1)
        assert ann.undo_step() is not None
        assert names(bob)[0][1] == "Dense" and labels(bob)[0] == 1
        assert bob.undo() == [1] and labels(ann)[0] == 0


def test_an_edit_that_somebody_has_edited_since_stays(place: Path) -> None:
    with Project.open(place) as ann, Project.open(place) as bob:
        ann.user, bob.user = "ann", "bob"
        ann.rename_class(1, "Compact")
        bob.rename_class(1, "Tight")
        assert ann.undo_step() is None and names(ann)[0][1] == "Tight"


def test_a_name_that_was_taken_meanwhile_is_not_given_twice(place: Path) -> None:
    with Project.open(place) as ann, Project.open(place) as bob:
        ann.user, bob.user = "ann", "bob"
        ann.rename_class(1, "Compact")
        bob.add_class("Dense")
        assert ann.undo_step() is None
        assert sorted(name for _, name, _ in names(ann)) == ["Compact", "Dense", "Spread"]


def test_a_class_that_others_use_meanwhile_does_not_go_by_undo(place: Path) -> None:
    with Project.open(place) as ann, Project.open(place) as bob:
        ann.user, bob.user = "ann", "bob"
        debris = ann.add_class("Debris")
        bob.label([2], debris)
        assert ann.undo_step() is None and len(names(ann)) == 3 and labels(ann)[1] == debris


def test_merging_moves_the_labels_and_undo_moves_just_these_back(place: Path) -> None:
    with Project.open(place) as project:
        project.label([1, 2], 1)
        project.label([3], 2)
        assert project.merge_class(1, 2) == 2
        assert labels(project)[:4] == [2, 2, 2, 0] and names(project) == [(2, "Spread", "2")]
        assert project.label_words(1).startswith("Dense")
        assert project.add_class("Dense") == 3  # its name is free, its id is not
        project.undo()
        assert project.undo() == [1, 2]
        assert labels(project)[:4] == [1, 1, 2, 0] and names(project) == [(1, "Dense", "1"), (2, "Spread", "2")]
        assert project.redo() == [1, 2] and labels(project)[:3] == [2, 2, 2]
        assert [found.message for found in check(place) if "backup" not in found.message] == []


def test_predictions_of_a_merged_class_add_up(place: Path) -> None:
    with Project.open(place) as project:
        third = project.add_class("Debris")
        p = np.array([[0.4, 0.35, 0.25], [0.1, 0.2, 0.7]], np.float32)
        project.set_predictions("run-1", [1, 2], p, [1, 2, third])
        project.merge_class(2, third)
        told = project.predictions()
        assert told["class_id"].tolist() == [third, third]
        assert told["confidence"].tolist() == pytest.approx([0.6, 0.9])
        project.delete_class(1)
        assert list(project.predictions().filter(like="p_")) == ["p_Debris"]
        project.undo(), project.undo()
        assert project.predictions()["class_id"].tolist() == [1, third]


def test_an_old_label_comes_back_as_the_class_that_its_own_was_merged_into(place: Path) -> None:
    with Project.open(place) as ann, Project.open(place) as bob:
        ann.user, bob.user = "ann", "bob"
        ann.label([1], 1)
        ann.label([1], 0)
        third = bob.add_class("Debris")
        bob.merge_class(1, third)
        assert ann.undo() == [1] and labels(ann)[0] == third
        assert ann.undo() == [1] and labels(ann)[0] == 0


def test_a_change_between_classes_that_are_one_by_now_is_no_step_of_its_own(place: Path) -> None:
    with Project.open(place) as ann, Project.open(place) as bob:
        ann.user, bob.user = "ann", "bob"
        ann.label([1], 1)
        ann.label([1], 2)
        bob.merge_class(1, 2)
        assert ann.undo() == [1] and labels(ann)[0] == 0
        assert ann.undo() == []


def test_the_review_of_a_patch_is_undone_whatever_became_of_the_classes(place: Path) -> None:
    with Project.open(place) as ann, Project.open(place) as bob:
        ann.user, bob.user = "ann", "bob"
        run = ann.new_run("gan", "dcgan", {}, class_id=2, groups=(), seed=0)
        patches = ann.add_synthetic(run.id, "c", 2, 0, 0, np.zeros((2, 1, 16, 16), np.uint8))
        ann.review(patches, "accepted")
        bob.merge_class(1, 2)
        assert ann.undo() == patches and ann.synthetic()["review"].tolist() == ["", ""]
        assert ann.redo() == patches and ann.synthetic()["review"].tolist() == ["accepted", "accepted"]


def test_several_classes_of_an_object_are_merged_into_one_or_fewer(place: Path) -> None:
    with Project.open(place) as project:
        project.set_multi_label(True)
        third = project.add_class("Debris")
        project.label([1], [1, 2])
        project.label([2], [1, third])
        project.label([3], [2, third])
        assert project.merge_class(1, 2) == 2
        has = [project.classes_of(label) for label in project.objects()["label"].tolist()[:3]]
        assert has == [(2,), (2, third), (2, third)]
        project.undo()
        has = [project.classes_of(label) for label in project.objects()["label"].tolist()[:3]]
        assert has == [(1, 2), (1, third), (2, third)]


def test_a_label_of_a_merged_class_that_was_lost_in_segmenting_comes_back_as_its_heir(tmp_path: Path) -> None:
    from napari_cellsynth.imaging.crop import boxes_of

    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 60), np.uint8))
    with Project.create(tmp_path / "p", classes=["Dense", "Spread"]) as project:
        project.add_images([tmp_path / "a.tif"])
        mask = np.zeros((40, 60), np.int32)
        mask[2:20, 2:20] = 1
        project.set_objects(1, 0, boxes_of(mask), mask)
        project.label([1], 1)
        project.set_objects(1, 0, boxes_of(0 * mask), 0 * mask)
        with pytest.raises(UserError, match="1 objects"):
            project.delete_class(1)
        project.merge_class(1, 2)
        project.set_objects(1, 0, boxes_of(mask), mask)
        assert labels(project) == [2]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda p: p.delete_class(1), "Dense has 1 objects"),
        (lambda p: p.merge_class(1, 1), "itself"),
        (lambda p: p.merge_class(1, 9), "no class with the id 9"),
        (lambda p: p.delete_class(7), "no class with the id 7"),
        (lambda p: p.set_class_key(1, "0"), "no key"),
        (lambda p: p.set_class_key(1, "12"), "no key"),
        (lambda p: p.rename_class(1, "Spread"), "already"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(place: Path, edit: object, said: str) -> None:
    with Project.open(place) as project:
        project.label([1], 1)
        with pytest.raises(UserError, match=said):
            edit(project)  # type: ignore[operator]
        assert names(project) == [(1, "Dense", "1"), (2, "Spread", "2")]
        assert project.undo() == [1]
