from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from sklearn.metrics import cohen_kappa_score

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.jobs.agreement import between, labellers, self_agreement
from napari_cellsynth.project import Project


@pytest.fixture
def place(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 1300), np.uint8))
    with Project.create(tmp_path / "p", classes=["Dense", "Spread"]) as project:
        [image] = project.add_images([tmp_path / "a.tif"])
        left = np.arange(40) * 30
        project.add_boxes(image, 0, pd.DataFrame({"y0": 2, "x0": left, "y1": 20, "x1": left + 20}))
        return project.path


def test_a_repeat_keeps_the_first_label_and_tells_self_agreement(place: Path) -> None:
    with Project.open(place) as project:
        project.user = "ann"
        project.label(list(range(1, 21)), 1)
        project.label(list(range(21, 41)), 2)
        again = project.to_repeat(share=0.25)
        assert 1 <= len(again) < 20 and again == project.to_repeat(share=0.25)
        for place_, number in enumerate(again):
            project.answer([number], 2 if place_ == 0 else project.labels_of([number])[0], "repeat")
        assert project.labels_of([1, 40]) == [1, 2]
        told = project.repeats()
        found = self_agreement(project)
        assert found.n == len(again) and found.agreed == (told["first"] == told["second"]).sum()
        assert found.kappa.estimate == pytest.approx(cohen_kappa_score(told["first"], told["second"]), nan_ok=True)
        assert project.undo() == [again[-1]] and self_agreement(project).n == len(again) - 1
    with Project.open(place) as project:
        project.user = "ann"
        assert project.redo() == [again[-1]] and self_agreement(project).n == len(again)
        assert project.labels_of([1, 40]) == [1, 2]


def test_two_people_at_once_keep_their_own_labels_and_are_compared_where_one_was_blind(place: Path) -> None:
    with Project.open(place) as ann, Project.open(place) as bob:
        ann.user, bob.user = "ann", "bob"
        a, b = [1] * 20 + [2] * 20, [1] * 15 + [2] * 5 + [2] * 18 + [-1] * 2
        for number, (first, second) in enumerate(zip(a, b, strict=True), start=1):
            ann.label([number], first)
            bob.answer([number], second, "independent")
        assert ann.objects()["class_id"].tolist() == a
        found, differing = between(bob, "ann", "bob")
        assert found.kappa.estimate == pytest.approx(cohen_kappa_score(a, b))
        assert [d.object_id for d in differing] == [*range(16, 21), 39, 40]
        assert not any(d.decided for d in differing)
        ann.label([16], 2, source="decision")
        found, differing = between(ann, "ann", "bob")
        # A decision is nobody's independent opinion: the figures stay.
        assert found.agreed == 33 and [d.decided for d in differing] == [True] + [False] * 6
        ann.undo()
        assert not between(ann, "ann", "bob")[1][0].decided
        assert labellers(ann) == ["ann", "bob"]


def test_labels_given_with_the_others_in_view_are_not_compared(place: Path) -> None:
    with Project.open(place) as project:
        project.label([1, 2], 1, user="ann")
        project.label([1, 2], 2, user="bob")
        with pytest.raises(UserError, match="without seeing"):
            between(project, "ann", "bob")
        project.answer([1], 2, "independent", user="bob")
        assert between(project, "ann", "bob")[0].n == 1


def test_what_was_undone_or_taken_back_is_no_opinion(place: Path) -> None:
    with Project.open(place) as project:
        project.user = "ann"
        project.label([1, 2, 3], 1)
        project.label([1], 2)
        project.undo()
        project.label([2], 0)
        said = project.opinions()
        assert dict(zip(said["object_id"], said["label"], strict=True)) == {1: 1, 3: 1}
        project.label([4], 1, source="import")
        assert "import" in labellers(project)


def test_opinions_follow_an_object_that_is_segmented_again(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 90), np.uint8))
    with Project.create(tmp_path / "p", classes=["Dense", "Spread"]) as project:
        project.add_images([tmp_path / "a.tif"])
        mask = np.zeros((40, 90), np.int32)
        mask[2:20, 2:20], mask[2:20, 40:60] = 1, 2
        project.set_objects(1, 0, boxes_of(mask), mask)
        project.label([1, 2], 1, user="ann")
        project.answer([1, 2], 2, "independent", user="bob")
        mask[:] = 0
        mask[2:20, 3:21] = 1  # the first one moved by a pixel, the second one is gone
        project.set_objects(1, 0, boxes_of(mask), mask)
        [heir] = project.objects().index.tolist()
        assert heir not in (1, 2)
        found, [differing] = between(project, "ann", "bob")
        assert found.n == 1 and (differing.object_id, differing.first, differing.second) == (heir, 1, 2)


def test_merged_classes_are_one_in_the_comparison(place: Path) -> None:
    with Project.open(place) as project:
        project.label([1, 2], 1, user="ann")
        project.answer([1, 2], 2, "independent", user="bob")
        project.merge_class(1, 2)
        assert between(project, "ann", "bob")[0].agreed == 2


def test_sets_of_classes_are_compared_as_wholes(tmp_path: Path, place: Path) -> None:
    with Project.open(place) as project:
        project.set_multi_label(True)
        project.label([1, 2], [1, 2], user="ann")
        project.answer([1], [2, 1], "independent", user="bob")
        project.answer([2], [2], "independent", user="bob")
        assert between(project, "ann", "bob")[0].agreed == 1


def test_mistakes_are_one_sentence(place: Path) -> None:
    with Project.open(place) as project:
        for ask, said in (
            (lambda: between(project, "ann", "bob"), "ann has labelled nothing"),
            (lambda: self_agreement(project), "not been asked again"),
            (lambda: project.answer([99], 1, "repeat"), "no active object 99"),
            (lambda: project.answer([1], 9, "repeat"), "no class"),
        ):
            with pytest.raises(UserError, match=said):
                ask()
        assert project.to_repeat() == []


def test_mixed_in_are_own_labels_that_were_not_asked_again_and_not_the_newest(project: Project) -> None:
    ids = project.objects().index.tolist()
    first, second, third, *rest = ids
    project.label([first, second], 1, user="ann")
    project.label(rest, 1, user="bob")
    project.label([third], 1, user="ann")
    assert sorted(project.to_mix_in(9, after=0, user="ann")) == sorted([first, second, third])
    assert sorted(project.to_mix_in(9, after=1, user="ann")) == sorted([first, second])
    project.answer([first], 2, "repeat", user="ann")
    project.label([second], 2, user="bob")
    assert project.to_mix_in(9, after=0, user="ann") == [third]
    assert project.to_mix_in(9, after=20, user="ann") == [] and len(project.to_mix_in(1, after=0, user="bob")) == 1
