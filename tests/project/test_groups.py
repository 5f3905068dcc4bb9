from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project

BOX = pd.DataFrame({"y0": [0], "x0": [0], "y1": [9], "x1": [9]})


@pytest.fixture
def grouped(tmp_path: Path, new_series: Callable[..., Path]) -> Project:
    """Eight videos; class 1 in all of them, class 2 in the last three, class 3 in one alone."""
    project = Project.create(tmp_path / "g", classes=["a", "b", "c"])
    images = project.add_images([new_series(f"v{n}.tif", seed=n) for n in range(8)])
    for n, image in enumerate(images):
        project.label([project.add_boxes(image, frame, BOX)[0] for frame in range(3)], 1)
        if n >= 5:
            project.label(project.add_boxes(image, 0, BOX + 20), 2)
        if n == 2:
            project.label(project.add_boxes(image, 0, BOX + 40), 3)
    return project


@pytest.mark.parametrize("seed", range(5))
def test_whole_groups_are_held_out_and_every_class_stays_in_training(grouped: Project, seed: int) -> None:
    with grouped as project:
        splits = project.hold_out(fraction=0.25, seed=seed)
        test, training = project.test_objects(), project.training_objects()
        assert not set(test["group"]) & set(training["group"])
        assert {splits[group] for group in test["group"]} == {"test"}
        assert len(test) + len(training) == 28
        assert {1, 2} <= set(training["class_id"])
        assert {1, 2} <= set(test["class_id"])
        assert 0.15 <= len(test) / 28 <= 0.4
        assert project.hold_out(fraction=0.25, seed=seed) == splits
        with Project.open(project.path) as again:
            assert again.splits() == splits
            assert set(again.images()["split"]) == {"train", "test"}


def test_a_large_share_still_leaves_every_class_in_training(grouped: Project) -> None:
    with grouped as project:
        project.hold_out(fraction=0.9)
        assert {1, 2} <= set(project.training_objects()["class_id"])
        assert {1, 2} <= set(project.test_objects()["class_id"])


def test_reserved_and_missing_labels_are_in_neither_part(grouped: Project) -> None:
    with grouped as project:
        ids = list(project.objects().index)
        project.label(ids[:4], -1)
        project.label(ids[4:8], -2)
        project.label(ids[8:12], 0)
        project.hold_out()
        assert not {*ids[:12]} & {*project.training_objects().index, *project.test_objects().index}


def test_one_group_cannot_be_split(project: Project) -> None:
    with pytest.raises(UserError, match="Labels are in no group"):
        project.hold_out()
    project.label([1, 2], 1)
    with pytest.raises(UserError, match="Labels are in 1 group"):
        project.hold_out()
    with pytest.raises(UserError, match="between 0 and 1"):
        project.hold_out(fraction=1)
    assert len(project.training_objects()) == 2


def test_a_split_or_a_group_that_does_not_exist_is_refused(grouped: Project) -> None:
    with grouped as project:
        for wrong in ({"v0": "test", "nope": "test"}, {"v0": "test", "v1": "Test"}):
            with pytest.raises(UserError):
                project.set_split(wrong)
        assert set(project.splits().values()) == {""}


def test_a_fold_takes_its_groups_out_of_the_training(grouped: Project) -> None:
    with grouped as project:
        with pytest.raises(UserError, match="no fold 0"):
            project.training_objects(fold=0)
        project.set_split({"v7": "test"})
        project.set_folds({f"v{n}": n % 2 for n in range(7)})
        assert set(project.training_objects(fold=0)["group"]) == {"v1", "v3", "v5"}
        assert set(project.training_objects(fold=1)["group"]) == {"v0", "v2", "v4", "v6"}
        assert set(project.training_objects()["group"]) == {f"v{n}" for n in range(7)}
