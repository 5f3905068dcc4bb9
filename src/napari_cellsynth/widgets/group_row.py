"""What a group is, chosen in words, and told on the images that are there before others are added."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.groups import groups_in_words
from napari_cellsynth.project.images import group_of
from napari_cellsynth.widgets.dock import label, set_property
from napari_cellsynth.widgets.patch_list import may_shrink

CHOICES = {
    "each series": "",
    "images of a folder": r"([^/]+)/[^/]+$",
    "names alike up to _ or -": r"([^/_.\- ]+)[^/]*$",
    "a well (A1 … P24)": r"(?<![A-Za-z0-9])([A-P]\d{1,2})(?![0-9])",
}
"""What a group may be, and the expression that finds it in a path."""

BY_PATTERN = "by a pattern…"
TIP = (
    "What belongs together: a video, a slide, a well, an animal. A group is never split between training and test, or "
    "the score would be too good. It holds for images that are added next."
)
PATTERN_TIP = r"A regular expression over the path; its bracketed part is the group: (plate\d+) finds plate1, plate2, …"


class GroupRow(QWidget):
    """Chooses how images that are added next are grouped."""

    changed = Signal(str)
    """The expression; empty: each series is a group."""

    def __init__(self) -> None:
        super().__init__()
        self._paths: list[str] = []
        self.choice = may_shrink(QComboBox())
        self.choice.setObjectName("group_choice")
        self.choice.setAccessibleName("What a group is")
        self.choice.setToolTip(TIP)
        self.choice.addItems([*CHOICES, BY_PATTERN])
        self.pattern = QLineEdit()
        self.pattern.setObjectName("group_by")
        self.pattern.setAccessibleName("Pattern of groups")
        self.pattern.setPlaceholderText(r"for example (plate\d+)")
        self.pattern.setToolTip(PATTERN_TIP)
        self.told = label("", "quiet", name="groups_told", wrap=True)
        row = QHBoxLayout()
        row.addWidget(label("A group is"))
        row.addWidget(self.choice, 1)
        row.addWidget(self.pattern, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.told)
        self.choice.currentIndexChanged.connect(lambda _index: self._on_changed())
        self.pattern.textChanged.connect(lambda _text: self._on_changed())
        self._show()

    def value(self) -> str:
        """Return the expression; empty: each series is a group."""
        return CHOICES.get(self.choice.currentText(), self.pattern.text().strip())

    def show_paths(self, paths: Sequence[str]) -> None:
        """Tell on these images which groups would result."""
        self._paths = list(paths)
        self._show()

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit(self.value())

    def _show(self) -> None:
        by_pattern = self.choice.currentText() == BY_PATTERN
        self.pattern.setVisible(by_pattern)
        words, problem = told(self._paths, self.value())
        set_property(self.told, "role", "problem" if problem else "quiet")
        self.told.setText(PATTERN_TIP if by_pattern and not self.value() else words)
        self.told.setVisible(bool(self.told.text()))


def told(paths: Sequence[str], pattern: str) -> tuple[str, bool]:
    """Return what an expression makes of images, and whether it cannot be used."""
    if not pattern:
        return "", False
    try:
        found = [group_of(path, pattern) for path in paths or ["P/p1_A1.tif"]]
    except UserError as error:
        # Without images all that can be wrong is the expression itself.
        if paths or "finds no group" not in error.message:
            return str(error), True
        found = []
    if not paths:
        return "Which groups result is told here once there are images.", False
    return f"Of the images here that would make {groups_in_words(found)}.", False
