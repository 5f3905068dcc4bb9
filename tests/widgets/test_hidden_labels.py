"""What a person who must not know the labels is shown: in the Gallery, on the canvas, and by repeats in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt

from napari_cellsynth.widgets.gallery import GalleryDock
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.label_modes import BLIND, LABEL, MIXED
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(label_dock: LabelDock) -> LabelDock:
    return label_dock


def choose(dock: LabelDock, mode: str) -> None:
    dock.modes.box.setCurrentText(mode)
    dock.modes.box.activated.emit(dock.modes.box.currentIndex())


def test_the_gallery_and_the_canvas_tell_no_label_to_an_independent_labeller(
    dock: LabelDock, session: Session, said: list[str], qtbot: Any
) -> None:
    project = session.need_project()
    project.label([1, 2, 3], 1, user="ann")
    session.suggested = {4: (2, 0.9)}
    gallery = GalleryDock(session.viewer)
    qtbot.addWidget(gallery)
    gallery.show()
    gallery.show_objects([1, 2], "Dense taken for Spread")
    assert set(gallery.model.table["class_id"]) == {1}
    choose(dock, BLIND)
    # All objects, none with a class: which ones have a label is not told either.
    assert len(gallery.model.table) == 48 and set(gallery.model.table["class_id"]) == {0}
    assert "Dense taken" not in gallery.summary.text() and gallery.model.suggested == {}
    gallery.class_box.setCurrentIndex(gallery.class_box.findText("Dense"))
    gallery.refresh()
    assert len(gallery.model.table) == 48 and not gallery.class_box.isEnabled()
    gallery.show_objects([1], "Dense taken for Spread")
    gallery.patches.setCurrentIndex(gallery.model.index(0))
    gallery.labelling.give(2)
    assert [text for text in said if "Labels are hidden" in text] == [said[-2], said[-1]]
    assert project.labels_of([1, 2, 3]) == [1, 1, 1] and not gallery.labelling.label_as.isEnabled()
    assert set(session.layers.frame_objects()["label"]) == {0}
    choose(dock, LABEL)
    gallery.refresh()
    assert (gallery.model.table["class_id"] == 1).sum() == 3
    assert session.layers.frame_objects()["label"].tolist().count(1) == 3


@pytest.fixture
def repeating(dock: LabelDock, session: Session) -> LabelDock:
    """Thirty labels were given, and the next key is followed by a repeat of one of the first ten."""
    dock.facts.follow.setChecked(False)  # the canvas stays on the frame of the first sixteen
    session.need_project().label(list(range(1, 31)), 1)
    choose(dock, MIXED)
    dock.modes.repeats.draw()
    dock.modes.repeats.due_in = 1
    return dock


def test_an_earlier_crop_comes_again_without_its_label_and_the_answer_changes_nothing(
    repeating: LabelDock, session: Session, qtbot: Any
) -> None:
    project, queue = session.need_project(), repeating.queue
    session.suggested = dict.fromkeys(range(1, 49), (1, 0.9))
    before = queue.current.object_id
    qtbot.keyClick(repeating.stage, "2")
    asked = queue.current
    assert asked.repeated and asked.object_id <= 10 and asked.label == 0 and asked.object_id != before
    assert not repeating.classes.button(1).isChecked() and not repeating.facts.suggested.isVisible()
    frame = session.layers.frame_objects()
    assert asked.object_id in frame.index and frame.loc[asked.object_id, ["label", "predicted_id"]].tolist() == [0, 0]
    assert session.layers.objects.probabilities(asked.object_id) == []
    qtbot.keyClick(repeating.stage, "2")
    assert not queue.current.repeated and queue.current.label == 0
    assert project.repeats()[["object_id", "first", "second"]].values.tolist() == [[asked.object_id, 1, 2]]
    assert project.labels_of([asked.object_id]) == [1]
    assert session.layers.frame_objects().loc[asked.object_id, "label"] == 1
    qtbot.waitUntil(lambda: "0 % of 1 alike" in repeating.modes.told.text())
    qtbot.keyClick(repeating.stage, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert queue.current.repeated and queue.current.object_id == asked.object_id and project.repeats().empty


def test_an_arrow_leaves_a_repeat_and_the_queue_goes_on_where_it_was(repeating: LabelDock, qtbot: Any) -> None:
    qtbot.keyClick(repeating.stage, "2")
    place = repeating.queue.position
    assert repeating.queue.current.repeated
    qtbot.keyClick(repeating.stage, Qt.Key.Key_Right)
    assert repeating.queue.position == place and not repeating.queue.current.repeated


def test_nobody_is_asked_again_who_has_not_asked_for_it_and_the_wish_is_kept(
    dock: LabelDock, session: Session, project_path: Path, qtbot: Any
) -> None:
    session.need_project().label(list(range(1, 41)), 1)
    for _ in range(4):
        qtbot.keyClick(dock.stage, "2")
        assert not dock.queue.current.repeated
    choose(dock, MIXED)
    session.close_project()
    session.open(project_path)
    assert dock.modes.mode == MIXED
