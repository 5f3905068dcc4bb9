"""The project menu's way back to a backup, and its check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QMenu, QMessageBox, QWidget

from napari_cellsynth.project.backups import back_up, backups
from napari_cellsynth.widgets.safety import add_actions
from napari_cellsynth.widgets.session import Session


@pytest.fixture
def told(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(session, "inform", lines.append)
    monkeypatch.setattr(session, "report", lambda error: lines.append(str(error)))
    return lines


def entry(menu: QMenu, text: str) -> Any:
    return next(action for action in menu.actions() if action.text() == text)


def test_going_back_opens_the_project_as_it_was(
    session: Session, project_path: Path, told: list[str], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.open(project_path)
    back_up(project_path)
    first = session.need_project().objects()["class_id"].copy()
    session.need_project().label([1], -1)
    parent = QWidget()
    qtbot.addWidget(parent)
    menu = QMenu(parent)
    add_actions(menu, session, parent)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    entry(menu, "Restore backup").menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: any("Restored the backup" in line for line in told))
    assert session.need_project().objects()["class_id"].equals(first)
    assert any(each.why == "before-restore" for each in backups(project_path))


def test_a_damaged_project_is_brought_back_from_the_menu(
    session: Session, project_path: Path, told: list[str], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(project_path)
    (project_path / "project.db").write_bytes(b"\0" * 5000)
    assert not session.open(project_path) and "backup" in told[-1]
    parent = QWidget()
    qtbot.addWidget(parent)
    menu = QMenu(parent)
    add_actions(menu, session, parent)
    monkeypatch.setattr(
        "napari_cellsynth.widgets.safety.QFileDialog.getExistingDirectory", lambda *_: str(project_path)
    )
    entry(menu, "Restore a project…").trigger()
    qtbot.waitUntil(lambda: session.project is not None)


def test_the_check_says_what_it_found(session: Session, project_path: Path, told: list[str], qtbot: Any) -> None:
    session.open(project_path)
    session.safety.check()
    qtbot.waitUntil(lambda: told[-1:] == ["The project is in order."])
    (project_path / "runs").mkdir(exist_ok=True)
    (project_path / "runs" / "gan-0009").mkdir()
    session.safety.check()
    qtbot.waitUntil(lambda: told[-1:] == ["runs/gan-0009 has no record."])


def test_a_day_later_a_copy_is_made_beside_the_open_window(session: Session, project_path: Path, qtbot: Any) -> None:
    session.open(project_path)
    session.need_project().label([1], -1)
    before = len(backups(project_path))
    session.safety.back_up()
    qtbot.waitUntil(lambda: len(backups(project_path)) > before)
