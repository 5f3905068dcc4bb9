"""napari's notifications of ours, of which a newer one takes an older one's place instead of piling up on it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from qtpy.QtWidgets import QApplication


def close_notices(texts: Collection[str]) -> None:
    """Close the notifications that say one of these; the focus stays where it is (napari would move it to the canvas).

    napari has no public way to take a notification back; where its own is another by then, nothing is closed.
    """
    try:
        from napari._qt.dialogs.qt_notification import NapariQtNotification

        shown: list[Any] = list(NapariQtNotification._instances)
        there = [notice for notice in shown if notice.message.text() in texts]
    except (ImportError, AttributeError):
        return
    focus = QApplication.focusWidget() if there else None
    for notice in there:
        notice.close()
    if focus is not None:
        focus.setFocus()
