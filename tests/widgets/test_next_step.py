"""One line says what to do next, in every dock, from an empty project to the evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_cellsynth.project import Project
from napari_cellsynth.widgets.classify import ClassifyDock
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.next_step import ENOUGH, NextStepRow, next_step, next_step_of
from napari_cellsynth.widgets.session import Session
from tests.widgets.conftest import make_project

pytestmark = pytest.mark.gui


def test_the_steps_come_in_the_order_of_the_work(tmp_path: Path) -> None:
    with Project.create(tmp_path / "empty.cellsynth") as project:
        assert next_step(project)[:2] == ("Segment", "add images")
    (tmp_path / "plain").mkdir()
    with Project.open(make_project(tmp_path / "plain", segmented=False)) as project:
        assert next_step(project)[:2] == ("Segment", "find the objects")
    (tmp_path / "unnamed").mkdir()
    with Project.open(make_project(tmp_path / "unnamed")) as project:
        for record in project.classes():
            project.delete_class(record.id)
        assert next_step(project)[:2] == ("Label", "add your classes (+ class), then label")
    with Project.open(make_project(tmp_path)) as project:
        ids = project.objects().index.tolist()
        assert next_step(project)[:2] == ("Label", f"label {ENOUGH} crops a class (0 so far)")
        project.label(ids[:ENOUGH], 1)
        project.label(ids[ENOUGH : 2 * ENOUGH - 1], 2)
        assert next_step(project)[:2] == ("Label", f"label {ENOUGH} crops a class ({2 * ENOUGH - 1} so far)")
        project.label(ids[: 2 * ENOUGH][-1:], 2)
        assert next_step(project).dock == "Train"
        gan = project.new_run("gan", "dcgan", {}, groups=["video"], class_id=1, seed=0)
        project.update_run(gan.id, "stopped")
        assert next_step(project)[:2] == ("Train", "train a GAN for each class")
        project.update_run(gan.id, "finished")
        assert next_step(project)[:2] == ("Train", "generate patches")
        [patch] = project.add_synthetic(gan.id, "best", 1, 0, 0, np.zeros((1, 1, 16, 16), np.uint8))
        assert next_step(project).dock == "Gallery"
        project.review([patch], "rejected", "blurred")
        assert next_step(project)[:2] == ("Classify", "train a classifier")
        run = project.new_run("classifier", "fast", {}, groups=["video"], seed=0)
        project.update_run(run.id, "finished")
        assert next_step(project)[:2] == ("Classify", "run it on all frames")
        project.set_predictions(run.id, ids, np.full((len(ids), 2), 0.5, np.float32), [1, 2])
        assert next_step(project).dock == "Evaluate"
        asked = project.new_run("experiment", "does-synthetic-help", {}, groups=["video"], seed=0)
        project.update_run(asked.id, "finished")
        assert next_step(project) is None


def test_who_trains_a_classifier_without_gans_is_not_sent_back_to_them(project_path: Path) -> None:
    with Project.open(project_path) as project:
        ids = project.objects().index.tolist()
        for class_id in (1, 2):
            project.label(ids[(class_id - 1) * ENOUGH : class_id * ENOUGH], class_id)
        run = project.new_run("classifier", "fast", {}, groups=["video"], seed=0)
        project.update_run(run.id, "finished")
        assert next_step(project).dock == "Classify"


def test_the_line_is_in_every_dock_and_its_button_raises_the_dock_of_the_step(
    session: Session, project_path: Path, qtbot: Any
) -> None:
    window = session.viewer.window
    docks = [LabelDock(session.viewer), ClassifyDock(session.viewer)]
    frames = [window.add_dock_widget(dock, name=type(dock).__name__, tabify=True) for dock in docks]
    rows = [dock.bar.findChild(NextStepRow) for dock in docks]
    assert all(row.isHidden() for row in rows)  # without a project the bar's own buttons are the next step
    session.open(project_path)
    next_step_of(session).look()
    assert {row.words.text() for row in rows} == {f"Next: label {ENOUGH} crops a class (0 so far)"}
    assert rows[0].go.isHidden() and not rows[1].go.isHidden() and rows[1].go.text() == "Label ›"
    frames[0].hide()
    rows[1].go.click()
    assert not frames[0].isHidden()
    session.close_project()
    assert all(row.isHidden() for row in rows)


def test_labels_move_the_line_on_after_a_burst(session: Session, project_path: Path, qtbot: Any) -> None:
    session.open(project_path)
    steps = next_step_of(session)
    steps.look()
    ids = session.project.objects().index.tolist()
    with qtbot.waitSignal(steps.changed, timeout=5000):
        for class_id in (1, 2):
            session.project.label(ids[(class_id - 1) * ENOUGH : class_id * ENOUGH], class_id)
    assert steps.step is not None and steps.step.dock == "Train"
