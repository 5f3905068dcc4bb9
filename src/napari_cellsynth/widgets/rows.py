"""Widgets side by side."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QWidget


def row_of(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Return a row of widgets; the one at index `stretch` takes the room that is left (else the end does)."""
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for i, widget in enumerate(widgets):
        row.addWidget(widget, int(i == stretch))
    if stretch is None:
        row.addStretch(1)
    return row
