"""Asking again, labelling independently and settling disagreements in the Label dock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QSettings, Qt

from napari_cellsynth.jobs.agreement import between, self_agreement
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.label_modes import AGAIN, BLIND, LABEL, SETTLE
from napari_cellsynth.widgets.labeller import set_labeller
from napari_cellsynth.widgets.session import Session
from tests.widgets.conftest import current

pytestmark = pytest.mark.gui
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def dock(label_dock: LabelDock) -> LabelDock:
    return label_dock


def choose(dock: LabelDock, mode: str) -> None:
    dock.modes.box.setCurrentText(mode)
    dock.modes.box.activated.emit(dock.modes.box.currentIndex())


def pressed(dock: LabelDock) -> list[int]:
    return [c for c in (1, 2) if dock.classes.button(c).isChecked()]


def test_asked_again_a_person_does_not_see_the_label_and_does_not_change_it(
    dock: LabelDock, session: Session, qtbot: Any
) -> None:
    project = session.need_project()
    project.label(list(project.objects().index), 1)
    session.suggested = dict.fromkeys(project.objects().index, (1, 0.9))
    choose(dock, AGAIN)
    assert dock.queue is not None and 1 <= len(dock.queue) < 24
    asked = current(dock)
    assert pressed(dock) == [] and not dock.facts.suggested.isVisible()
    qtbot.keyClick(dock.stage, "2")
    assert project.labels_of([asked]) == [1] and self_agreement(project).agreed == 0
    qtbot.waitUntil(lambda: "0 % of 1 alike" in dock.modes.told.text())
    qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL)
    assert current(dock) == asked and len(project.repeats()) == 0 and project.labels_of([asked]) == [1]
    qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert self_agreement(project).n == 1
    choose(dock, LABEL)
    assert len(dock.queue) == 48 and dock.queue.class_of(asked) == 1


def test_a_second_labeller_is_blind_and_the_first_ones_labels_stay(
    dock: LabelDock, session: Session, tmp_path: Path, qtbot: Any
) -> None:
    project = session.need_project()
    ids = project.objects().sort_values(["image_id", "frame", "cy", "cx"]).index[:3].tolist()
    project.label(ids, 1, user="ann")
    set_labeller(session, QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat), "bob")
    assert project.user == "bob"
    choose(dock, BLIND)
    assert [current(dock), pressed(dock)] == [ids[0], []]
    assert dock.classes.button(1).text().split()[-1] == "0"
    for key in "122":
        qtbot.keyClick(dock.stage, key)
    assert project.labels_of(ids) == [1, 1, 1]
    found, differing = between(project, "ann", "bob")
    assert (found.n, found.agreed, len(differing)) == (3, 1, 2)
    assert dock.classes.button(2).text().split()[-1] == "2"
    dock.walk(-1)
    assert pressed(dock) == [2]


def test_disagreements_are_shown_with_both_answers_and_a_key_decides(
    dock: LabelDock, session: Session, said: list[str], qtbot: Any
) -> None:
    project = session.need_project()
    project.label([1, 2, 3], 1, user="ann")
    project.answer([1], 1, "independent", user="bob")
    project.answer([2, 3], 2, "independent", user="bob")
    choose(dock, SETTLE)
    assert dock.queue is not None and len(dock.queue) == 2 and current(dock) == 2
    assert dock.facts.both.text() == "ann: Dense · bob: Spread"
    qtbot.keyClick(dock.stage, "2")
    assert project.labels_of([2, 3]) == [2, 1] and current(dock) == 3
    qtbot.keyClick(dock.stage, "1")
    assert said[-1] == "All 2 disagreements are settled."
    assert [each.decided for each in between(project, "ann", "bob")[1]] == [True, True]
    assert between(project, "ann", "bob")[0].agreed == 1
    qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL)
    assert not between(project, "ann", "bob")[1][1].decided


def test_without_anything_to_compare_it_says_so_and_keys_do_nothing(
    dock: LabelDock, session: Session, said: list[str], qtbot: Any
) -> None:
    choose(dock, AGAIN)
    qtbot.keyClick(dock.stage, "1")
    assert "There are no labels" in said[0]
    choose(dock, SETTLE)
    assert "Nobody has labelled" in said[1]
    assert (session.need_project().objects()["label"] == 0).all()


def test_classes_are_merged_deleted_and_get_another_key_and_all_of_it_is_undone(
    dock: LabelDock, session: Session, said: list[str], qtbot: Any
) -> None:
    project = session.need_project()
    project.label([1, 2], 1)
    before = project.classes()
    dock.classes.merge_asked.emit(1, 2)
    assert [record.name for record in project.classes()] == ["Spread"] and project.labels_of([1, 2]) == [2, 2]
    qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL)
    dock.classes.key_asked.emit(1, "7")
    dock.walk(9)
    qtbot.keyClick(dock.stage, "7")
    assert project.label_counts()[1] == 3
    dock.classes.delete_asked.emit(2)
    assert len(project.classes()) == 1
    for _ in range(3):
        qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL)
    assert project.classes() == before and "change of the classes" in said[-1]
    dock.classes.delete_asked.emit(1)
    assert "Dense has 2 objects" in said[-1] and project.classes() == before


def test_two_hundred_labels_by_keys_are_undone_and_redone_after_a_restart(
    dock: LabelDock, session: Session, project_path: Path, qtbot: Any
) -> None:
    import numpy as np
    import pandas as pd

    project = session.need_project()
    corner = np.arange(200) % 100
    project.add_boxes(1, 0, pd.DataFrame({"y0": corner, "x0": np.arange(200) // 2, "y1": corner + 24, "x1": 124}))
    given = []
    for number in range(200):
        given.append(current(dock))
        qtbot.keyClick(dock.stage, "12"[number % 2])
        assert project.labels_of([given[-1]]) == [1 + number % 2] and current(dock) != given[-1]
    assert len(set(given)) == 200  # never an object twice
    session.open(project_path)
    project = session.need_project()
    for number in reversed(range(200)):
        qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL)
        assert current(dock) == given[number]
    assert (project.objects()["label"] == 0).all()
    session.open(project_path)
    project = session.need_project()
    for number in range(200):
        qtbot.keyClick(dock.stage, Qt.Key.Key_Z, CONTROL | SHIFT)
        assert current(dock) == given[number]
    assert project.labels_of(given) == [1, 2] * 100
