"""Notifications of ours do not pile up: a newer one takes the place of an older one, and a mistake is told once."""

from __future__ import annotations

from typing import Any

import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui


@pytest.fixture
def shown(session: Session, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> Any:
    """Return the texts on the screen, in napari's own notifications."""
    holder = QWidget()
    qtbot.addWidget(holder)

    def show(text: str) -> None:
        NapariQtNotification(text, "warning", parent=holder).show()

    for name in ("show_info", "show_warning"):
        monkeypatch.setattr(f"napari.utils.notifications.{name}", show)
    yield lambda: [notice.message.text() for notice in NapariQtNotification._instances]
    for notice in list(NapariQtNotification._instances):
        notice.close()


def test_a_newer_notice_takes_the_place_of_the_older_one_and_mistakes_stay(session: Session, shown: Any) -> None:
    session.inform("GAN · Dense: done.")
    session.report("The disk is full.")
    session.inform("GAN · Spread: done.")
    assert shown() == ["The disk is full.", "GAN · Spread: done."]
    session.report("The disk is full.")
    session.report("The image is gone.")
    assert sorted(shown()) == ["GAN · Spread: done.", "The disk is full.", "The image is gone."]


def test_the_keys_stay_where_they_were_when_a_notice_goes(session: Session, shown: Any, qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    field = QLineEdit()
    QVBoxLayout(window).addWidget(field)
    window.show()
    window.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus, timeout=2000)
    session.inform("first")
    field.setFocus()
    session.inform("second")
    qtbot.waitUntil(field.hasFocus, timeout=2000)


def test_of_one_kind_only_the_newest_notice_stays(session: Session, shown: Any) -> None:
    session.report("The disk is full.")
    for text in ("There is nothing to undo.", "There is nothing to redo.", "There is nothing to undo."):
        session.report(text, "undo")
    for key in "789":
        session.report(f"No class has the key {key}.", "key")
    assert shown() == ["The disk is full.", "There is nothing to undo.", "No class has the key 9."]
