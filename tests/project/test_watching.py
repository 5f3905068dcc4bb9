"""What a second connection changes is told by `catch_up`, each subject by its own signal, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from tests.project.conftest import write_series

SIGNALS = ("labels", "objects", "images", "classes", "synthetic", "runs", "predictions")


@pytest.fixture
def other(project: Project) -> Iterator[Project]:
    with Project.open(project.path) as opened:
        yield opened


@pytest.fixture
def told(project: Project) -> dict[str, Any]:
    """What the first connection has told, by subject, after it has looked for the first time."""
    seen: dict[str, Any] = {}
    for name in SIGNALS:
        getattr(project, f"{name}_changed").connect(lambda *args, name=name: seen.update({name: args}))
    project.catch_up()
    assert not seen
    return seen


def test_labels_are_told_with_their_objects(project: Project, other: Project, told: dict[str, Any]) -> None:
    other.label([2, 3], 1)
    project.catch_up()
    assert told == {"labels": ([2, 3],)}
    told.clear()
    project.catch_up()
    assert told == {}


def roll(other: Project, mask: NDArray[np.int32]) -> None:
    moved = np.roll(mask, 30, axis=0)
    other.set_objects(1, 0, boxes_of(moved), moved)


CHANGES: dict[str, Callable[[Project, NDArray[np.int32]], object]] = {
    "classes": lambda other, mask: other.rename_class(1, "Other"),
    "objects": roll,
    "images": lambda other, mask: other.add_images([write_series(Path(other.path).parent / "more.tif", seed=7)]),
    "runs": lambda other, mask: other.new_run("gan", "dcgan", {}, class_id=1, groups=[], seed=0),
}


@pytest.mark.parametrize("subject", CHANGES)
def test_each_subject_has_its_own_signal(
    project: Project, other: Project, told: dict[str, Any], mask: NDArray[np.int32], subject: str
) -> None:
    CHANGES[subject](other, mask)
    project.catch_up()
    assert set(told) == {subject}


def test_what_is_left_is_told_later(project: Project, other: Project, told: dict[str, Any]) -> None:
    other.label([2], 1)
    other.add_class("Third")
    project.catch_up(leave=("labels_changed",))
    assert set(told) == {"classes"}
    told.clear()
    project.catch_up()
    assert told == {"labels": ([2],)}
