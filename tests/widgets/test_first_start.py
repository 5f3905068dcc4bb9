"""The sample for a first look: offered while no project is open, made by a process, opened when it is whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("napari")

from qtpy.QtCore import Qt

from napari_cellsynth.widgets import first_start
from napari_cellsynth.widgets.first_start import STEPS, SampleRow, sample_of

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    place = tmp_path / "documents" / "CellSynth sample"
    monkeypatch.setattr(first_start, "sample_folder", lambda: place)
    return place


@pytest.fixture
def row(session, folder, qtbot):
    made = SampleRow(session)
    qtbot.addWidget(made)
    made.show()
    return made


def play(monkeypatch, code: str) -> None:
    """Let the process run this in place of the demo."""
    monkeypatch.setattr(first_start, "_MAIN", code)


def test_it_is_made_with_its_steps_told_and_opened(row, session, folder, project_path, monkeypatch, qtbot) -> None:
    shutil.copytree(project_path, folder / "demo.cellsynth")
    play(
        monkeypatch,
        f"assert sys.argv[1:] == ['demo', '--preset', 'smoke', '--out', {str(folder)!r}]; "
        "print('· simulate', flush=True); print('1/8 frames', file=sys.stderr); "
        "print('· train on real crops + 16', flush=True); "
        f"open({str(folder / 'result.json')!r}, 'w').write('done')",
    )
    steps = []
    sample_of(session).changed.connect(lambda: steps.append((row.words.text(), row.bar.value())))
    with qtbot.waitSignal(session.project_changed, timeout=30_000):
        qtbot.mouseClick(row.button, LEFT)
        assert row.stop.isVisible() and not row.button.isVisible()
    assert ("Sample: train on real crops + 16", STEPS.index("train on real crops +")) in steps
    assert session.project.path == folder / "demo.cellsynth"
    assert row.isHidden()


def test_one_that_was_made_before_is_opened_at_once(row, session, folder, project_path, qtbot) -> None:
    shutil.copytree(project_path, folder / "demo.cellsynth")
    (folder / "result.json").write_text(json.dumps({}))
    qtbot.mouseClick(row.button, LEFT)
    assert session.project.path == folder / "demo.cellsynth"
    session.close_project()
    assert row.isVisible() and row.button.isVisible()


def test_a_failure_is_one_line_with_a_way_out(row, session, folder, monkeypatch, said, qtbot) -> None:
    play(monkeypatch, "sys.exit('error: the disk is full')")
    with qtbot.waitSignal(sample_of(session).changed, timeout=5000):
        qtbot.mouseClick(row.button, LEFT)
    qtbot.waitUntil(lambda: bool(said), timeout=30_000)
    assert said == ["The sample could not be made: the disk is full. Try: napari-cellsynth demo"]
    assert row.button.isVisible()


def test_it_can_be_stopped_and_ends_with_the_window(row, session, folder, monkeypatch, said, qtbot) -> None:
    play(monkeypatch, "import time; time.sleep(60)")
    qtbot.mouseClick(row.button, LEFT)
    qtbot.mouseClick(row.stop, LEFT)
    assert row.button.isVisible() and not sample_of(session).busy
    qtbot.mouseClick(row.button, LEFT)
    session.shut_down()
    assert not sample_of(session).busy and not said


def test_all_docks_of_a_window_share_one(row, session, qtbot) -> None:
    other = SampleRow(session)
    qtbot.addWidget(other)
    assert other._sample is row._sample
