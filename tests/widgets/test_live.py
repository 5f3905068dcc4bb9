"""Suggestions in the Label dock: switched on and off, seen under the crop and on the canvas, never in the way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari")

from qtpy.QtCore import QPoint, Qt

from napari_cellsynth.events import Failed, Finished, Progress, Suggestions
from napari_cellsynth.jobs.job import Job, PredictParameters
from napari_cellsynth.widgets.job_thread import start_process
from napari_cellsynth.widgets.label import LabelDock
from napari_cellsynth.widgets.label_queue import LEAST_CERTAIN
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui
SECONDS = 5000
BOX = QPoint(8, 8)  # a check box answers on its box and its words, not everywhere in its row


@pytest.fixture
def ids(session: Session, project_path: Any) -> np.ndarray:
    session.open(project_path)
    return session.need_project().objects().index.to_numpy(np.int64)


@pytest.fixture
def dock(session: Session, viewer: Any, qtbot: Any, ids: np.ndarray) -> LabelDock:
    made = LabelDock(viewer)
    qtbot.addWidget(made)
    made.resize(380, 700)
    made.show()
    return made


def told(ids: np.ndarray, class_id: int, confidence: Any, **figures: Any) -> Suggestions:
    sure = np.broadcast_to(np.asarray(confidence, np.float32), ids.shape)
    said = {"n_labels": 6, "score": None, "score_before": None} | figures
    return Suggestions(ids, np.full(len(ids), class_id), sure, **said)


def suggest(dock: LabelDock, qtbot: Any, fake_runs: list[Any], *script: Any) -> None:
    """Switch the suggestions on; the worker says these events and goes on."""
    dock.session.start_run.script = script
    qtbot.mouseClick(dock.live.switch, Qt.MouseButton.LeftButton, pos=BOX)
    qtbot.waitUntil(lambda: len(fake_runs) == 1)


def test_suggestions_stand_under_the_crop_and_colour_the_canvas_and_enter_accepts(dock, session, ids, qtbot, fake_runs):
    suggest(dock, qtbot, fake_runs, told(ids, 2, 0.75))
    qtbot.waitUntil(lambda: dock.facts.suggestion.text().split() == ["suggested", "Spread", "0.75"], timeout=SECONDS)
    assert dock.live.words.text() == "suggestions (pale) of 6 labels"
    frame = session.layers.frame_objects()
    assert set(frame["predicted_id"]) == {2} and np.allclose(frame["confidence"], 0.75)
    qtbot.keyClick(dock.stage, Qt.Key.Key_Return)
    assert session.need_project().history(int(ids[0]))[["new", "source"]].iloc[-1].tolist() == [
        2,
        "accepted prediction",
    ]


def test_the_score_and_what_the_last_labels_did_are_told(dock, ids, qtbot, fake_runs):
    suggest(dock, qtbot, fake_runs, told(ids, 2, 0.75, n_labels=1200, score=0.84, score_before=0.821))
    words = (
        "suggestions (pale) of 1,200 labels: balanced accuracy 0.84 on groups not learned from"
        " · the last 100 labels moved it by +1.9 points"
    )
    qtbot.waitUntil(lambda: dock.live.words.text() == words, timeout=SECONDS)


def test_predictions_just_made_are_not_covered_by_suggestions(dock, session, ids, qtbot, fake_runs):
    suggest(dock, qtbot, fake_runs, told(ids, 2, 0.75))
    qtbot.waitUntil(lambda: bool(session.suggested), timeout=SECONDS)
    done = SimpleNamespace(job=Job.of(session.need_project().path, PredictParameters()))
    session.job_event.emit(done, Finished({}))
    assert not session.suggested and "again with the next label" in dock.live.words.text()


def test_newer_suggestions_leave_the_object_in_view_and_what_was_read_of_it(dock, session, ids, qtbot, fake_runs):
    suggest(dock, qtbot, fake_runs, told(ids, 2, 0.75))
    qtbot.waitUntil(lambda: bool(session.suggested), timeout=SECONDS)
    session.suggested = dict.fromkeys(ids.tolist(), (1, 0.9))
    session.suggestions_changed.emit()
    assert dock.facts.suggestion.text().split() == ["suggested", "Spread", "0.75"]
    qtbot.keyClick(dock.stage, Qt.Key.Key_Return)
    assert session.need_project().objects()["class_id"].loc[ids[0]] == 2
    assert dock.facts.suggestion.text().split() == ["suggested", "Dense", "0.90"]


def test_the_least_certain_come_first_and_follow_newer_suggestions(dock, session, ids, qtbot, fake_runs):
    assert dock.order.findText(LEAST_CERTAIN) < 0
    suggest(dock, qtbot, fake_runs, told(ids, 2, np.linspace(0.9, 0.6, len(ids))))
    qtbot.waitUntil(lambda: dock.order.findText(LEAST_CERTAIN) >= 0, timeout=SECONDS)
    dock.order.setCurrentIndex(dock.order.findText(LEAST_CERTAIN))
    dock.order.activated.emit(dock.order.currentIndex())
    assert dock.queue.current.object_id == ids[-1]
    session.suggested = {int(number): (1, 0.9) for number in ids} | {int(ids[3]): (2, 0.51)}
    session.suggestions_changed.emit()
    qtbot.keyClick(dock.stage, "1")
    assert dock.queue.current.object_id == ids[3]


def test_switched_off_they_are_gone_and_the_worker_with_them(dock, session, ids, qtbot, fake_runs):
    suggest(dock, qtbot, fake_runs, told(ids, 2, 0.75))
    qtbot.waitUntil(lambda: bool(session.suggested), timeout=SECONDS)
    qtbot.mouseClick(dock.live.switch, Qt.MouseButton.LeftButton, pos=BOX)
    assert session.suggested == {} and not dock.facts.suggested.isVisible() and not dock.live.words.isVisible()
    qtbot.waitUntil(lambda: fake_runs[0].killed, timeout=SECONDS)
    assert set(session.layers.frame_objects()["predicted_id"]) == {0}


def test_another_project_gets_a_worker_of_its_own(dock, session, ids, qtbot, fake_runs, tmp_path):
    suggest(dock, qtbot, fake_runs, told(ids, 2, 0.75))
    qtbot.waitUntil(lambda: bool(session.suggested), timeout=SECONDS)
    session.start_run.script = ()
    session.create(tmp_path / "other.cellsynth")
    assert session.suggested == {} and fake_runs[0].stopped
    qtbot.waitUntil(lambda: len(fake_runs) == 2, timeout=SECONDS)
    assert fake_runs[1].job.project.name == "other.cellsynth"


def test_why_there_are_none_is_told_and_it_does_not_try_for_ever(dock, qtbot, fake_runs):
    dock.session.start_run.last = Failed("There are no objects to look at.", "Segment the images first.")
    suggest(dock, qtbot, fake_runs, Progress(9, 27, "objects"))
    qtbot.waitUntil(lambda: dock.live.words.text() == "Suggestions: 9 of 27 objects looked at", timeout=SECONDS)
    fake_runs[0].gate.set()
    qtbot.waitUntil(
        lambda: dock.live.words.text() == "No suggestions: There are no objects to look at.", timeout=SECONDS
    )
    assert len(fake_runs) == 1


def test_a_real_worker_notices_labels_and_ends_with_the_session(dock, session, ids, qtbot):
    session.start_run = start_process
    dock.live.live.want(True)
    for key in "121212":
        qtbot.keyClick(dock.stage, key)
    qtbot.waitUntil(lambda: len(session.suggested) == len(ids), timeout=120_000)
    worker = dock.live.live._worker._handle
    session.shut_down()
    assert worker.wait(0)


def test_who_has_labelled_two_classes_is_not_asked_to(dock, session, ids, qtbot, fake_runs):
    session.project.label([int(ids[0])], 1)
    session.project.label([int(ids[1])], 2)
    suggest(dock, qtbot, fake_runs, Progress(27, 27, "objects"))
    end = "the first suggestions come in a moment"
    qtbot.waitUntil(lambda: dock.live.words.text().endswith(end), timeout=SECONDS)


def test_who_has_labelled_one_class_is_told_which(dock, session, ids, qtbot, fake_runs):
    session.project.label([int(ids[0])], 1)
    suggest(dock, qtbot, fake_runs, Progress(27, 27, "objects"))
    end = "only Dense is labelled: label another class too"
    qtbot.waitUntil(lambda: dock.live.words.text().endswith(end), timeout=SECONDS)
