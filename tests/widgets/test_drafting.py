from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_cellsynth.project.drafts import drafts
from napari_cellsynth.widgets.by_hand import ByHandPanel
from napari_cellsynth.widgets.segment import SegmentDock
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui


@pytest.fixture
def panel(session: Session, project_path: Path, qtbot: Any) -> ByHandPanel:
    """Frame 1 of sixteen squares, of which the first was deleted in the working copy."""
    made = ByHandPanel(session)
    qtbot.addWidget(made)
    session.open(project_path)
    made.set_correcting(True)
    made.copy.choose(1)
    made.tools["delete"].click()
    return made


def test_a_correction_that_was_not_taken_over_is_offered_when_the_project_is_opened_again(
    panel: ByHandPanel, session: Session, project_path: Path, said: list[str], qtbot: Any
) -> None:
    session.close_project()
    assert not panel.correcting
    dock = SegmentDock(session.viewer)
    qtbot.addWidget(dock)
    session.open(project_path)
    assert any("Not taken over yet" in text for text in said) and dock.hand.toggle.isChecked()
    assert dock.by_hand.waiting.text.text() == "Not taken over yet: frame 1."
    session.viewer.dims.set_point(0, 2)
    dock.by_hand.waiting.go.click()
    assert session.current_frame == 0 and 1 not in dock.by_hand.copy.labels and dock.by_hand.take.isEnabled()
    dock.by_hand.take.click()
    assert len(session.project.objects(frame=0)) == 15 and drafts(session.project) == []
    assert dock.by_hand.waiting.isHidden()


def test_a_correction_outlives_the_window(panel: ByHandPanel, session: Session, project_path: Path) -> None:
    session.shut_down()
    assert len(list((project_path / "drafts").iterdir())) == 1


def test_a_correction_is_written_once_the_hand_rests_and_a_discarded_one_leaves_nothing(
    panel: ByHandPanel, session: Session
) -> None:
    assert session.drafting._resting.isActive()
    session.drafting._resting.timeout.emit()
    assert len(drafts(session.project)) == 1
    panel.discard.click()
    assert drafts(session.project) == []


def test_a_correction_that_was_undone_to_its_beginning_leaves_no_draft(panel: ByHandPanel, session: Session) -> None:
    session.drafting.save()
    panel.copy.layer.undo()
    session.drafting.save()
    assert drafts(session.project) == [] and not panel.copy.is_changed()


def test_going_back_does_not_drop_a_correction_unsaid(panel: ByHandPanel) -> None:
    panel.take.click()
    panel.copy.choose(2)
    panel.tools["delete"].click()
    assert not panel.back.isEnabled() and "first" in panel.back.toolTip()


def test_a_full_disk_is_told(panel: ByHandPanel, session: Session, said: list[str]) -> None:
    (session.project.path / "drafts").write_text("in the way")
    session.drafting.save()
    assert any("cannot be kept" in text for text in said) and panel.copy.is_changed()


def test_who_corrects_in_a_project_that_is_gone_is_told_that_nothing_is_kept(
    panel: ByHandPanel, session: Session, project_path: Path, said: list[str]
) -> None:
    project_path.rename(project_path.with_name("away.cellsynth"))
    session.drafting.save()
    assert panel.how.text().startswith("This correction is not kept on the disk") and len(said) == 1
    panel.copy.choose(2)
    panel.tools["delete"].click()
    session.drafting.save()
    assert len(said) == 1  # once, and not at every rest of the hand
    project_path.with_name("away.cellsynth").rename(project_path)
    panel.copy.choose(3)
    panel.tools["delete"].click()
    session.drafting.save()
    assert "kept as a draft" in panel.how.text() and len(drafts(session.project)) == 1
