"""The grid of patches on the screen, and the rows of controls around it that break where the dock is narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QComboBox, QListView, QMenu, QSlider, QToolButton, QWidget
from superqt import QFlowLayout

from napari_cellsynth.widgets.gallery_model import ACCEPTED, REJECTED


class PatchList(QListView):
    """The grid of patches; A and R are verdicts."""

    verdict = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("patches")
        self.setToolTip("Whole bar: real. Broken bar: synthetic. Click, Shift and Ctrl select; A accepts, R rejects.")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(1000)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMinimumHeight(60)

    def selected_rows(self) -> list[int]:
        """Return the selected rows, first to last; from ranges, since one index each would be slow."""
        chosen = self.selectionModel().selection()
        return sorted({row for part in chosen for row in range(part.top(), part.bottom() + 1)})

    def rows_in_view(self) -> list[int]:
        """Return the rows that are on the screen to their middle at least; a low dock shows a part of the list only."""
        model = self.model()
        count, seen = (0 if model is None else model.rowCount()), self.viewport().visibleRegion().boundingRect()

        def first(below: int) -> int:
            """Return the first row with its middle below a height; rows are laid out from top to bottom."""
            low, high = 0, count
            while low < high:
                middle = (low + high) // 2
                if self.visualRect(model.index(middle, 0)).center().y() < below:
                    low = middle + 1
                else:
                    high = middle
            return low

        rows = []
        for row in range(first(seen.top()), count):
            if self.visualRect(model.index(row, 0)).center().y() > seen.bottom():
                break
            rows.append(row)
        return rows

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
    made.setValue(64)
    made.setFixedWidth(90)
    return made


def reason_menu(reasons: Sequence[str], reject: Callable[[str], None]) -> QToolButton:
    """Return the button that offers reasons and rejects with the one that is chosen."""
    made = QToolButton()
    made.setObjectName("reason")
    made.setText("reason")
    made.setToolTip("Reject the selected patches and keep the reason.")
    made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    menu = QMenu(made)
    for text in reasons:
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
