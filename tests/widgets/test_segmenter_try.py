from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_cellsynth.events import Failed, Finished, Outlined
from napari_cellsynth.imaging import segmenters
from napari_cellsynth.widgets.segment import SegmentDock
from napari_cellsynth.widgets.session import Session
from tests.widgets.conftest import SIDE, FakeRun
from tests.widgets.test_method import foreign

pytestmark = pytest.mark.gui
LABELS = np.zeros((SIDE, SIDE), np.int32)
LABELS[5:30, 5:30], LABELS[60:90, 60:90] = 1, 2


@pytest.fixture
def dock(session: Session, project_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> Iterator[SegmentDock]:
    """The dock with the method of another package chosen."""
    points = [EntryPoint("foreign", f"{foreign.__module__}:foreign", "napari_cellsynth.segmenters")]
    monkeypatch.setattr(segmenters.plugged, "named", lambda group: points)
    segmenters.segmenter.cache_clear()
    made = SegmentDock(session.viewer)
    qtbot.addWidget(made)
    made.show()
    session.open(project_path)
    session.viewer.dims.set_point(0, 2)
    made.method.method.setCurrentIndex(made.method.method.findData("foreign"))
    yield made
    segmenters.segmenter.cache_clear()


def test_a_press_tries_the_method_on_the_frame_in_view_and_writes_nothing(
    dock: SegmentDock, session: Session, fake_runs: list[FakeRun], qtbot: Any
) -> None:
    FakeRun.script, FakeRun.last = (Outlined(LABELS, 2.5),), Finished({"objects": 2})
    assert dock.tried.button.text() == "Try on frame 3" and not dock.live.isVisible()
    dock.tried.button.click()
    assert dock.tried.button.text() == "Stop"
    with qtbot.waitSignal(dock.tried.computed):
        pass
    parameters = fake_runs[0].job.parameters
    assert (fake_runs[0].job.kind, parameters["method"], parameters["frames"]) == ("try-segment", "foreign", [2])
    assert session.layers.ours("preview").data.max() == 2 and dock.result.text() == "2 objects · 2.5 s"
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: not dock.tried.busy)
    assert dock.tried.button.text() == "Try on frame 3" and len(session.project.objects()) == 48
    dock.method._other.setValue({"diameter": 12.0})
    assert session.layers.ours("preview") is None and len(fake_runs) == 1 and session.layers.objects_layer.visible


def test_a_try_is_ended_by_the_same_button_and_by_another_frame(
    dock: SegmentDock, session: Session, fake_runs: list[FakeRun], qtbot: Any
) -> None:
    for end in (dock.tried.button.click, lambda: session.viewer.dims.set_point(0, 0)):
        started = len(fake_runs)
        dock.tried.button.click()
        qtbot.waitUntil(lambda started=started: len(fake_runs) > started)
        end()
        assert not dock.tried.busy and dock.result.text() == ""
        qtbot.waitUntil(lambda: fake_runs[-1].stopped)
        assert session.layers.ours("preview") is None


def test_what_a_method_says_where_it_fails_stands_in_the_dock(
    dock: SegmentDock, fake_runs: list[FakeRun], qtbot: Any
) -> None:
    FakeRun.last = Failed("foreign failed on video, frame 2: no weights", "Install them.")
    dock.tried.button.click()
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: "no weights. Install them." in dock.problem.text() or "no weights" in dock.problem.text())
    assert dock.problem.isVisible() and not dock.tried.busy
