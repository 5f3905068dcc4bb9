"""The classes with their keys, colours and live counts; a click labels, the menu changes a class."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QColorDialog, QGridLayout, QInputDialog, QMenu, QPushButton, QSizePolicy, QWidget

from napari_cellsynth.project import BAD_SEGMENTATION, UNSURE
from napari_cellsynth.project.classes import KEYS, ClassRecord
from napari_cellsynth.widgets.button_text import literal

SPECIAL = {UNSURE: ("0", "unsure"), BAD_SEGMENTATION: ("X", "bad segmentation")}


class ClassList(QWidget):
    """Two columns of class buttons, then unsure, bad segmentation and “+ class”.

    Signals
    -------
    chosen : int
        The class (or `UNSURE`, `BAD_SEGMENTATION`) the person clicked.
    add_asked : str
        A name for a new class.
    rename_asked : int, str
    recolor_asked : int, str
    key_asked : int, str
    merge_asked : int, int
        A class, and the one that it is to be merged into.
    delete_asked : int
    """

    chosen = Signal(int)
    add_asked = Signal(str)
    rename_asked = Signal(int, str)
    recolor_asked = Signal(int, str)
    key_asked = Signal(int, str)
    merge_asked = Signal(int, int)
    delete_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("classes")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(3)
        self._records: list[ClassRecord] = []
        self._buttons: dict[int, QPushButton] = {}
        self._counts: dict[int, int] = {}
        self._current: Collection[int] = ()
        self._several = False
        self.add_button = QPushButton("+ class")
        self.add_button.setObjectName("add_class")
        self.add_button.setToolTip("Add a class; it gets the next free key and colour.")
        self.add_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.add_button.clicked.connect(self.ask_add)
        for class_id in SPECIAL:
            self._buttons[class_id] = self._button(class_id)
        self.set_classes([])

    # ------------------------------------------------------------------ what the dock calls
    def set_classes(self, records: Sequence[ClassRecord], several: bool = False) -> None:
        """Show these classes, of which an object has one or ``several``."""
        self._several = several
        wanted = {record.id for record in records}
        for class_id in [c for c in self._buttons if c > 0 and c not in wanted]:
            self._buttons.pop(class_id).deleteLater()
        self._records = list(records)
        for record in records:
            if record.id not in self._buttons:
                self._buttons[record.id] = self._button(record.id)
            self._buttons[record.id].setIcon(dot(record.color))
        order = [record.id for record in records]
        cells: list[QWidget] = [self._buttons[c] for c in order] + [self.add_button]
        for i, cell in enumerate(cells):
            self._grid.addWidget(cell, i // 2, i % 2)
        row = (len(cells) + 1) // 2
        for column, class_id in enumerate(SPECIAL):
            self._grid.addWidget(self._buttons[class_id], row, column)
        self._write()

    def set_counts(self, counts: Mapping[int, int]) -> None:
        """Show how many objects each class has."""
        self._counts = dict(counts)
        self._write()

    def set_current(self, class_ids: Collection[int]) -> None:
        """Press the buttons of the shown object's classes."""
        self._current = class_ids
        for each, button in self._buttons.items():
            button.setChecked(each in class_ids)

    def button(self, class_id: int) -> QPushButton:
        """Return the button of a class."""
        return self._buttons[class_id]

    # ------------------------------------------------------------------ asking the person
    def ask_add(self) -> None:
        """Ask for the name of a new class."""
        name, good = QInputDialog.getText(self, "New class", "Name of the class:")
        if good and name.strip():
            self.add_asked.emit(name.strip())

    def ask_rename(self, record: ClassRecord) -> None:
        """Ask for another name of a class."""
        name, good = QInputDialog.getText(self, "Rename class", "Name of the class:", text=record.name)
        if good and name.strip() and name.strip() != record.name:
            self.rename_asked.emit(record.id, name.strip())

    def ask_color(self, record: ClassRecord) -> None:
        """Ask for another colour of a class."""
        color = QColorDialog.getColor(QColor(record.color), self, f"Colour of {record.name}")
        if color.isValid():
            self.recolor_asked.emit(record.id, color.name())

    # ------------------------------------------------------------------ inside
    def _button(self, class_id: int) -> QPushButton:
        made = QPushButton()
        made.setObjectName(f"class_{class_id}" if class_id > 0 else SPECIAL[class_id][1].replace(" ", "_"))
        made.setCheckable(True)
        # The keys work on the crop: a click on a class must not take the focus away from it.
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        made.setStyleSheet("text-align: left; padding: 3px 6px;")
        made.clicked.connect(partial(self._on_clicked, class_id))
        if class_id > 0:
            made.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            made.customContextMenuRequested.connect(partial(self._show_menu, class_id))
        return made

    def _on_clicked(self, class_id: int, _checked: bool = False) -> None:
        self.set_current(self._current)
        self.chosen.emit(class_id)

    def _show_menu(self, class_id: int, position: QPoint) -> None:
        record = next(record for record in self._records if record.id == class_id)
        menu = QMenu(self)
        self.fill_menu(menu, record)
        menu.exec(self._buttons[class_id].mapToGlobal(position))
        menu.deleteLater()

    def fill_menu(self, menu: QMenu, record: ClassRecord) -> None:
        """Offer what can be done with a class; all of it can be undone."""
        menu.addAction("Rename…", partial(self.ask_rename, record))
        menu.addAction("Colour…", partial(self.ask_color, record))
        keys = menu.addMenu("Key")
        holders = {each.key: f"  (now {literal(each.name)})" for each in self._records if each.key}
        for key in (*KEYS, ""):
            words = f"{key}{holders.get(key, '')}" if key else "none"
            keys.addAction(words, partial(self.key_asked.emit, record.id, key)).setEnabled(key != record.key)
        menu.addSeparator()
        others = menu.addMenu("Merge into")
        others.setEnabled(len(self._records) > 1)
        for other in self._records:
            if other.id != record.id:
                others.addAction(literal(other.name), partial(self.merge_asked.emit, record.id, other.id))
        delete = menu.addAction("Delete", partial(self.delete_asked.emit, record.id))
        count = self._counts.get(record.id, 0)
        delete.setEnabled(not count)
        delete.setToolTip(f"{count:,} objects have it: merge it into another class." if count else "")

    def _write(self) -> None:
        for record in self._records:
            button = self._buttons[record.id]
            button.setText(f"{record.key or ' '}  {literal(record.name)}   {self._counts.get(record.id, 0):,}")
            key = f"Key {record.key}" if record.key else "A click"
            does = "gives or takes away" if self._several else "labels the object"
            button.setToolTip(f"{key} {does} {record.name}. Right click: rename, colour, key, merge, delete.")
        for class_id, (key, name) in SPECIAL.items():
            self._buttons[class_id].setText(f"{key}  {name}   {self._counts.get(class_id, 0):,}")
        self._buttons[UNSURE].setToolTip("Key 0: you cannot tell. Kept out of training.")
        self._buttons[BAD_SEGMENTATION].setToolTip("Key X: not one whole object. Kept out of training.")


def dot(color: str) -> QIcon:
    """Return a round icon of a colour."""
    picture = QPixmap(24, 24)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(color))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(3, 3, 18, 18)
    painter.end()
    return QIcon(picture)
