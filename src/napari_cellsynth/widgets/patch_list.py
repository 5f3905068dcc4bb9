"""The grid of patches on the screen, and the rows of controls around it that break where the dock is narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QComboBox, QMenu, QSlider, QToolButton, QWidget
from superqt import QFlowLayout

from napari_cellsynth.widgets.gallery_model import ACCEPTED, REJECTED
from napari_cellsynth.widgets.patch_grid import PatchGrid

REASONS = ("artefact", "copy of a real one", "wrong class", "blurred", "cut off")


class PatchList(PatchGrid):
    """The grid of patches; A and R are verdicts."""

    verdict = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("patches")
        self.setToolTip("Whole bar: real. Broken bar: synthetic. Click, Shift and Ctrl select; A accepts, R rejects.")
        self.setAccessibleName("Patches")
        self.setMinimumHeight(60)

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Tell readers of the screen what the patch is."""
        super().currentChanged(current, previous)
        self.setAccessibleDescription(current.data(int(Qt.ItemDataRole.AccessibleTextRole)) or "")

    def rows_in_view(self) -> list[int]:
        """Return the rows that are on the screen to their middle at least; a low dock shows a part of the list only."""
        seen = self.viewport().visibleRegion().boundingRect()
        touched = [row for rows in self._rows_in(seen.translated(0, self.verticalOffset())) for row in rows]
        return [row for row in touched if seen.contains(self.visualRect(self.model().index(row, 0)).center())]

    def sizeHint(self) -> QSize:
        """Return a modest size: along the bottom of a laptop's window there is one row of patches."""
        return QSize(256, 78)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the verdict keys, which Qt would use to search by letter."""
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if not control and event.key() == Qt.Key.Key_A:
            self.verdict.emit(ACCEPTED)
        elif not control and event.key() == Qt.Key.Key_R:
            self.verdict.emit(REJECTED)
        else:
            super().keyPressEvent(event)


def choice_box(name: str, tooltip: str, texts: Iterable[str]) -> QComboBox:
    """Return a drop-down list of these texts; `name` is its objectName."""
    box = QComboBox()
    box.setObjectName(name)
    box.setToolTip(tooltip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    box.addItems(list(texts))
    return box


def may_shrink(box: QComboBox) -> QComboBox:
    """Let a drop-down list be narrower than its longest text, and return it: a dock must not grow by it."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    return box


def zoom_slider() -> QSlider:
    """Return the slider for the size of a patch on the screen, in pixels."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setObjectName("zoom")
    made.setToolTip("Size of a patch on the screen.")
    made.setRange(32, 192)
    made.setValue(52)
    made.setAccessibleName("Size of a patch")
    made.setFixedWidth(80)
    return made


def reason_menu(reject: Callable[[str], None]) -> QToolButton:
    """Return the button that offers reasons and rejects with the one that is chosen."""
    made = QToolButton()
    made.setObjectName("reason")
    made.setText("reason")
    made.setToolTip("Reject the selected patches and keep the reason.")
    made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    menu = QMenu(made)
    for text in REASONS:
        menu.addAction(text, lambda text=text: reject(text))
    made.setMenu(menu)
    return made


def refill(box: QComboBox, items: Sequence[tuple[str, Any]]) -> None:
    """Offer these (text, data) and keep the choice where it is still there."""
    if [(box.itemText(i), box.itemData(i)) for i in range(box.count())] == list(items):
        return
    first, before = box.count() == 0, box.currentData()
    box.clear()
    for text, data in items:
        box.addItem(text, data)
    box.setCurrentIndex(0 if first else max(0, box.findData(before)))


def flow_row(*widgets: QWidget) -> QWidget:
    """Return widgets in a row that breaks where the dock is narrow."""
    holder = QWidget()
    layout = QFlowLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget)
    return holder
